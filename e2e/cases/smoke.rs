//! The store and both images are where the other cases expect them.

use crate::harness::{BAD_IMAGE, Case, GOOD_IMAGE};

#[tokio::test]
async fn the_store_holds_both_images_and_takes_objects() {
    let case = Case::new("smoke").await;
    let store = case.store().await;
    let images = store.list("").await;
    for image in [GOOD_IMAGE, BAD_IMAGE] {
        assert!(images.iter().any(|key| key == image), "{image} is not among {images:?}");
    }
    let key = format!("{}/object", case.namespace);
    store.put(&key, b"bytes".to_vec()).await;
    assert_eq!(store.get(&key).await, b"bytes");
    assert_eq!(store.list(&case.namespace).await, [key.as_str()]);
    store.delete(&key).await;
    assert!(store.list(&case.namespace).await.is_empty());
}

//! Until the object was reached its address is mended in place, and never after.

use serde_json::json;

use super::{disk, own_profile, patch, small_image};
use crate::harness::{Case, Triple, check, condition, triple};

#[tokio::test]
async fn a_wrong_secret_is_mended_in_place_until_the_object_was_reached() {
    let case = Case::new("mended").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let mut small = check("small", &key, &profile);
    small.spec.source.secret_ref.as_mut().unwrap().name = "no-such-secret".into();
    case.apply(&small).await.unwrap();
    let missing = case.wait_for("small", "Ready", "False").await;
    assert_eq!(triple(&missing), Triple::of("False/SecretNotFound", Some("True/ProgressingWithRetry"), None));
    let message = &condition(&missing, "Ready").unwrap().message;
    assert!(message.contains("no-such-secret"), "{message}");
    assert_eq!(disk(&missing).source, None);

    let mend = |secret: &str| json!({"spec": {"source": {"secretRef": {"name": secret}}}});
    patch(&case, "small", mend("bucket-reader")).await.expect("the object was not reached yet");
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Checked", None, None));
    let refusal = patch(&case, "small", mend("bucket-writer")).await.expect_err("the object was read").to_string();
    assert!(refusal.contains("must not change once the image was read"), "{refusal}");
}

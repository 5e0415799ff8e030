//! What is asked of the image is judged beside it, and mended without reading it again.

use image_import::api::{ImageImport, ImageRequest};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::disks::Workshop;
use crate::harness::{Case, Triple, check, condition, triple};

#[tokio::test]
async fn a_name_that_the_form_refuses_is_mended_in_place() {
    let case = Case::new("named").await;
    let key = format!("{}/disk", case.namespace);
    case.store().await.put(&key, Workshop::new().image()).await;
    let mut import = check("disk", &key, "alibaba-ecs-2020-12");
    import.spec.image = Some(ImageRequest { name: Some("1 web base".into()), ..ImageRequest::default() });
    case.apply(&import).await.unwrap();
    let refused = case.settled("disk").await;
    assert_eq!(triple(&refused), Triple::of("False/InvalidImageName", None, Some("True/Rejected")));
    let name = condition(&refused, "ImageNameValid").unwrap();
    assert_eq!((name.status.as_str(), name.reason.as_str()), ("False", "InvalidImageName"));
    for part in ["begins with \"1\" (U+0031)", "spec.image.name", "as in web-base."] {
        assert!(name.message.contains(part), "{part}: {}", name.message);
    }
    assert_eq!(refused.status.as_ref().unwrap().report.as_ref().unwrap().failed, ["FRM-01"]);

    let mend = json!({"spec": {"image": {"name": "web-base"}}});
    let imports = case.api::<ImageImport>();
    imports.patch("disk", &PatchParams::default(), &Patch::Merge(mend)).await.expect("nothing was converted yet");
    let taken = case.wait_for("disk", "Ready", "True").await;
    assert_eq!(triple(&taken), Triple::of("True/Checked", None, None));
    assert_eq!(condition(&taken, "ImageNameValid").unwrap().status, "True");
    let read = |import: &ImageImport| import.status.as_ref().unwrap().disks[0].inspection.clone();
    assert_eq!(read(&taken), read(&refused), "the image was not read again");
}

//! The password of the image's root comes as a Secret: the worker judges it, and nothing else learns it.

use image_import::api::{ImageImport, ImageRequest, LocalRef};
use image_import::inspect::wire::{Message, decode};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::harness::{Case, GOOD_IMAGE, check, condition, triple};

/// root's, as `e2e/images/build.sh` sets it.
const OF_THE_IMAGE: &str = "Demo-Pa55word";

fn secret(password: &str) -> Secret {
    let metadata = kube::core::ObjectMeta { name: Some("root".to_owned()), ..Default::default() };
    // As `echo` and editors write it.
    let data = [("password".to_owned(), ByteString(format!("{password}\n").into_bytes()))];
    Secret { metadata, data: Some(data.into()), ..Secret::default() }
}

/// Has the image read again, and gives the import once it is judged.
async fn read_again(case: &Case, at: &str) -> ImageImport {
    let request = Patch::Merge(json!({"metadata": {"annotations": {"imageimport.dev/requestedAt": at}}}));
    case.api::<ImageImport>().patch("web", &PatchParams::default(), &request).await.expect("a request");
    case.wait("web", "judged again", |import| {
        let handled = import.status.as_ref().and_then(|s| s.last_handled_request_at.as_deref()) == Some(at);
        handled && condition(import, "Stalled").is_some_and(|c| c.reason == "Rejected")
    })
    .await
}

/// Status and reason of the rule, its message, and whether the import fails for it.
fn answer(import: &ImageImport) -> (String, String, bool) {
    let rule = condition(import, "RootPasswordAccepted").expect("the rule's condition");
    let failed =
        import.status.as_ref().and_then(|s| s.report.as_ref()).is_some_and(|r| r.failed.contains(&"LNX-07".into()));
    (format!("{}/{}", rule.status, rule.reason), rule.message.clone(), failed)
}

/// Everything that is known of the import, the stored facts in clear text.
fn everything(import: &ImageImport) -> String {
    let facts =
        import.status.as_ref().and_then(|s| s.disks.first()?.inspection.as_ref()?.facts.clone()).expect("facts");
    let Ok(Message::Facts(clear)) = decode(&facts) else { panic!("no facts: {facts}") };
    format!("{} {}", serde_json::to_string(import).unwrap(), serde_json::to_string(&clear).unwrap())
}

#[tokio::test]
async fn a_password_is_judged_where_the_image_is_read_and_told_to_nobody() {
    let case = Case::new("password").await;
    // The cloud does not list Debian 12, so that the import is refused whatever the password is.
    let mut import = check("web", GOOD_IMAGE, "alibaba-ecs-2020-12");
    import.spec.image = Some(ImageRequest {
        password_secret_ref: Some(LocalRef { name: "root".to_owned() }),
        compare_password: true,
        ..ImageRequest::default()
    });
    case.apply(&import).await.expect("an import");
    let waits = case.wait_for("web", "Ready", "False").await;
    assert_eq!(triple(&waits).ready, "False/SecretNotFound", "as with the Secret of the source");

    let secrets = case.api::<Secret>();
    secrets.create(&PostParams::default(), &secret(OF_THE_IMAGE)).await.expect("a Secret");
    let good = read_again(&case, "1").await;
    assert_eq!(answer(&good), ("True/Passed".to_owned(), String::new(), false));

    for (at, password, status, says, fails) in [
        ("2", "Another-Pa55word", "False/RootPasswordPolicy", "not root's in the image (/etc/shadow:", false),
        ("3", "changeme", "False/RootPasswordPolicy", "has too few kinds of characters", true),
    ] {
        secrets
            .patch("root", &PatchParams::default(), &Patch::Merge(secret(password)))
            .await
            .expect("another password");
        let found = read_again(&case, at).await;
        let (found_status, message, failed) = answer(&found);
        assert_eq!((found_status.as_str(), failed), (status, fails), "{message}");
        assert!(message.contains(says), "{message}");
        let all = everything(&found);
        assert!(!all.contains(password) && !all.contains("$y$"), "{}: {all}", found.name_any());
    }
}

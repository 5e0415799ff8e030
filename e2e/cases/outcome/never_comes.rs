//! What is missing and does not come: the slot is given back, and after the grace period the import stalls.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;

use super::{jobs, retried, said, stalled};
use crate::harness::{Case, GOOD_IMAGE, check, operator_namespace, triple};

/// A time that the operator was started with, in seconds.
async fn time(case: &Case, flag: &str) -> u64 {
    let api: Api<Deployment> = Api::namespaced(case.client.clone(), &operator_namespace());
    let operator = api.get("image-import-operator").await.expect("the operator");
    let args = operator.spec.unwrap().template.spec.unwrap().containers.remove(0).args.unwrap_or_default();
    let value = args.iter().find_map(|a| a.strip_prefix(flag)?.strip_prefix('=')?.strip_suffix('s'));
    value.and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("{flag} is not in seconds: {args:?}"))
}

#[tokio::test]
async fn a_secret_that_never_comes_stalls_the_import_after_a_while() {
    let case = Case::new("outcome-never").await;
    let (pending, grace) = (time(&case, "--pending-timeout").await, time(&case, "--grace").await);
    let mut import = check("web", GOOD_IMAGE, "tencent-cvm");
    import.spec.source.secret_ref.as_mut().unwrap().name = "nowhere".to_owned();
    case.apply(&import).await.expect("an import");
    let waiting = case.wait_for("web", "Ready", "False").await;
    assert_eq!(triple(&waiting), retried("SecretNotFound"), "{}", said(&waiting));
    let ended = |i: &image_import::api::ImageImport| {
        i.status.as_ref()?.disks.first()?.inspection.as_ref()?.completion_time.clone()
    };
    let given_up =
        case.wait_at_most("web", "given up", Duration::from_secs(pending + 30), |i| ended(i).is_some()).await;
    assert!(said(&given_up).contains("nowhere"), "{}", said(&given_up));
    let stalls = case
        .wait_at_most("web", "stalled", Duration::from_secs(grace + 30), |i| triple(i) == stalled("SecretNotFound"))
        .await;
    assert!(said(&stalls).contains("nowhere"), "{}", said(&stalls));
    assert!(jobs(&case, "web").await.len() <= 1);
}

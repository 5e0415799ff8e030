//! A good image is taken and a bad one refused, with every fault named; the operator may die meanwhile.

use crate::harness::{BAD_IMAGE, Case, GOOD_IMAGE, Triple, check, condition, import, triple};

#[tokio::test]
async fn a_good_image_is_checked() {
    let case = Case::new("checked").await;
    case.apply(&check("good", GOOD_IMAGE, "tencent-cvm")).await.unwrap();
    let good = case.wait_for("good", "Ready", "True").await;
    assert_eq!(triple(&good), Triple::of("True/Checked", None, None));
    let report = good.status.unwrap().report.unwrap();
    assert_eq!(report.failed, [""; 0], "nothing fails");
    assert!(report.counts.passed > 0);
}

#[tokio::test]
async fn a_bad_image_is_refused_and_each_fault_is_named() {
    let case = Case::new("refused").await;
    case.apply(&check("bad", BAD_IMAGE, "tencent-cvm")).await.unwrap();
    let bad = case.settled("bad").await;
    assert_eq!(condition(&bad, "Inspected").unwrap().status, "True", "bad images end `kubectl wait` too");
    assert_eq!(condition(&bad, "Stalled").unwrap().reason, "Rejected");
    let virtio = condition(&bad, "VirtioInstalled").unwrap();
    assert_eq!((virtio.status.as_str(), virtio.reason.as_str()), ("False", "VirtioNotInstall"));
    assert!(virtio.message.contains("/boot/initrd.img-"), "the message says where: {}", virtio.message);
    assert_eq!(bad.status.unwrap().report.unwrap().failed, ["DRV-01", "SVC-01"]);
}

#[tokio::test]
async fn an_operator_that_is_killed_goes_on_where_it_was() {
    let case = Case::alone("killed").await;
    let store = case.store().await;
    case.apply(&import("good", GOOD_IMAGE, "tencent-cvm", &case.namespace)).await.unwrap();
    case.operator().kill().await;
    let good = case.wait_for("good", "Ready", "True").await;
    assert_eq!(triple(&good), Triple::of("True/Imported", None, None));
    assert_eq!(store.list(&case.namespace).await.len(), 1, "the image is stored once");
    case.operator().scale(0).await;
    case.operator().scale(1).await;
}

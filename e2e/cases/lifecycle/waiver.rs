//! Waivers: what was found is judged again, and not read again.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::seen::SeenJobs;
use super::{disk, own_profile, patch, small_image};
use crate::harness::{Case, Triple, check, condition, triple};

fn rejected() -> Triple {
    Triple::of("False/ImageFormatNotSupported", None, Some("True/Rejected"))
}

#[tokio::test]
async fn a_waiver_judges_again_and_reads_nothing_and_one_that_expired_does_not_count() {
    let case = Case::new("waiver").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["QCOW2"]).await);
    let jobs = SeenJobs::start(&case).await;
    case.apply(&check("small", &key, &profile)).await.unwrap();
    let refused = case.settled("small").await;
    assert_eq!(triple(&refused), rejected());

    let waived = |until: Timestamp| {
        let waiver = json!({"rule": "ImageFormatAccepted", "justification": "A trial", "expirationTime": until});
        json!({"spec": {"waivers": [waiver]}})
    };
    patch(&case, "small", waived(Timestamp::now() - SignedDuration::from_hours(1))).await.unwrap();
    let expired = case.settled("small").await;
    assert_eq!(triple(&expired), rejected(), "a waiver that expired does not count");
    let rule = condition(&expired, "ImageFormatAccepted").unwrap();
    assert!(rule.message.starts_with("the waiver (A trial) expired at "), "and it is said: {}", rule.message);

    let soon = Timestamp::now() + SignedDuration::from_secs(15);
    patch(&case, "small", waived(soon)).await.unwrap();
    let taken = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&taken), Triple::of("True/Checked", None, None));
    let report = taken.status.as_ref().unwrap().report.clone().unwrap();
    assert_eq!((report.counts.waived, report.failed.len()), (1, 0));
    assert_eq!(disk(&taken).inspection, disk(&refused).inspection, "nothing was read again");

    // Nobody touches it, and its time is over.
    let over = case.wait_for("small", "Ready", "False").await;
    assert!(Timestamp::now() >= soon);
    assert_eq!(triple(&over), rejected());
    assert_eq!(condition(&over, "Compliant").unwrap().status, "False");
    assert!(condition(&over, "ImageFormatAccepted").unwrap().message.contains("expired at"));
    assert_eq!(disk(&over).inspection, disk(&refused).inspection);
    assert_eq!(jobs.made("inspect"), 1, "it was read once");
}

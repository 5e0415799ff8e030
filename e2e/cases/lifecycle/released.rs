//! `image-import release-finalizers`: before an uninstall, records are let go, and their objects stay.

use std::process::{Command, Output};

use image_import::api::{CustomImage, DeletionPolicy};
use kube::ResourceExt;
use kube::api::DeleteParams;

use super::removed::recorded;
use super::written;
use crate::harness::Case;

fn release(case: &Case) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-import"));
    command.args(["release-finalizers", "-n", &case.namespace]).output().expect("the program runs")
}

#[tokio::test]
async fn a_record_that_was_released_goes_without_its_object() {
    let case = Case::new("released").await;
    let store = case.store().await;
    let (record, key) = recorded(&case, &store, DeletionPolicy::Delete).await;
    let released = release(&case);
    assert!(released.status.success(), "{}", String::from_utf8_lossy(&released.stderr));
    let name = record.name_any();
    assert_eq!(String::from_utf8_lossy(&released.stdout), format!("{}/{name}\n", case.namespace));
    assert!(release(&case).stdout.is_empty(), "once is enough");

    let records = case.api::<CustomImage>();
    let there = records.get(&name).await.expect("it is still there");
    assert_eq!((there.finalizers().len(), there.uid()), (0, record.uid()));
    records.delete(&name, &DeleteParams::default()).await.expect("it goes");
    assert!(records.get_opt(&name).await.unwrap().is_none(), "at once");
    assert_eq!(written(&case, &store).await, [key]);
}

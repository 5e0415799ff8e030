//! A leader that stood still while another took over writes nothing when it wakes.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use image_import::api::ImageImport;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::seen::SeenJobs;
use super::{disk, eventually, no_work_left, out, own_profile, patch, records, small_image, written};
use crate::harness::{Case, Triple, import, operator_namespace, triple};

/// The operator's process in a pod, on this machine.
fn process_of(pod: &Pod) -> Option<u32> {
    let uid = pod.uid()?;
    let folders = std::fs::read_dir("/proc").ok()?.flatten().map(|e| e.path());
    let is_it = |folder: &PathBuf| {
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        let cgroup = read("cgroup");
        (cgroup.contains(&uid) || cgroup.contains(&uid.replace('-', "_"))) && read("cmdline").contains("image-import")
    };
    folders.filter(is_it).find_map(|folder| folder.file_name()?.to_str()?.parse().ok())
}

fn signal(process: u32, name: &str) {
    let done = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(done.success(), "kill -{name} {process}");
}

/// Goes on with a process that was stopped, whatever the case comes to.
struct Stopped(u32);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-CONT", &self.0.to_string()]).output();
    }
}

#[tokio::test]
async fn a_leader_that_wakes_after_another_took_over_writes_nothing() {
    let case = Case::alone("leader-paused").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let (pods, leases): (Api<Pod>, Api<Lease>) = (
        Api::namespaced(case.client.clone(), &operator_namespace()),
        Api::namespaced(case.client.clone(), &operator_namespace()),
    );
    let holder = async || {
        let lease = leases.get_opt("image-import-operator").await.unwrap();
        let holder = lease.and_then(|l| l.spec?.holder_identity).unwrap_or_default();
        // `<pod>_<process>`
        holder.rsplit_once('_').map(|(pod, _)| pod.to_owned()).unwrap_or(holder)
    };
    case.operator().scale(2).await;
    let there = async |pod: String| !pod.is_empty() && pods.get_opt(&pod).await.unwrap().is_some();
    eventually("one leads", 60, async || there(holder().await).await).await;
    let first = holder().await;
    let pod = pods.get(&first).await.unwrap();
    let Some(process) = process_of(&pod) else {
        println!("skipped: the operator's processes are not on this machine");
        return case.operator().scale(1).await;
    };
    let restarts = async || {
        let pod = pods.get(&first).await.unwrap();
        pod.status.unwrap().container_statuses.unwrap()[0].restart_count
    };
    let before = restarts().await;

    // It stops with an import at hand that waits to be looked at.
    let jobs = SeenJobs::start(&case).await;
    let mut small = import("small", &key, &profile, &out(&case));
    small.spec.suspend = true;
    case.apply(&small).await.unwrap();
    case.wait_for("small", "Ready", "Unknown").await;
    signal(process, "STOP");
    let stopped = Stopped(process);
    patch(&case, "small", json!({"spec": {"suspend": false}})).await.unwrap();
    let done = case.wait_for("small", "Ready", "True").await;
    assert_ne!(holder().await, first, "another leads");
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    no_work_left(&case).await;
    // The last write is that nobody is told of it.
    let noted = |i: &ImageImport| i.status.as_ref().is_some_and(|s| !s.notifications.is_empty());
    let done = case.wait("small", "noted", noted).await;

    // It wakes with what it had seen before, and ends: by itself, or because it did not answer for too long.
    drop(stopped);
    eventually("the first leader's process has ended", 60, async || restarts().await > before).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = case.wait_for("small", "Ready", "True").await;
    assert_eq!(later.resource_version(), done.resource_version(), "it wrote nothing");
    assert_eq!(disk(&later), disk(&done));
    assert_eq!((jobs.made("inspect"), jobs.made("convert")), (1, 1), "and made no Job");
    assert_eq!((written(&case, &store).await.len(), records(&case).await.len()), (1, 1));
    case.operator().scale(1).await;
}

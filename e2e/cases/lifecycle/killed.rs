//! The operator dies after each step of the plan, and everything is done once.

use image_import::api::ImageImport;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};

use super::seen::SeenJobs;
use super::{disk, no_work_left, out, own_profile, records, small_image, written};
use crate::harness::{Case, Triple, condition, import, operator_namespace, triple};

/// What is seen of the cluster after a step.
struct Scene {
    import: ImageImport,
    jobs: Vec<Job>,
    records: usize,
}

impl Scene {
    async fn of(case: &Case) -> Self {
        let jobs = case.api::<Job>().list(&ListParams::default()).await.unwrap().items;
        let import = case.api::<ImageImport>().get("small").await.unwrap();
        Self { import, jobs, records: records(case).await.len() }
    }

    fn made(&self, stage: &str) -> bool {
        self.jobs.iter().any(|j| j.labels().get("imageimport.dev/stage").is_some_and(|s| s == stage))
    }

    fn finished(&self, stage: &str) -> bool {
        self.jobs.iter().any(|j| {
            let done = j.status.as_ref().is_some_and(|s| s.succeeded == Some(1));
            done && j.labels().get("imageimport.dev/stage").is_some_and(|s| s == stage)
        })
    }

    fn is(&self, kind: &str) -> bool {
        condition(&self.import, kind).is_some_and(|c| c.status == "True")
    }
}

/// A step, and how it is seen.
type Step = (&'static str, fn(&Scene) -> bool);

/// The steps of the plan in order. A later one's sign is there for good, so none is waited for in vain.
const STEPS: &[Step] = &[
    ("looked at", |s| condition(&s.import, "Ready").is_some()),
    ("inspection Job made", |s| s.made("inspect") || noted_inspection(s)),
    ("inspection Job noted", noted_inspection),
    ("inspection finished", |s| s.finished("inspect") || facts(s)),
    ("facts stored", facts),
    ("judged", |s| s.is("Inspected")),
    ("conversion Job made", |s| s.made("convert") || noted_conversion(s)),
    ("conversion Job noted", noted_conversion),
    ("conversion finished", |s| s.finished("convert") || result(s)),
    ("result stored", result),
    ("record made", |s| s.records > 0),
    ("done", |s| s.is("Ready")),
];

fn noted_inspection(scene: &Scene) -> bool {
    disk(&scene.import).inspection.is_some_and(|i| i.job_uid.is_some())
}

fn facts(scene: &Scene) -> bool {
    disk(&scene.import).inspection.is_some_and(|i| i.facts.is_some())
}

fn noted_conversion(scene: &Scene) -> bool {
    disk(&scene.import).conversion.is_some_and(|c| c.job_uid.is_some())
}

fn result(scene: &Scene) -> bool {
    disk(&scene.import).conversion.is_some_and(|c| c.url.is_some())
}

/// Kills the operator as soon as there is one, and does not wait for the next, which does not wait for the dead one's
/// Lease: the two may even overlap.
async fn kill(case: &Case) {
    let pods: Api<Pod> = Api::namespaced(case.client.clone(), &operator_namespace());
    let selector = ListParams::default().labels("app.kubernetes.io/name=image-import-operator");
    for pod in pods.list(&selector).await.unwrap() {
        let _ = pods.delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await;
    }
    let leases: Api<Lease> = Api::namespaced(case.client.clone(), &operator_namespace());
    let _ = leases.delete("image-import-operator", &DeleteParams::default()).await;
}

#[tokio::test]
async fn an_operator_killed_after_every_step_does_everything_once() {
    let case = Case::alone("killed-at").await;
    let store = case.store().await;
    let (key, profile) = (small_image(&case, &store).await, own_profile(&case, &["RAW"]).await);
    let jobs = SeenJobs::start(&case).await;
    case.apply(&import("small", &key, &profile, &out(&case))).await.unwrap();
    for (step, seen) in STEPS {
        if seen(&Scene::of(&case).await) {
            // It came with the step before, faster than a kill.
            println!("{step}");
            continue;
        }
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let mut scene = Scene::of(&case).await;
        while !seen(&scene) {
            if std::time::Instant::now() > end {
                case.dump();
                panic!("not within a minute: {step}");
            }
            scene = Scene::of(&case).await;
        }
        println!("killed when {step}: {:?}", triple(&scene.import));
        kill(&case).await;
    }
    case.operator().scale(1).await;
    let done = case.wait_for("small", "Ready", "True").await;
    assert_eq!(triple(&done), Triple::of("True/Imported", None, None));
    no_work_left(&case).await;
    let objects = written(&case, &store).await;
    let found = records(&case).await;
    assert_eq!((objects.len(), found.len()), (1, 1), "one object, one record");
    assert_eq!(
        found[0].spec.disks[0].url,
        format!("s3://images/{}", objects[0]),
        "the record is of the object there is"
    );
    assert_eq!(Some(&found[0].spec.import_uid), done.uid().as_ref());
    let (read, copied) = (jobs.made("inspect"), jobs.made("convert"));
    // A Job that was made and not noted is not believed, and made again.
    assert!((1..=2).contains(&read) && (1..=2).contains(&copied), "{read} readings, {copied} copies");
}

//! Waiting for an import, and what is shown when it does not come.

use std::time::Duration;

use image_import::api::ImageImport;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::wait::await_condition;

use super::{Case, kubectl, operator_namespace};

/// The condition of this type.
pub fn condition<'a>(import: &'a ImageImport, kind: &str) -> Option<&'a Condition> {
    import.status.as_ref()?.conditions.iter().find(|c| c.type_ == kind)
}

/// What tools read of an import: `Ready` as `status/reason`, and the same of the two that are only there while true.
#[derive(Debug, PartialEq, Eq)]
pub struct Triple {
    pub ready: String,
    pub reconciling: Option<String>,
    pub stalled: Option<String>,
}

impl Triple {
    /// `Triple::of("False/Rejected", None, Some("True/Rejected"))`.
    pub fn of(ready: &str, reconciling: Option<&str>, stalled: Option<&str>) -> Self {
        Self {
            ready: ready.to_owned(),
            reconciling: reconciling.map(str::to_owned),
            stalled: stalled.map(str::to_owned),
        }
    }
}

/// The exact triple of an import; an absent `Ready` is "absent".
pub fn triple(import: &ImageImport) -> Triple {
    let of = |kind| condition(import, kind).map(|c| format!("{}/{}", c.status, c.reason));
    Triple {
        ready: of("Ready").unwrap_or_else(|| "absent".to_owned()),
        reconciling: of("Reconciling"),
        stalled: of("Stalled"),
    }
}

impl Case {
    /// Waits until the import is as wanted, at most two minutes. On failure shows its status, events, pods and logs.
    pub async fn wait(&self, name: &str, what: &str, wanted: impl Fn(&ImageImport) -> bool) -> ImageImport {
        let seen = await_condition(self.api(), name, |object: Option<&ImageImport>| object.is_some_and(&wanted));
        match tokio::time::timeout(Duration::from_secs(120), seen).await {
            Ok(Ok(Some(import))) => import,
            Ok(Ok(None)) => panic!("{name} is gone while waiting for {what}"),
            Ok(Err(error)) => panic!("watching {name} for {what}: {error}"),
            Err(_) => {
                self.dump();
                panic!("{name} did not become {what} within two minutes");
            }
        }
    }

    /// Waits until the condition has this status, and the status speaks of the present spec.
    pub async fn wait_for(&self, name: &str, kind: &str, status: &str) -> ImageImport {
        self.wait(name, &format!("{kind}={status}"), |import| {
            let current = import.status.as_ref().and_then(|s| s.observed_generation) >= import.metadata.generation;
            current && condition(import, kind).is_some_and(|c| c.status == status)
        })
        .await
    }

    /// Waits until the import has come to rest, well or badly: neither reconciling nor unseen.
    pub async fn settled(&self, name: &str) -> ImageImport {
        self.wait(name, "settled", |import| {
            let current = import.status.as_ref().and_then(|s| s.observed_generation) >= import.metadata.generation;
            let done = condition(import, "Ready").is_some_and(|c| c.status == "True");
            current && (done || condition(import, "Stalled").is_some_and(|c| c.status == "True"))
        })
        .await
    }

    /// Prints what one would look at: objects with their status, events, pods, logs.
    pub fn dump(&self) {
        let operator = operator_namespace();
        let looks: [&[&str]; 5] = [
            &["get", "imageimports,customimages", "-n", &self.namespace, "-o", "yaml"],
            &["get", "jobs,pods", "-n", &self.namespace, "-o", "wide"],
            &["get", "events", "-n", &self.namespace, "--sort-by=.lastTimestamp"],
            &[
                "logs",
                "-n",
                &self.namespace,
                "--all-containers",
                "--prefix",
                "--tail=40",
                "-l",
                "app.kubernetes.io/managed-by=image-import-operator",
            ],
            &["logs", "-n", &operator, "--tail=60", "-l", "app.kubernetes.io/name=image-import-operator"],
        ];
        for look in looks {
            let output = kubectl(look);
            eprintln!("--- kubectl {}\n{}", look.join(" "), String::from_utf8_lossy(&output.stdout));
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

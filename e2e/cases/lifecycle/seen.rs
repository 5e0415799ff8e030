//! What happened in a case's namespace, by watches that begin before it does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use image_import::api::ImageImport;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::{WatchEvent, WatchParams};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::harness::Case;

/// Worker Jobs, from the first to now.
#[derive(Default)]
struct Jobs {
    stages: BTreeMap<String, String>,
    alive: BTreeSet<String>,
    most: usize,
}

/// A watch of the worker Jobs of a namespace.
pub struct SeenJobs {
    jobs: Arc<Mutex<Jobs>>,
    task: JoinHandle<()>,
}

impl SeenJobs {
    pub async fn start(case: &Case) -> Self {
        let jobs = Arc::new(Mutex::new(Jobs::default()));
        let params = WatchParams::default().labels("imageimport.dev/stage");
        let mut events = Box::pin(case.api::<Job>().watch(&params, "0").await.expect("a watch of Jobs"));
        let kept = Arc::clone(&jobs);
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let mut kept = kept.lock().unwrap();
                match event {
                    Ok(WatchEvent::Added(job) | WatchEvent::Modified(job)) => {
                        let uid = job.uid().unwrap();
                        kept.stages.insert(uid.clone(), job.labels()["imageimport.dev/stage"].clone());
                        kept.alive.insert(uid);
                        kept.most = kept.most.max(kept.alive.len());
                    }
                    Ok(WatchEvent::Deleted(job)) => {
                        kept.alive.remove(&job.uid().unwrap());
                    }
                    _ => {}
                }
            }
        });
        Self { jobs, task }
    }

    /// How many Jobs of a stage were made.
    pub fn made(&self, stage: &str) -> usize {
        self.check();
        self.jobs.lock().unwrap().stages.values().filter(|s| *s == stage).count()
    }

    /// How many there were at one time, at most.
    pub fn most(&self) -> usize {
        self.check();
        self.jobs.lock().unwrap().most
    }

    fn check(&self) {
        assert!(!self.task.is_finished(), "the watch of Jobs has ended");
    }
}

/// A watch of one import's writes.
pub struct SeenWrites {
    states: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl SeenWrites {
    pub async fn start(case: &Case, name: &str) -> Self {
        let states = Arc::new(Mutex::new(Vec::new()));
        let params = WatchParams::default().fields(&format!("metadata.name={name}"));
        let mut events = Box::pin(case.api::<ImageImport>().watch(&params, "0").await.expect("a watch of imports"));
        let kept = Arc::clone(&states);
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let Ok(WatchEvent::Added(import) | WatchEvent::Modified(import)) = event {
                    kept.lock().unwrap().push(serde_json::to_value(import).unwrap());
                }
            }
        });
        Self { states, task }
    }

    /// Every state that was stored, the creation's first; those that differ from the one before in their progress alone
    /// are left out.
    pub fn states(&self) -> Vec<Value> {
        assert!(!self.task.is_finished(), "the watch of imports has ended");
        let (mut states, mut last) = (Vec::new(), Value::Null);
        for state in self.states.lock().unwrap().iter() {
            let mut bare = state.clone();
            bare["metadata"] = Value::Null;
            if let Some(status) = bare["status"].as_object_mut() {
                status.remove("progress");
            }
            if bare != last {
                states.push(state.clone());
                last = bare;
            }
        }
        states
    }
}

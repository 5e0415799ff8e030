//! What Prometheus sees. Labels come from closed sets: never an object's name, never an error's text.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::profiles;

/// Label of profiles that are not built in.
const CUSTOM: &str = "custom";
const RECONCILE_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const WORK_BUCKETS: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconcile {
    controller: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Inspected {
    profile: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleResult {
    profile: String,
    rule: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Converted {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Notified {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// Every metric.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    built_in: Vec<String>,
    reconciles: Family<Reconcile, Counter>,
    reconcile_seconds: Histogram,
    inspections: Family<Inspected, Counter>,
    inspection_seconds: Histogram,
    conversions: Family<Converted, Counter>,
    conversion_seconds: Histogram,
    notices: Family<Notified, Counter>,
    read_bytes: Counter,
    rule_results: Family<RuleResult, Counter>,
    workers: Family<State, Gauge>,
    leader: Gauge,
    watch_errors: Family<Kind, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("imageimport"),
            built_in: profiles::built_in().into_iter().filter_map(|p| p.metadata.name).collect(),
            reconciles: Family::default(),
            reconcile_seconds: Histogram::new(RECONCILE_BUCKETS),
            inspections: Family::default(),
            inspection_seconds: Histogram::new(WORK_BUCKETS),
            conversions: Family::default(),
            conversion_seconds: Histogram::new(WORK_BUCKETS),
            notices: Family::default(),
            read_bytes: Counter::default(),
            rule_results: Family::default(),
            workers: Family::default(),
            leader: Gauge::default(),
            watch_errors: Family::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let r = &mut self.registry;
        let build = vec![
            ("version", env!("CARGO_PKG_VERSION")),
            ("revision", option_env!("IMAGE_IMPORT_REVISION").unwrap_or("unknown")),
        ];
        r.register("build", "The program", Info::new(build));
        r.register("reconcile", "Looks at an object", self.reconciles.clone());
        r.register("reconcile_duration_seconds", "Time of a look", self.reconcile_seconds.clone());
        r.register("inspections", "Images that were read, by the verdict", self.inspections.clone());
        r.register("inspection_duration_seconds", "From the Job to its facts", self.inspection_seconds.clone());
        r.register("conversions", "Images that were copied", self.conversions.clone());
        r.register("conversion_duration_seconds", "From the Job to the object", self.conversion_seconds.clone());
        r.register("notices", "Notices of imports' ends", self.notices.clone());
        r.register("source_read_bytes", "Bytes read by inspections", self.read_bytes.clone());
        r.register("rule_results", "Rules that were judged", self.rule_results.clone());
        r.register("workers", "Imports with a worker, and imports that wait for one", self.workers.clone());
        r.register("leader", "1 on the replica that leads", self.leader.clone());
        r.register("watch_errors", "Watches that failed", self.watch_errors.clone());
        self
    }

    /// The exposition in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// An object was looked at.
    pub fn reconciled(&self, controller: &'static str, result: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Reconcile { controller, result }).inc();
        self.reconcile_seconds.observe(took.as_secs_f64());
    }

    /// An image was judged for the first time, `seconds` after its Job was made.
    pub fn inspected(&self, profile: &str, result: &'static str, seconds: f64, bytes: u64) {
        self.inspections.get_or_create(&Inspected { profile: self.profile(profile), result }).inc();
        self.inspection_seconds.observe(seconds);
        self.read_bytes.inc_by(bytes);
    }

    /// A rule was judged. Its name is one of the catalogue's.
    pub fn rule(&self, profile: &str, rule: &str, result: &'static str) {
        let labels = RuleResult { profile: self.profile(profile), rule: rule.to_owned(), result };
        self.rule_results.get_or_create(&labels).inc();
    }

    /// An image was copied, or was not.
    pub fn converted(&self, result: &'static str, seconds: f64) {
        self.conversions.get_or_create(&Converted { result }).inc();
        self.conversion_seconds.observe(seconds);
    }

    /// A notice came to its end: `Sent`, `Refused`, `GaveUp`.
    pub fn notified(&self, result: &'static str) {
        self.notices.get_or_create(&Notified { result }).inc();
    }

    /// Slots that are taken, and imports in line.
    pub fn workers(&self, running: usize, queued: usize) {
        let set =
            |state, n: usize| self.workers.get_or_create(&State { state }).set(i64::try_from(n).unwrap_or(i64::MAX));
        set("running", running);
        set("queued", queued);
    }

    /// Whether this replica leads.
    pub fn leads(&self, yes: bool) {
        self.leader.set(i64::from(yes));
    }

    /// A watch failed.
    pub fn watch_error(&self, kind: &'static str) {
        self.watch_errors.get_or_create(&Kind { kind }).inc();
    }

    fn profile(&self, name: &str) -> String {
        if self.built_in.iter().any(|p| p == name) { name.to_owned() } else { CUSTOM.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_documentation_is_there() {
        let metrics = Metrics::default();
        metrics.reconciled("imageimport", "ok", Duration::from_millis(3));
        metrics.inspected("my-own-profile", "Compliant", 2.5, 4096);
        metrics.rule("my-own-profile", "VirtioInstalled", "Fail");
        metrics.converted("Written", 9.0);
        metrics.notified("Sent");
        metrics.workers(2, 5);
        metrics.leads(true);
        metrics.watch_error("Pod");
        let text = metrics.text();
        for line in [
            "imageimport_reconcile_total{controller=\"imageimport\",result=\"ok\"} 1",
            "imageimport_reconcile_duration_seconds_bucket{le=\"0.005\"} 1",
            "imageimport_inspections_total{profile=\"custom\",result=\"Compliant\"} 1",
            "imageimport_inspection_duration_seconds_bucket{le=\"3600.0\"} 1",
            "imageimport_conversions_total{result=\"Written\"} 1",
            "imageimport_conversion_duration_seconds_count 1",
            "imageimport_notices_total{result=\"Sent\"} 1",
            "imageimport_source_read_bytes_total 4096",
            "imageimport_rule_results_total{profile=\"custom\",rule=\"VirtioInstalled\",result=\"Fail\"} 1",
            "imageimport_workers{state=\"running\"} 2",
            "imageimport_workers{state=\"queued\"} 5",
            "imageimport_leader 1",
            "imageimport_watch_errors_total{kind=\"Pod\"} 1",
            "imageimport_build_info{version=",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("my-own-profile"), "a user's name is no label");
    }
}

//! `image-import run`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::ArgAction;
use jiff::SignedDuration;
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::api::{LocalRef, Notification};
use crate::controller::plan::Times;
use crate::controller::settings::{Settings, WorkerConfig};
use crate::controller::{Ended, Operator};
use crate::metrics::Metrics;
use crate::server::{self, Readiness};
use crate::telemetry::{self, LogFormat, LogLevel};
use crate::worker::EgressArgs;

/// Exit status of a replica that lost its leadership, or could not start.
const FAILED: u8 = 1;

/// Flags of `run`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Image of the worker pods: the operator's own, by digest
    #[arg(long)]
    worker_image: String,
    /// The operator's own namespace
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    namespace: String,
    /// Name of the Lease by which one replica leads
    #[arg(long, default_value = "image-import-operator")]
    leader_election_name: String,
    /// Namespace to watch; repeatable; default: all
    #[arg(long = "watch-namespace")]
    watch_namespaces: Vec<String>,
    /// Workers at once
    #[arg(long, default_value_t = 10, value_parser = positive)]
    max_concurrent_workers: usize,
    /// Workers at once in one namespace
    #[arg(long, default_value_t = 3, value_parser = positive)]
    max_concurrent_workers_per_namespace: usize,
    /// How long a worker may wait for its start before its slot is given to another
    #[arg(long, default_value = "120s", value_parser = duration)]
    pending_timeout: SignedDuration,
    /// How long what an import needs may be missing before it is Stalled
    #[arg(long, default_value = "300s", value_parser = duration)]
    grace: SignedDuration,
    /// How long a deleted CustomImage waits for a missing Secret before its objects are left
    #[arg(long, default_value = "600s", value_parser = duration)]
    deletion_grace: SignedDuration,
    /// How long reading an image may take
    #[arg(long, default_value = "1200s", value_parser = duration)]
    inspect_deadline: SignedDuration,
    /// How long copying an image may take
    #[arg(long, default_value = "21600s", value_parser = duration)]
    convert_deadline: SignedDuration,
    #[command(flatten)]
    egress: EgressArgs,
    /// Apply the built-in profiles, and put them back
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    builtin_profiles: bool,
    /// Read the workers' logs for their progress
    #[arg(long, default_value_t = true, action = ArgAction::Set)]
    progress: bool,
    /// Web server that is told how an import ended which names none itself: https://host/path
    #[arg(long)]
    notification_url: Option<String>,
    /// Secret, in the import's namespace, whose key signingKey signs these notices; where there is none they are not signed
    #[arg(long, requires = "notification_url")]
    notification_secret: Option<String>,
    /// YAML file about the worker pods: resources, nodeSelector, tolerations, affinity, priorityClassName,
    /// runtimeClassName, labels, annotations, imagePullSecrets, imagePullPolicy, env, hostUsers
    #[arg(long)]
    worker_config: Option<PathBuf>,
    /// Where /healthz and /readyz are served
    #[arg(long, default_value = "0.0.0.0:8081")]
    health_addr: SocketAddr,
    /// Where /metrics is served
    #[arg(long, default_value = "0.0.0.0:8080")]
    metrics_addr: SocketAddr,
    /// How logs look
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
}

/// Runs it.
pub fn run(args: Args) -> ExitCode {
    let level = telemetry::start(args.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "The program could not start");
            return ExitCode::from(FAILED);
        }
    };
    match runtime.block_on(operate(args, level)) {
        Ok(Ended::Stopped) => ExitCode::SUCCESS,
        Ok(Ended::Lost) => ExitCode::from(FAILED),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "The operator failed");
            ExitCode::from(FAILED)
        }
    }
}

async fn operate(args: Args, level: LogLevel) -> anyhow::Result<Ended> {
    let config = Config::infer().await.context("no way to the API server is configured")?;
    let (health_addr, metrics_addr) = (args.health_addr, args.metrics_addr);
    let settings = settings(args, &config)?;
    let client = Client::try_from(config).context("no client for the API server")?;
    let stop = CancellationToken::new();
    let (ready, metrics) = (Readiness::default(), Arc::new(Metrics::default()));
    let operator = Operator {
        client,
        settings,
        identity: identity(),
        metrics: Arc::clone(&metrics),
        ready: ready.clone(),
        stop: stop.clone(),
    };
    let served = stop.clone();
    let end = CancellationToken::new();
    let health = tokio::spawn(server::health(health_addr, ready, level, end.clone()));
    let exposed = tokio::spawn(server::metrics(metrics_addr, metrics, end.clone()));
    tokio::spawn(async move {
        signalled().await;
        tracing::info!("Stopping");
        served.cancel();
    });
    let ended = tokio::select! {
        ended = operator.run() => ended,
        ended = health => return Err(not_served(health_addr, ended)),
        ended = exposed => return Err(not_served(metrics_addr, ended)),
    };
    end.cancel();
    Ok(ended)
}

/// Why a server ended before the operator did.
fn not_served(at: SocketAddr, ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow::anyhow!("{at} is no longer served"),
        Ok(Err(error)) => anyhow::Error::new(error).context(format!("{at} cannot be served")),
        Err(error) => anyhow::Error::new(error).context(format!("what serves {at} crashed")),
    }
}

/// Waits for SIGTERM or SIGINT.
async fn signalled() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
}

fn settings(args: Args, config: &Config) -> anyhow::Result<Settings> {
    let worker = match &args.worker_config {
        None => WorkerConfig::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            WorkerConfig::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?
        }
    };
    let notification = match args.notification_url {
        // What is wrong with it is told without it: it may hold a token.
        Some(url) if !is_webhook(&url) => anyhow::bail!("--notification-url must be https://host/path"),
        url => url.map(|url| Notification { url, secret_ref: args.notification_secret.map(|name| LocalRef { name }) }),
    };
    let mut egress = args.egress;
    for server in api_servers(config) {
        // No image comes from the API server, and a worker that is led astray must not reach it.
        egress.deny.push(format!("{server}/{}", if server.is_ipv4() { 32 } else { 128 }));
    }
    egress.deny.dedup();
    Ok(Settings {
        worker_image: args.worker_image,
        namespace: args.namespace,
        lease_name: args.leader_election_name,
        watch_namespaces: args.watch_namespaces,
        max_workers: args.max_concurrent_workers,
        max_workers_per_namespace: args.max_concurrent_workers_per_namespace,
        times: Times { pending_timeout: args.pending_timeout, grace: args.grace, deletion_grace: args.deletion_grace },
        inspect_deadline: args.inspect_deadline,
        convert_deadline: args.convert_deadline,
        egress,
        builtin_profiles: args.builtin_profiles,
        progress: args.progress,
        notification,
        worker,
    })
}

/// Addresses at which the API server is known to be: its service, and where this program reaches it.
fn api_servers(config: &Config) -> Vec<IpAddr> {
    let service = std::env::var("KUBERNETES_SERVICE_HOST").ok();
    let own = config.cluster_url.host().map(|h| h.trim_matches(['[', ']']).to_owned());
    [service, own].into_iter().flatten().filter_map(|h| h.parse().ok()).collect()
}

/// A name of its own for each replica: the pod's.
fn identity() -> String {
    let host = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME")).unwrap_or_else(|_| "operator".into());
    format!("{host}_{}", std::process::id())
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "must be a whole number above 0".to_owned())
}

/// `90s`, `5m`, `6h`, or several of these: `1h30m`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    parsed.filter(jiff::SignedDuration::is_positive).ok_or_else(|| "must be a duration, as 90s, 5m or 1h30m".to_owned())
}

/// An address as `spec.notifications` has it.
fn is_webhook(text: &str) -> bool {
    let url: Result<url::Url, _> = text.parse();
    url.is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Wrapped {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Result<Args, clap::Error> {
        let all = ["run", "--worker-image=i@sha256:a"].into_iter().chain(words.iter().copied());
        Wrapped::try_parse_from(all).map(|w| w.args)
    }

    #[test]
    fn every_flag_has_a_default_but_the_image() {
        let args = parse(&[]).unwrap();
        assert_eq!(args.pending_timeout, SignedDuration::from_secs(120));
        assert_eq!(
            (args.grace.as_secs(), args.inspect_deadline.as_secs(), args.convert_deadline.as_secs()),
            (300, 1200, 21600)
        );
        assert!(args.builtin_profiles && args.progress && !args.egress.allow_insecure_endpoints);
        assert!(Wrapped::try_parse_from(["run"]).is_err());
    }

    #[test]
    fn the_charts_flags_are_taken() {
        let args = parse(&[
            "--namespace=system",
            "--leader-election-name=x",
            "--watch-namespace=a",
            "--watch-namespace=b",
            "--max-concurrent-workers=4",
            "--max-concurrent-workers-per-namespace=2",
            "--pending-timeout=5m",
            "--deletion-grace=1m",
            "--egress-allow=10.0.0.0/8",
            "--egress-deny=10.1.0.0/16",
            "--allow-insecure-endpoints",
            "--builtin-profiles=false",
            "--progress=false",
            "--notification-url=https://hooks.example/a",
            "--notification-secret=signing",
            "--worker-config=/etc/w.yaml",
            "--health-addr=0.0.0.0:1",
            "--metrics-addr=0.0.0.0:2",
            "--log-format=text",
        ])
        .unwrap();
        assert_eq!((args.watch_namespaces.len(), args.max_concurrent_workers), (2, 4));
        assert!(!args.builtin_profiles && !args.progress && args.egress.allow_insecure_endpoints);
        assert_eq!((args.pending_timeout.as_secs(), args.deletion_grace.as_secs()), (300, 60));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_told_in_a_sentence() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = taken.local_addr().unwrap();
        let serving = server::metrics(at, Arc::new(Metrics::default()), CancellationToken::new());
        let told = format!("{:#}", not_served(at, tokio::spawn(serving).await));
        assert!(told.starts_with(&format!("{at} cannot be served: Address already in use")), "{told}");
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            "--max-concurrent-workers=0",
            "--grace=5",
            "--grace=-5m",
            "--grace=soon",
            "--log-format=xml",
            "--notification-secret=signing",
        ] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn workers_never_reach_the_api_server() {
        let mut config = Config::new("https://10.0.0.1:6443".parse().unwrap());
        let settings = settings(parse(&["--egress-deny=10.9.0.0/16"]).unwrap(), &config).unwrap();
        assert!(settings.egress.deny.contains(&"10.0.0.1/32".to_owned()));
        config.cluster_url = "https://[fd00::1]:6443".parse().unwrap();
        assert!(api_servers(&config).contains(&"fd00::1".parse().unwrap()));
    }

    #[test]
    fn an_address_that_cannot_be_told_is_not_shown() {
        let config = Config::new("https://10.0.0.1:6443".parse().unwrap());
        for wrong in ["hooks.example/t0ken", "ftp://hooks.example/t0ken", "https://u:t0ken@hooks.example/"] {
            let args = parse(&[&format!("--notification-url={wrong}")]).unwrap();
            let error = settings(args, &config).unwrap_err().to_string();
            assert!(error.contains("must be https://") && !error.contains("t0ken"), "{error}");
        }
        let args = parse(&["--notification-url=https://hooks.example/t0ken", "--notification-secret=signing"]).unwrap();
        let told = settings(args, &config).unwrap().notification.unwrap();
        assert_eq!(
            (told.url.as_str(), told.secret_ref.unwrap().name.as_str()),
            ("https://hooks.example/t0ken", "signing")
        );
    }
}

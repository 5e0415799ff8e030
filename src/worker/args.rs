//! The worker's arguments: written by the controller into the Job, parsed by the worker.

use std::path::PathBuf;

use clap::Args;

use crate::api::{Destination, Source};

/// Where the pod mounts the source's credentials.
pub const SOURCE_CREDENTIALS: &str = "/run/credentials/source";
/// Where the pod mounts the destination's credentials.
pub const DESTINATION_CREDENTIALS: &str = "/run/credentials/destination";
/// Where the kubelet takes the message from.
pub const RESULT: &str = "/dev/termination-log";

/// `worker inspect`: read a disk image, leave the facts.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct InspectArgs {
    /// The object, as the JSON of `spec.source` without `secretRef`.
    #[arg(long, value_parser = json::<Source>)]
    pub source: Source,
    /// Folder with the files accessKeyID, secretAccessKey and perhaps sessionToken; without it requests are anonymous.
    #[arg(long)]
    pub source_credentials: Option<PathBuf>,
    /// File the message is written to.
    #[arg(long, default_value = RESULT)]
    pub result: PathBuf,
    /// Seconds the reading may take.
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub egress: EgressArgs,
}

/// `worker convert`: copy a judged image into the store.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct ConvertArgs {
    /// The object, as the JSON of `spec.source` without `secretRef`.
    #[arg(long, value_parser = json::<Source>)]
    pub source: Source,
    /// Folder with the source's credentials.
    #[arg(long)]
    pub source_credentials: Option<PathBuf>,
    /// Entity tag that was judged: any other object is `SourceChanged`.
    #[arg(long)]
    pub etag: Option<String>,
    /// Size that was judged.
    #[arg(long)]
    pub size: u64,
    /// The store, as the JSON of `spec.destination` without `secretRef`; `url` is the object's own.
    #[arg(long, value_parser = json::<Destination>)]
    pub destination: Destination,
    /// Folder with the destination's credentials.
    #[arg(long)]
    pub destination_credentials: Option<PathBuf>,
    /// File the message is written to.
    #[arg(long, default_value = RESULT)]
    pub result: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub egress: EgressArgs,
}

/// Where the worker may connect to.
#[derive(Args, Debug, Clone, PartialEq, Eq, Default)]
pub struct EgressArgs {
    /// Private networks (CIDR) that may be dialled. Repeatable.
    #[arg(long = "egress-allow")]
    pub allow: Vec<String>,
    /// Networks (CIDR) that are never dialled; wins over `--egress-allow`. Repeatable.
    #[arg(long = "egress-deny")]
    pub deny: Vec<String>,
    /// Plain http endpoints are accepted.
    #[arg(long)]
    pub allow_insecure_endpoints: bool,
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

impl InspectArgs {
    /// The container's arguments that parse to this.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec!["worker".to_owned(), "inspect".to_owned(), format!("--source={}", text(&self.source))];
        push_path(&mut args, "--source-credentials", self.source_credentials.as_ref());
        args.push(format!("--result={}", self.result.display()));
        args.push(format!("--seconds={}", self.seconds));
        self.egress.push(&mut args);
        args
    }
}

impl ConvertArgs {
    /// The container's arguments that parse to this.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec!["worker".to_owned(), "convert".to_owned(), format!("--source={}", text(&self.source))];
        push_path(&mut args, "--source-credentials", self.source_credentials.as_ref());
        if let Some(etag) = &self.etag {
            args.push(format!("--etag={etag}"));
        }
        args.push(format!("--size={}", self.size));
        args.push(format!("--destination={}", text(&self.destination)));
        push_path(&mut args, "--destination-credentials", self.destination_credentials.as_ref());
        args.push(format!("--result={}", self.result.display()));
        self.egress.push(&mut args);
        args
    }
}

impl EgressArgs {
    fn push(&self, args: &mut Vec<String>) {
        args.extend(self.allow.iter().map(|c| format!("--egress-allow={c}")));
        args.extend(self.deny.iter().map(|c| format!("--egress-deny={c}")));
        if self.allow_insecure_endpoints {
            args.push("--allow-insecure-endpoints".to_owned());
        }
    }
}

fn push_path(args: &mut Vec<String>, flag: &str, path: Option<&PathBuf>) {
    args.extend(path.map(|p| format!("{flag}={}", p.display())));
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

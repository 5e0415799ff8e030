//! `image-import inspect`: reads one disk image and judges it, without a cluster.

pub mod exit;
pub mod progress;
mod read;
mod request;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::api::{Acknowledgement, Addressing, Architecture, ImportProfile, OsType};
use crate::inspect::Facts;
use crate::report;
use crate::rules::{DataDisk, Request};

/// Flags of `inspect`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Credentials for a bucket come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without them requests \
are anonymous.

Exit status: 0 compliant with every --profile (without one: with at least one of the built-in profiles), 1 not \
compliant, 2 undetermined, 64 wrong arguments, 66 no such file, 70 a defect of this program, 74 what was found could not \
be written, 75 the store could not be reached, 78 credentials that cannot be used.")]
pub struct Args {
    /// A file, or an address: s3://bucket/key, https://host/path
    pub target: String,
    /// A built-in profile, or a file with an ImportProfile. Repeatable. Default: every built-in one, side by side
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Print what was found, unjudged
    #[arg(long)]
    pub facts: bool,
    /// Print each range that was read, and what for, on standard error
    #[arg(long)]
    pub trace_reads: bool,
    /// Region of the cloud in which the image shall be: cn-hangzhou, ap-guangzhou
    #[arg(long, value_name = "REGION")]
    pub image_region: Option<String>,
    /// Name to ask for in the cloud's list of images
    #[arg(long, value_name = "NAME")]
    pub image_name: Option<String>,
    /// Description to ask for there
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Family of the system to declare
    #[arg(long, value_enum)]
    pub os_type: Option<OsType>,
    /// Platform to declare: `CentOS`, `Others Linux`, ...
    #[arg(long)]
    pub platform: Option<String>,
    /// Machine to declare
    #[arg(long, value_enum)]
    pub architecture: Option<Architecture>,
    /// Size of the system disk to ask for
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(i32).range(1..))]
    pub system_disk_size_gib: Option<i32>,
    /// Format to declare: RAW, QCOW2, VHD, VMDK
    #[arg(long, value_parser = ["RAW", "QCOW2", "VHD", "VMDK"], ignore_case = true)]
    pub format: Option<String>,
    /// Ask for a forced import, without cloud-init
    #[arg(long)]
    pub force: bool,
    /// File with the password that root has or shall have: it is judged, and shown nowhere
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Try it against the image's hash, too
    #[arg(long, requires = "password_file")]
    pub compare_password: bool,
    /// Say that this was settled with the cloud beforehand. Repeatable
    #[arg(long = "acknowledge", value_name = "WHAT", value_enum)]
    pub acknowledgements: Vec<Acknowledgement>,
    /// Accept that a rule fails, and say why: `Ext4Without64Bit=never resized`. Repeatable
    #[arg(long = "waive", value_name = "RULE=WHY", value_parser = request::waiver)]
    pub waivers: Vec<crate::api::Waiver>,
    /// A data disk that is imported with it: `NAME=FILE-OR-ADDRESS`, or `NAME:GIB=...` with the size to ask for. Repeatable
    #[arg(long = "data-disk", value_name = "NAME[:GIB]=TARGET", value_parser = request::data_disk, conflicts_with = "facts")]
    pub data_disks: Vec<request::DataDiskArg>,
    /// Region of the bucket
    #[arg(long)]
    pub region: Option<String>,
    /// Address of an S3-compatible store
    #[arg(long)]
    pub endpoint: Option<String>,
    /// How the store wants the bucket named: VirtualHosted or Path
    #[arg(long, value_parser = request::addressing)]
    pub addressing: Option<Addressing>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people, 80 columns wide
    #[default]
    Table,
    /// For programs
    Json,
    /// For programs and people
    Yaml,
}

/// Why there is nothing to print: the exit code and what goes to stderr.
#[derive(Debug)]
pub struct Refused {
    /// The exit code.
    pub code: u8,
    /// One line.
    pub message: String,
}

impl Refused {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Runs it.
pub fn run(args: &Args) -> ExitCode {
    match inspected(args) {
        Ok((text, code)) => super::show(&text, ExitCode::from(code)),
        Err(refused) => {
            eprintln!("image-import: {}", refused.message);
            ExitCode::from(refused.code)
        }
    }
}

fn inspected(args: &Args) -> Result<(String, u8), Refused> {
    let profiles = request::profiles(&args.profiles)?;
    let request = request::request(args);
    request::check_data_disks(&args.data_disks)?;
    let (facts, data_disks) = if spared(&request, &profiles) { Default::default() } else { read::facts(args)? };
    if args.facts {
        return Ok((facts_text(&facts, args.output)?, exit::COMPLIANT));
    }
    judged((&facts, &data_disks), &profiles, &request, !args.profiles.is_empty(), args.output)
}

/// Whether the address is a link that is not followed: one that has ended, or that the cloud could not use any more.
fn spared(request: &Request, profiles: &[ImportProfile]) -> bool {
    let judged = |rule: &str| profiles.iter().any(|profile| profile.spec.rules.iter().any(|r| r.name == rule));
    request.link.as_ref().is_some_and(|link| {
        (link.expired(request.now) && judged("SignatureValid")) || (link.single_use && judged("LinkNotSingleUse"))
    })
}

/// What is printed of the facts of the system disk and the data disks, and the exit code. `named`: the profiles are the
/// user's choice.
fn judged(
    (facts, data_disks): (&Facts, &[DataDisk]),
    profiles: &[ImportProfile],
    request: &Request,
    named: bool,
    output: Output,
) -> Result<(String, u8), Refused> {
    let name = |profile: &ImportProfile| profile.metadata.name.clone().unwrap_or_default();
    let reports: Vec<report::Report> =
        profiles.iter().map(|p| report::judge_disks(facts, data_disks, &name(p), &p.spec, request)).collect();
    let list = !named || reports.len() != 1;
    let text = match output {
        Output::Table if !named => report::matrix(&reports),
        Output::Table => reports.iter().map(report::table).collect::<Vec<_>>().join("\n"),
        Output::Json => report::to_json(&reports, list).map_err(|e| Refused::new(exit::INTERNAL, e.to_string()))?,
        Output::Yaml => report::to_yaml(&reports, list).map_err(|e| Refused::new(exit::INTERNAL, e.to_string()))?,
    };
    Ok((text, exit::of_reports(&reports, named)))
}

fn facts_text(facts: &Facts, output: Output) -> Result<String, Refused> {
    let text = match output {
        Output::Json => serde_json::to_string_pretty(facts).map(|t| t + "\n").map_err(|e| e.to_string()),
        Output::Table | Output::Yaml => serde_saphyr::to_string(facts).map_err(|e| e.to_string()),
    };
    text.map_err(|e| Refused::new(exit::INTERNAL, e))
}

//! `image-import import`: carries out one `ImageImport` without a cluster.

mod carry;
mod exit;
mod manifest;
mod progress;
mod secrets;
#[cfg(test)]
mod tests;
mod told;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::inspect::{self, Refused};
use crate::api::{CustomImage, ImageImport};
use crate::report;
use crate::worker::EgressArgs;

/// Flags of `import`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The report goes to standard error, so that standard output holds nothing but the record. Nothing is written where the image \
does not comply.

Exit status: 0 imported, or compliant where no destination is named, 1 not compliant, 2 undetermined, 64 wrong arguments or \
manifest, 65 damaged image, one with another checksum, or a conversion that cannot be, 66 no such file or object, 70 a defect \
of this program, 73 something is at the destination already, or a file cannot be written, 75 a store could not be reached, the \
work was stopped, or its time was up, 77 a store refuses, 78 Secrets that are missing or cannot be used.")]
pub struct Args {
    /// File with the ImageImport, and perhaps the Secrets and the ImportProfile that it names; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Folder with the keys of a Secret as files: accessKeyID, secretAccessKey, sessionToken; password. Repeatable
    #[arg(long = "secret", value_name = "NAME=DIR", value_parser = pair)]
    secrets: Vec<(String, String)>,
    /// Variables with the keys of a Secret: PREFIX_ACCESS_KEY_ID, PREFIX_SECRET_ACCESS_KEY, PREFIX_SESSION_TOKEN;
    /// PREFIX_PASSWORD. Repeatable
    #[arg(long = "secret-env", value_name = "NAME=PREFIX", value_parser = pair)]
    secrets_env: Vec<(String, String)>,
    /// File with the ImportProfile that the import names, where it is neither built in nor in the manifest
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// File for the CustomImage that records what was imported. Default: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// File for the ImageImport with the status that it would have in a cluster; `-` is standard output
    #[arg(long, value_name = "FILE")]
    status: Option<PathBuf>,
    #[command(flatten)]
    egress: EgressArgs,
}

/// Where the work ended.
#[derive(Debug)]
struct Ended {
    /// The exit code.
    code: u8,
    /// The import with its status.
    import: ImageImport,
    /// What was imported.
    record: Option<CustomImage>,
    /// One line, where it went wrong.
    why: Option<String>,
}

/// Runs it.
pub fn run(args: &Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return refused(&Refused { code: inspect::exit::INTERNAL, message: format!("no runtime: {error}") });
        }
    };
    let ended = runtime.block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_when_told(stop.clone()));
        carried(args, &|name| std::env::var(name).ok(), &stop, |report| eprint!("{}", report::table(report))).await
    });
    // A blocking read may go on; nobody waits for it.
    runtime.shutdown_background();
    match ended {
        Ok(ended) => show(args, &ended),
        Err(error) => refused(&error),
    }
}

fn refused(refused: &Refused) -> ExitCode {
    eprintln!("image-import: {}", refused.message);
    ExitCode::from(refused.code)
}

/// Ends the work at SIGINT and SIGTERM: an upload is aborted first.
async fn stop_when_told(stop: CancellationToken) {
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
    stop.cancel();
}

/// From the manifest to the record. `env` looks a variable up; `tell` is given the verdict before anything is written.
async fn carried(
    args: &Args,
    env: &dyn Fn(&str) -> Option<String>,
    stop: &CancellationToken,
    tell: impl FnOnce(&report::Report),
) -> Result<Ended, Refused> {
    let documents = manifest::read(&args.file)?;
    let profile = manifest::profile(&documents, args.profile.as_deref())?;
    let given = secrets::Secrets::new(&documents, &args.secrets, &args.secrets_env, env)?;
    let task = carry::Task::new(documents.import, profile, &given, &args.egress)?;
    let (import, report) = Box::pin(carry::judge(&task, stop)).await?;
    tell(&report);
    let verdict = exit::of_verdict(&import);
    if verdict != inspect::exit::COMPLIANT || import.spec.destination.is_none() {
        return Ok(Ended { code: verdict, import, record: None, why: None });
    }
    Ok(Box::pin(carry::convert(&task, import, stop)).await)
}

/// Writes record and status where they were asked for.
fn show(args: &Args, ended: &Ended) -> ExitCode {
    let mut printed = String::new();
    let mut code = ended.code;
    let record = ended.record.as_ref().map(|record| (yaml(record), args.output.as_deref()));
    let status =
        args.status.as_deref().map(|file| (yaml(&ended.import), Some(file).filter(|file| *file != Path::new("-"))));
    for (text, file) in record.into_iter().chain(status) {
        let failed = file.and_then(|file| Some((file, std::fs::write(file, &text).err()?)));
        if let Some((file, error)) = &failed {
            eprintln!("image-import: {}: {error}", file.display());
            code = exit::CANNOT_CREATE;
        }
        // What cannot be written to a file after hours is not lost.
        if file.is_none() || failed.is_some() {
            printed += if printed.is_empty() { "" } else { "---\n" };
            printed += &text;
        }
    }
    if let Some(why) = &ended.why {
        let _ = writeln!(std::io::stderr(), "image-import: {why}");
    }
    super::show(&printed, ExitCode::from(code))
}

fn yaml<T: serde::Serialize>(value: &T) -> String {
    let text = serde_json::to_value(value).map_err(|e| e.to_string());
    text.and_then(|value| serde_saphyr::to_string(&value).map_err(|e| e.to_string())).unwrap_or_default()
}

/// `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let filled = |(name, value): &(&str, &str)| !name.is_empty() && !value.is_empty();
    let (name, value) =
        text.split_once('=').filter(filled).ok_or("write NAME=VALUE, with the Secret's name before `=`")?;
    Ok((name.to_owned(), value.to_owned()))
}

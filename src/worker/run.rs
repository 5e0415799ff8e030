//! Carries out a worker's task and ends the process as the controller expects.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::{ConvertArgs, DeleteArgs, Exit, Failure, InspectArgs, NotifyArgs, RESULT};
use crate::convert::{self, Existing, Job};
use crate::disk::{Error, ErrorKind};
use crate::inspect::password::Password;
use crate::inspect::wire::{Message, Notified, Refusal, encode};
use crate::inspect::{Budget, inspect_with};
use crate::notify::{self, sign};
use crate::source::{self, CredentialSource, Egress, credentials};

/// After SIGTERM: time to abort an upload. The pod is killed after 30 seconds, and 10 is what is promised.
const GRACE: Duration = Duration::from_secs(8);

/// What a worker has to do.
#[derive(Debug, Clone)]
pub enum Work {
    /// Read a disk image, leave the facts.
    Inspect(InspectArgs),
    /// Write a judged image into the store.
    Convert(ConvertArgs),
    /// Delete objects that were written.
    Delete(DeleteArgs),
    /// Tell a web server how an import ended.
    Notify(NotifyArgs),
}

impl Work {
    fn result(&self) -> &Path {
        match self {
            Self::Inspect(args) => &args.result,
            Self::Convert(args) => &args.result,
            Self::Delete(args) => &args.result,
            Self::Notify(args) => &args.result,
        }
    }
}

/// Does the work, leaves the message, and says how it went. Never another code than those of [`Exit`].
pub fn run(work: Work) -> ExitCode {
    let result = work.result().to_owned();
    let ended = supervise(work);
    finish(&result, ended)
}

/// Arguments that cannot be parsed: leaves a message where the arguments say, or where the kubelet looks.
pub fn refuse_arguments(arguments: &[String], what: &str) -> ExitCode {
    let named = arguments.iter().find_map(|word| word.strip_prefix("--result="));
    finish(&PathBuf::from(named.unwrap_or(RESULT)), Err(failed(Exit::Config, "arguments", what)))
}

type Failed = (Exit, Box<Failure>);
type Ended = Result<Message, Failed>;

fn failed(exit: Exit, kind: &str, what: impl Into<String>) -> Failed {
    (exit, Box::new(Failure::new(kind, what)))
}

fn finish(result: &Path, ended: Ended) -> ExitCode {
    let ended =
        ended.and_then(|message| encode(&message).map_err(|e| failed(Exit::Internal, "internal", e.to_string())));
    let (exit, text) = match ended {
        Ok(text) => (Exit::Done, text),
        Err((exit, failure)) => {
            tracing::error!(kind = failure.kind, layer = failure.layer, what = failure.what, "the worker failed");
            (exit, failure.to_message())
        }
    };
    if let Err(error) = std::fs::write(result, text) {
        tracing::error!(%error, path = %result.display(), "the message could not be written");
        return ExitCode::from(if exit == Exit::Done { Exit::Internal as u8 } else { exit as u8 });
    }
    ExitCode::from(exit as u8)
}

/// Runs the work in a task of its own, so that a panic ends the task and not the process, until it is done or the pod is
/// told to stop.
fn supervise(work: Work) -> Ended {
    let internal = |what: String| failed(Exit::Internal, "internal", what);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| internal(e.to_string()))?;
    let ended = runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).map_err(|e| internal(e.to_string()))?;
        let stop = CancellationToken::new();
        let mut task = tokio::spawn(carry_out(work, stop.clone()));
        let joined = tokio::select! {
            joined = &mut task => joined,
            _ = terminated.recv() => {
                stop.cancel();
                let _ = tokio::time::timeout(GRACE, task).await;
                return Err(failed(Exit::Transport, "io", "the pod was told to stop"));
            }
        };
        joined.unwrap_or_else(|e| Err(failed(Exit::Internal, "panic", e.to_string())))
    });
    // A blocking read may go on; nobody waits for it.
    runtime.shutdown_background();
    ended
}

async fn carry_out(work: Work, stop: CancellationToken) -> Ended {
    let ended = match work {
        Work::Inspect(args) => within(&stop, run_inspect(args)).await?,
        Work::Convert(args) => run_convert(args, stop).await,
        Work::Delete(args) => within(&stop, run_delete(args)).await?,
        Work::Notify(args) => within(&stop, run_notify(args)).await?,
    };
    ended.map_err(|error| (exit_of(&error), Box::new(Failure::from(&error))))
}

/// The work, or the end of it when the pod is told to stop.
async fn within<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Result<T, Failed> {
    tokio::select! {
        done = work => Ok(done),
        () = stop.cancelled() => Err(failed(Exit::Transport, "io", "the pod was told to stop")),
    }
}

/// What the process ends with, by whose fault it is.
fn exit_of(error: &Error) -> Exit {
    match error.kind {
        ErrorKind::Io | ErrorKind::Limit => Exit::Transport,
        ErrorKind::Unsupported | ErrorKind::NotFound => Exit::Config,
        ErrorKind::Corrupt | ErrorKind::Encrypted => Exit::Internal,
    }
}

async fn run_inspect(args: InspectArgs) -> crate::disk::Result<Message> {
    let egress = Egress::new(&args.egress)?;
    let password = args.password_file.as_deref().map(|path| password(path, args.compare_password)).transpose()?;
    let credentials = CredentialSource::folder(args.source_credentials.as_ref());
    let budget = Budget { time: Duration::from_secs(args.seconds), ..Budget::default() };
    let opened = source::open(&args.source, &credentials, &egress, &budget).await?;
    let looked = tokio::task::spawn_blocking(move || inspect_with(&opened, password.as_ref())).await;
    let facts = match looked {
        Ok(Ok(facts)) => facts,
        Ok(Err(error)) if error.kind == ErrorKind::Io => return Err(error),
        // Every other trouble of an image is a fact, so this is a fault of the program.
        Ok(Err(error)) => return Err(Error { kind: ErrorKind::Corrupt, ..error }),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    tracing::info!(
        requests = facts.reads.requests,
        bytes = facts.reads.bytes,
        millis = facts.reads.millis,
        "inspected"
    );
    Ok(Message::Facts(Box::new(facts)))
}

/// A password that cannot be read is as keys that cannot be: the Secret has to be mended.
fn password(path: &Path, compare: bool) -> crate::disk::Result<Password> {
    Password::read(path, compare)
        .map_err(|error| Error::not_found(credentials::LAYER, format!("the password in the Secret: {error}")))
}

async fn run_convert(args: ConvertArgs, stop: CancellationToken) -> crate::disk::Result<Message> {
    let uid = std::env::var("JOB_UID").ok().filter(|uid| !uid.is_empty());
    let source = CredentialSource::folder(args.source_credentials.as_ref());
    let destination = CredentialSource::folder(args.destination_credentials.as_ref());
    let job = conversion(args, uid.as_deref(), source, destination)?;
    let progress = Progress::default();
    convert::run(&job, &|done, total| progress.tell(done, total), &stop).await
}

/// The conversion that a Job's arguments ask for. `uid` is the Job's.
///
/// # Errors
/// `Unsupported` for networks that are none, and a format that is not written.
pub fn conversion(
    args: ConvertArgs,
    uid: Option<&str>,
    source_credentials: CredentialSource,
    destination_credentials: CredentialSource,
) -> crate::disk::Result<Job> {
    let url = args.object_url(uid);
    // The name holds the Job's UID, so what is there was left by an earlier pod of this Job.
    let own = uid.is_some() && args.destination.url.ends_with('/');
    let wanted = args.wanted();
    let destination = crate::api::Destination { url, ..args.destination };
    let target = wanted.map(|format| convert::target(format, &destination)).transpose()?;
    Ok(Job {
        source_credentials,
        destination_credentials,
        egress: Egress::new(&args.egress)?,
        source: args.source,
        etag: args.etag,
        size: args.size,
        found: args.found,
        destination,
        existing: if own { Existing::Replaced } else { Existing::Refused },
        target,
        max_qcow2_bytes: args.max_qcow2_bytes,
    })
}

async fn run_notify(args: NotifyArgs) -> crate::disk::Result<Message> {
    let secret = match args.secret_file.as_deref().map(std::fs::read_to_string).transpose() {
        Err(error) if args.secret_optional && error.kind() == std::io::ErrorKind::NotFound => None,
        read => read.map_err(|_| Error::not_found(sign::LAYER, "its file cannot be read as text"))?,
    };
    let key = secret.as_deref().map(sign::Key::parse).transpose()?;
    Ok(match notify::send(&args.url, &args.event, key.as_ref(), &Egress::new(&args.egress)?).await? {
        notify::Answer::Taken => Message::Notified(Notified {}),
        notify::Answer::Refused(http) => {
            let message = format!("the web server does not take the notice: it answers {}", http.status);
            Message::Refused(Refusal { reason: "NotificationRefused".to_owned(), message, http: Some(http) })
        }
    })
}

async fn run_delete(args: DeleteArgs) -> crate::disk::Result<Message> {
    let credentials = CredentialSource::folder(args.destination_credentials.as_ref());
    convert::remove(&args.objects, &credentials, &Egress::new(&args.egress)?).await
}

#[cfg(test)]
mod tests;

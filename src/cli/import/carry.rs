//! The work itself: what two worker Jobs do in a cluster, in this process.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::progress::Bar;
use super::secrets::Secrets;
use super::{Ended, exit, told};
use crate::api::{Disk, Format, ImageImport, ImportProfile, SYSTEM_DISK, Source};
use crate::cli::inspect::exit::{COMPLIANT, INTERNAL, TRANSPORT, USAGE};
use crate::cli::inspect::{Refused, progress};
use crate::controller::deletion;
use crate::controller::judgement::facts_of;
use crate::controller::worker::convert_args;
use crate::convert::{self, Existing, StoredObject};
use crate::disk::Error;
use crate::inspect::password::Password;
use crate::inspect::wire::{Message, encode};
use crate::inspect::{self, Budget, Facts};
use crate::report::{self, Report};
use crate::source::{self, CredentialSource, Egress};
use crate::worker::{self, EgressArgs};

/// Everything that is needed.
pub struct Task {
    import: ImageImport,
    profile: ImportProfile,
    /// Keys to each disk's source, in their order.
    sources: Vec<CredentialSource>,
    destination: CredentialSource,
    password: Option<Password>,
    egress: EgressArgs,
    /// How long each worker may take, where the import says so.
    pub(super) deadline: Option<Duration>,
}

impl Task {
    /// Looks for what would be missing later on.
    pub fn new(
        import: ImageImport,
        profile: ImportProfile,
        secrets: &Secrets,
        egress: &EgressArgs,
    ) -> Result<Self, Refused> {
        let spec = &import.spec;
        let wrong = |message: &str| Refused { code: USAGE, message: message.to_owned() };
        if spec.suspend {
            return Err(wrong("spec.suspend is true: nothing is done; set it to false"));
        }
        if spec.cancel {
            return Err(wrong("spec.cancel is true: nothing is done"));
        }
        if let Some(destination) = &spec.destination
            && destination.format == Some(Format::Vmdk)
        {
            return Err(wrong("spec.destination.format: VMDK is read, and not written: set it to RAW, QCOW2 or VHD"));
        }
        let destination = spec.destination.as_ref().and_then(|destination| destination.secret_ref.as_ref());
        let field = |name: &str| match name {
            SYSTEM_DISK => "spec.source.secretRef".to_owned(),
            name => format!("spec.dataDisks[{name}].source.secretRef"),
        };
        let source = |disk: Disk| secrets.credentials(&field(disk.name), disk.source.secret_ref.as_ref());
        Ok(Self {
            sources: spec.disks().map(source).collect::<Result<_, _>>()?,
            destination: secrets.credentials("spec.destination.secretRef", destination)?,
            password: secrets.password(spec.image.as_ref())?,
            egress: egress.clone(),
            deadline: import.spec.deadline_seconds.and_then(|s| Some(Duration::from_secs(u64::try_from(s).ok()?))),
            profile,
            import: told::created(import),
        })
    }
}

/// Reads the disks and judges them. Gives the import with that in its status.
pub async fn judge(task: &Task, stop: &CancellationToken) -> Result<(ImageImport, Report), Refused> {
    let mut found = Vec::new();
    for (disk, credentials) in task.import.spec.disks().zip(&task.sources) {
        let facts = tokio::select! {
            facts = facts(task, disk, credentials) => facts?,
            () = stop.cancelled() => return Err(Refused { code: TRANSPORT, message: "the work was stopped".to_owned() }),
            after = up(task.deadline) => {
                let refusal = told::late(after);
                return Err(Refused { code: TRANSPORT, message: format!("{}: {}", refusal.reason, refusal.message) });
            }
        };
        // Judged is what a worker's message holds, as in a cluster.
        let internal = |what: String| Refused { code: INTERNAL, message: what };
        let message = encode(&Message::Facts(Box::new(facts))).map_err(|error| internal(error.to_string()))?;
        let facts = facts_of(&message).ok_or_else(|| internal("the facts cannot be read back".to_owned()))?;
        found.push(told::Found { disk: disk.name.to_owned(), facts, message });
    }
    Ok(told::judged(&task.import, &found, &task.profile, Timestamp::now()))
}

async fn facts(task: &Task, disk: Disk<'_>, credentials: &CredentialSource) -> Result<Facts, Refused> {
    let named = |error: Error| match disk.name {
        SYSTEM_DISK => refused(&error),
        name => {
            let Refused { code, message } = refused(&error);
            Refused { code, message: format!("data disk {name}: {message}") }
        }
    };
    let egress = Egress::new(&task.egress).map_err(|error| refused(&error))?;
    let source = Source { secret_ref: None, ..disk.source.clone() };
    // Facts with LimitExceeded come before the time is up, as a worker's.
    let time = |deadline: Duration| Budget { time: (deadline / 2).max(Duration::from_secs(1)), ..Budget::default() };
    let budget = task.deadline.map_or_else(Budget::default, time);
    let opened = source::open(&source, credentials, &egress, &budget).await.map_err(named)?;
    let password = task.password.clone().filter(|_| disk.name == SYSTEM_DISK);
    let meter = opened.meter.clone();
    let work = tokio::task::spawn_blocking(move || inspect::inspect_with(&opened, password.as_ref()));
    match progress::during(meter, work).await {
        Ok(facts) => facts.map_err(named),
        Err(_) => Err(Refused { code: INTERNAL, message: "the reader panicked; please report this image".to_owned() }),
    }
}

/// Writes the disks that comply to their destination, all or none, and says what came of it.
pub async fn convert(task: &Task, judged: ImageImport, stop: &CancellationToken) -> Ended {
    let mut import = judged;
    // What was there before is not this run's to delete.
    let mut made = Vec::new();
    for (disk, credentials) in task.import.spec.disks().zip(&task.sources) {
        let start = Timestamp::now();
        let written = write(task, &import, disk, credentials, stop).await;
        let now = Timestamp::now();
        let (code, why, ended) = match written {
            Ok((Message::Written(written), new)) => {
                made.extend(new.then(|| written.url.clone()));
                import = told::written(&import, disk.name, written, start, now);
                continue;
            }
            Ok((Message::Refused(refusal), _)) => {
                let why = format!("{}: {}", refusal.reason, refusal.message);
                (exit::of_refusal(&refusal.reason), why, told::refused(&import, &refusal, now))
            }
            Ok((Message::Facts(_) | Message::Deleted(_) | Message::Notified(_), _)) => {
                (INTERNAL, "the worker did something else than write the image".to_owned(), import.clone())
            }
            Err(error) if stop.is_cancelled() => {
                (exit::of_error(&error), error.to_string(), told::stopped(&import, now))
            }
            Err(error) => (exit::of_error(&error), error.to_string(), told::broken(&import, &error, now)),
        };
        let why = if disk.name == SYSTEM_DISK { why } else { format!("data disk {}: {why}", disk.name) };
        let why = report::clean(&format!("{why}{}", take_back(task, &import, &made).await), report::MESSAGE_BYTES);
        return Ended { code, import: told::dropped(&ended), record: None, why: Some(why) };
    }
    let (import, record) = told::imported(&import, Timestamp::now());
    Ended { code: COMPLIANT, import, record, why: None }
}

/// Deletes what this run made of an import that failed: all disks, or none. What stays, as the end of a sentence.
async fn take_back(task: &Task, import: &ImageImport, made: &[String]) -> String {
    let list =
        |copies: &[StoredObject]| copies.iter().map(|c| c.destination.url.clone()).collect::<Vec<_>>().join(", ");
    let (copies, earlier): (Vec<_>, Vec<_>) =
        deletion::copies(import).into_iter().partition(|copy| made.contains(&copy.destination.url));
    let earlier = match earlier.as_slice() {
        [] => String::new(),
        there => format!("; an earlier run may have written what stays: {}", list(there)),
    };
    if copies.is_empty() {
        return earlier;
    }
    let deleted = match Egress::new(&task.egress) {
        Ok(egress) => convert::remove(&copies, &task.destination, &egress).await,
        Err(error) => Err(error),
    };
    if matches!(deleted, Ok(Message::Deleted(_))) {
        return earlier;
    }
    format!("; what was written stays: delete {}{earlier}", list(&copies))
}

async fn write(
    task: &Task,
    import: &ImageImport,
    disk: Disk<'_>,
    credentials: &CredentialSource,
    stop: &CancellationToken,
) -> crate::disk::Result<(Message, bool)> {
    let args = convert_args(&task.egress, import, disk, Some(&task.profile.spec))
        .ok_or_else(|| Error::unsupported("convert", "the import names no destination, or its image was not read"))?;
    let uid = told::job_uid(import);
    let mut job = worker::conversion(args, uid.as_deref(), credentials.clone(), task.destination.clone())?;
    if job.existing == Existing::Replaced {
        job.existing = Existing::Kept;
    }
    let bar = Bar::new("writing");
    let tell = |done, total| bar.tell(done, total);
    let limited = stop.child_token();
    let mut work = std::pin::pin!(convert::run_and_tell(&job, &tell, &limited));
    tokio::select! {
        ended = &mut work => ended,
        after = up(task.deadline) => {
            limited.cancel();
            // What it sent is aborted; what it finished at the last moment counts.
            let ended = work.await;
            if ended.is_err() { Ok((Message::Refused(told::late(after)), false)) } else { ended }
        }
    }
}

/// Ends when a worker's time is up, and says how long that was.
async fn up(deadline: Option<Duration>) -> Duration {
    match deadline {
        Some(after) => {
            tokio::time::sleep(after).await;
            after
        }
        None => std::future::pending().await,
    }
}

fn refused(error: &Error) -> Refused {
    Refused { code: exit::of_error(error), message: report::clean(&error.to_string(), report::MESSAGE_BYTES) }
}

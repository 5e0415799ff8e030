//! The work itself: what two worker Jobs do in a cluster, in this process.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::progress::Bar;
use super::secrets::Secrets;
use super::{Ended, exit, told};
use crate::api::{Format, ImageImport, ImportProfile, Source};
use crate::cli::inspect::exit::{COMPLIANT, INTERNAL, TRANSPORT, USAGE};
use crate::cli::inspect::{Refused, progress};
use crate::controller::worker::convert_args;
use crate::convert;
use crate::disk::Error;
use crate::inspect::password::Password;
use crate::inspect::wire::{Message, decode, encode};
use crate::inspect::{self, Budget, Facts};
use crate::report::{self, Report};
use crate::source::{self, CredentialSource, Egress};
use crate::worker::{self, EgressArgs};

/// Everything that is needed.
pub struct Task {
    import: ImageImport,
    profile: ImportProfile,
    source: CredentialSource,
    destination: CredentialSource,
    password: Option<Password>,
    egress: EgressArgs,
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
        Ok(Self {
            source: secrets.credentials("spec.source.secretRef", spec.source.secret_ref.as_ref())?,
            destination: secrets.credentials("spec.destination.secretRef", destination)?,
            password: secrets.password(spec.image.as_ref())?,
            egress: egress.clone(),
            profile,
            import: told::created(import),
        })
    }
}

/// Reads the image and judges it. Gives the import with that in its status.
pub async fn judge(task: &Task, stop: &CancellationToken) -> Result<(ImageImport, Report), Refused> {
    let facts = tokio::select! {
        facts = facts(task) => facts?,
        () = stop.cancelled() => return Err(Refused { code: TRANSPORT, message: "the work was stopped".to_owned() }),
    };
    // Judged is what a worker's message holds, as in a cluster.
    let internal = |what: String| Refused { code: INTERNAL, message: what };
    let message = encode(&Message::Facts(Box::new(facts))).map_err(|error| internal(error.to_string()))?;
    let Ok(Message::Facts(facts)) = decode(&message) else {
        return Err(internal("the facts cannot be read back".to_owned()));
    };
    Ok(told::judged(&task.import, &message, &facts, &task.profile, Timestamp::now()))
}

async fn facts(task: &Task) -> Result<Facts, Refused> {
    let egress = Egress::new(&task.egress).map_err(|error| refused(&error))?;
    let source = Source { secret_ref: None, ..task.import.spec.source.clone() };
    let opened =
        source::open(&source, &task.source, &egress, &Budget::default()).await.map_err(|error| refused(&error))?;
    let (meter, password) = (opened.meter.clone(), task.password.clone());
    let work = tokio::task::spawn_blocking(move || inspect::inspect_with(&opened, password.as_ref()));
    match progress::during(meter, work).await {
        Ok(facts) => facts.map_err(|error| refused(&error)),
        Err(_) => Err(Refused { code: INTERNAL, message: "the reader panicked; please report this image".to_owned() }),
    }
}

/// Writes the image that complies to its destination, and says what came of it.
pub async fn convert(task: &Task, import: ImageImport, stop: &CancellationToken) -> Ended {
    let start = Timestamp::now();
    let written = write(task, &import, stop).await;
    let now = Timestamp::now();
    let failed = |import: ImageImport, code: u8, why: String| {
        let why = Some(report::clean(&why, report::MESSAGE_BYTES));
        Ended { code, import, record: None, why }
    };
    match written {
        Ok(Message::Written(written)) => {
            let (import, record) = told::imported(&import, written, start, now);
            Ended { code: COMPLIANT, import, record, why: None }
        }
        Ok(Message::Refused(refusal)) => {
            let why = format!("{}: {}", refusal.reason, refusal.message);
            failed(told::refused(&import, &refusal, now), exit::of_refusal(&refusal.reason), why)
        }
        Ok(Message::Facts(_) | Message::Deleted(_) | Message::Notified(_)) => {
            failed(import, INTERNAL, "the worker did something else than write the image".to_owned())
        }
        Err(error) => failed(told::broken(&import, &error, now), exit::of_error(&error), error.to_string()),
    }
}

async fn write(task: &Task, import: &ImageImport, stop: &CancellationToken) -> crate::disk::Result<Message> {
    let args = convert_args(&task.egress, import, Some(&task.profile.spec))
        .ok_or_else(|| Error::unsupported("convert", "the import names no destination, or its image was not read"))?;
    let uid = told::job_uid(import);
    let job = worker::conversion(args, uid.as_deref(), task.source.clone(), task.destination.clone())?;
    let bar = Bar::new("writing");
    convert::run(&job, &|done, total| bar.tell(done, total), stop).await
}

fn refused(error: &Error) -> Refused {
    Refused { code: exit::of_error(error), message: report::clean(&error.to_string(), report::MESSAGE_BYTES) }
}

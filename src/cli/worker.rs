//! `image-import worker`.

use std::process::ExitCode;

use crate::worker::{self, ConvertArgs, DeleteArgs, InspectArgs, NotifyArgs, Work};

/// Flags of `worker`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: WorkerCommand,
}

#[derive(clap::Subcommand, Debug)]
enum WorkerCommand {
    /// Read a disk image, leave the facts
    Inspect(Box<InspectArgs>),
    /// Copy a judged image into the store
    Convert(Box<ConvertArgs>),
    /// Delete objects that were written
    Delete(Box<DeleteArgs>),
    /// Tell a web server how an import ended
    Notify(Box<NotifyArgs>),
}

/// Runs it.
pub fn run(args: Args) -> ExitCode {
    log_as_json();
    worker::run(match args.command {
        WorkerCommand::Inspect(args) => Work::Inspect(*args),
        WorkerCommand::Convert(args) => Work::Convert(*args),
        WorkerCommand::Delete(args) => Work::Delete(*args),
        WorkerCommand::Notify(args) => Work::Notify(*args),
    })
}

/// The exit code for arguments of `worker` that cannot be parsed; `None` when the program was asked for something else.
pub fn refuse(error: &clap::Error) -> Option<ExitCode> {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if !error.use_stderr() || words.get(1).is_none_or(|word| word != "worker") {
        return None;
    }
    log_as_json();
    // The values of arguments may hold anything; the kind says enough.
    Some(worker::refuse_arguments(&words, &format!("the worker's arguments cannot be used: {}", error.kind())))
}

/// The log of a pod: JSON lines on standard error. A panic is one of them.
fn log_as_json() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let payload = panic.payload();
        let what = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        tracing::error!(place, "panicked: {}", what.unwrap_or_default());
    }));
}

//! What runs in the worker pod: one disk, read, copied or deleted, or one notice, and one message at the end.

mod args;
mod exit;
mod failure;
mod progress;
mod run;

pub use args::{
    ConvertArgs, DESTINATION_CREDENTIALS, DeleteArgs, EgressArgs, InspectArgs, NotifyArgs, PASSWORD, RESULT,
    SOURCE_CREDENTIALS, WEBHOOK_SECRET,
};
pub use exit::Exit;
pub use failure::{Failure, parse_failure};
pub use run::{Work, conversion, refuse_arguments, run};

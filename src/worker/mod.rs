//! What runs in the worker pod: one disk, read or copied, and one message at the end.

mod args;
mod exit;

pub use args::{ConvertArgs, DESTINATION_CREDENTIALS, EgressArgs, InspectArgs, RESULT, SOURCE_CREDENTIALS};
pub use exit::Exit;

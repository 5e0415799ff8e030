//! Why a conversion ended before its object was there.

use crate::disk::{Error, ErrorKind};
use crate::inspect::wire::Refusal;

/// What ends it.
#[derive(Debug)]
pub(super) enum Halt {
    /// It ends in the same way however often it is tried.
    Refused(Refusal),
    /// It may go well another time.
    Failed(Error),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An error of who reads the image: its own fault, or what is not read of it, is the same each time.
pub(super) fn of_image(error: Error) -> Halt {
    let reason = match error.kind {
        ErrorKind::Corrupt => "SourceCorrupt",
        ErrorKind::Unsupported | ErrorKind::Encrypted | ErrorKind::Limit => "ConversionNotSupported",
        ErrorKind::Io | ErrorKind::NotFound => return Halt::Failed(error),
    };
    Halt::Refused(Refusal { reason: reason.to_owned(), message: error.to_string(), http: None })
}

/// What a task on another thread gave; its panic is passed on.
pub(super) fn joined<T>(ended: Result<crate::disk::Result<T>, tokio::task::JoinError>) -> Result<T, Halt> {
    match ended {
        Ok(ended) => ended.map_err(of_image),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Halt::Failed(Error::io("convert", "the work was stopped"))),
    }
}

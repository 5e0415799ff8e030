//! The worker's exit codes. There are no others; the outcome table of the controller rests on them.

/// How a worker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The message was written. Also for an object that is missing, forbidden, no image, encrypted: rules judge that.
    Done = 0,
    /// Our bug: a caught panic, a message that could not be written.
    Internal = 70,
    /// The transport failed, or the pod was told to stop: try again.
    Transport = 75,
    /// The worker's own arguments or credentials are unusable.
    Config = 78,
}

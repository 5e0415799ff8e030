//! What can go wrong while reading an image, told apart by whose fault it is.

use std::fmt;

/// Whose fault an [`Error`] is. The kind alone decides what a verdict makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The transport failed: nothing is known about the image, and it is worth trying again.
    Io,
    /// The thing asked for is not there. Not a fault, a fact.
    NotFound,
    /// The image contradicts its own format.
    Corrupt,
    /// The image is within its format, and this program does not read that part of it.
    Unsupported,
    /// The bytes are encrypted.
    Encrypted,
    /// A budget (requests, bytes, time, memory, depth) was used up before the answer was found.
    Limit,
}

/// What an HTTP store answered, reduced to what may be shown. Never a response body.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// Status code; 0 when there was no answer.
    pub status: u16,
    /// The store's own error code, such as `NoSuchKey`; empty when it gave none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The store's request id, for its support; empty when it gave none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

/// An error of the byte layers: kind, the layer it came from, and where in that layer's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// The layer that noticed, in the words of the tree: `source`, `qcow2`, `gpt`, `ext4`, ...
    pub layer: &'static str,
    /// Byte offset within that layer's own bytes, where one is known.
    pub at: Option<u64>,
    /// One clause for humans, without guest-controlled text longer than 64 characters.
    pub what: String,
    /// Set when an HTTP store gave the answer.
    pub http: Option<Box<Http>>,
}

impl Error {
    /// An error of the given kind; `at` and `http` unset.
    pub fn new(kind: ErrorKind, layer: &'static str, what: impl Into<String>) -> Self {
        Self { kind, layer, at: None, what: what.into(), http: None }
    }
    /// The transport failed.
    pub fn io(layer: &'static str, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Io, layer, what)
    }
    /// The thing asked for is not there.
    pub fn not_found(layer: &'static str, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, layer, what)
    }
    /// The image contradicts its own format at byte `at`.
    pub fn corrupt(layer: &'static str, at: u64, what: impl Into<String>) -> Self {
        Self { at: Some(at), ..Self::new(ErrorKind::Corrupt, layer, what) }
    }
    /// The image uses something this program does not read.
    pub fn unsupported(layer: &'static str, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, layer, what)
    }
    /// The bytes are encrypted.
    pub fn encrypted(layer: &'static str, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Encrypted, layer, what)
    }
    /// A budget was used up.
    pub fn limit(layer: &'static str, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, layer, what)
    }
    /// The same error with the byte offset it was noticed at.
    #[must_use]
    pub fn at(mut self, at: u64) -> Self {
        self.at = Some(at);
        self
    }
    /// The same error with what the store answered.
    #[must_use]
    pub fn with_http(mut self, http: Http) -> Self {
        self.http = Some(Box::new(http));
        self
    }
    /// True when the thing asked for is simply not there.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.layer, self.what)?;
        if let Some(at) = self.at {
            write!(f, " (at byte {at:#x})")?;
        }
        if let Some(http) = &self.http {
            write!(f, " (HTTP {}", http.status)?;
            if !http.code.is_empty() {
                write!(f, " {}", http.code)?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

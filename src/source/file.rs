//! A file of this machine, opened as an object.

use std::fs::{File, FileType};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;
use std::sync::Arc;

use super::cache::{Cached, Fetch};
use super::meter::Allowance;
use super::url::LAYER;
use super::{Meter, Opened};
use crate::disk::bytes::to_usize;
use crate::disk::{Error, Result};
use crate::inspect::Budget;
use crate::inspect::facts::{Access, Source};

/// Opens a file, or a block device, of this machine.
///
/// # Errors
/// `Unsupported` for what is neither, `Io` when it cannot be read. A file that is missing or may not be read is no error
/// but a fact.
pub fn open_file(path: &Path, budget: &Budget) -> Result<Opened> {
    let meter = Arc::new(Meter::default());
    let not_reached = |access| {
        let facts = Source { access, local: true, ..Source::default() };
        Ok(Opened { facts, bytes: None, meter: Arc::default() })
    };
    // Opening a pipe would wait for its other end, so what it is comes first.
    let opened = std::fs::metadata(path).and_then(|found| match refused(found.file_type()) {
        Some(what) => Ok(Err(what)),
        None => File::open(path).map(Ok),
    });
    let mut file = match opened {
        Ok(Err(what)) => {
            return Err(Error::unsupported(LAYER, format!("{}: {what}, not an image", path.display())));
        }
        Ok(Ok(file)) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return not_reached(Access::NotFound),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => return not_reached(Access::Forbidden),
        Err(e) => return Err(failed(&e)),
    };
    let found = file.metadata().map_err(|e| failed(&e))?;
    // A block device has no size of its own in its metadata.
    let size = file.seek(SeekFrom::End(0)).map_err(|e| failed(&e))?;
    let modified = found.modified().ok().and_then(|t| jiff::Timestamp::try_from(t).ok());
    let facts = Source {
        access: Access::Reached,
        local: true,
        size_bytes: size,
        last_modified: modified.and_then(|t| jiff::Timestamp::from_second(t.as_second()).ok()).map(|t| t.to_string()),
        ..Source::default()
    };
    let local = Local { file, size, allowance: Allowance::start(budget, &meter), meter: Arc::clone(&meter) };
    Ok(Opened { facts, bytes: Some(Arc::new(Cached::new(local, bytes::Bytes::new(), Arc::clone(&meter)))), meter })
}

/// What is neither a regular file nor a block device; `None` for these.
fn refused(kind: FileType) -> Option<&'static str> {
    match () {
        () if kind.is_file() || kind.is_block_device() => None,
        () if kind.is_dir() => Some("a folder"),
        () if kind.is_fifo() => Some("a pipe"),
        () if kind.is_char_device() => Some("a character device"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("neither a file nor a block device"),
    }
}

/// Read through the same cache as an object, so that its cost and its budget mean the same.
struct Local {
    file: File,
    size: u64,
    allowance: Allowance,
    meter: Arc<Meter>,
}

impl Fetch for Local {
    fn len(&self) -> u64 {
        self.size
    }

    fn fetch(&self, from: u64, to: u64) -> Result<bytes::Bytes> {
        let len = to.saturating_sub(from);
        self.allowance.check_request(len)?;
        self.meter.note(len);
        let mut buf = vec![0; to_usize(LAYER, len)?];
        self.file.read_exact_at(&mut buf, from).map_err(|e| failed(&e).at(from))?;
        Ok(buf.into())
    }

    fn check(&self) -> Result<()> {
        self.allowance.check()
    }
}

fn failed(error: &std::io::Error) -> Error {
    Error::io(LAYER, error.to_string())
}

//! ext2, ext3, ext4.

use std::sync::Arc;

use super::{FileSystem, FileSystemFormat};
use crate::disk::{Error, ReadAt, Result};

/// The reader.
pub const FORMAT: FileSystemFormat = FileSystemFormat { names: &["ext2", "ext3", "ext4"], open };

fn open(_volume: Arc<dyn ReadAt>) -> Result<Arc<dyn FileSystem>> {
    Err(Error::unsupported("ext", "not read yet"))
}

//! Where a volume lies for a tool: in the disk, or in a file of its own.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::disk::ReadAt;
use crate::disk::volume::Found;
use crate::inspect::facts::PartitionTable;

const PIECE: usize = 4 << 20;

/// A stretch of a file.
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) at: u64,
    pub(super) len: u64,
}

impl Place {
    /// A partition and the whole disk lie in `raw`; a volume that is made of others is copied.
    pub(super) fn of(raw: &Path, table: &PartitionTable, (volume, bytes): &Found) -> Self {
        let len = bytes.len();
        let partition = table.partitions.iter().find(|p| volume.partition == Some(p.number));
        let at = partition.map(|p| p.start_bytes).or_else(|| (volume.name == "disk").then_some(0));
        if let Some(at) = at {
            return Self { file: raw.to_owned(), at, len };
        }
        let file = raw.with_file_name(volume.name.replace('/', "-"));
        copy(bytes.as_ref(), &file);
        Self { file, at: 0, len }
    }

    /// `blkid -p`'s answer for a value, empty when it has none.
    pub(super) fn blkid(&self, tag: &str) -> String {
        let (at, len) = (self.at.to_string(), self.len.to_string());
        let mut command = Command::new("blkid");
        command.args(["-p", "-s", tag, "-o", "value", "-O", &at, "-S", &len]).arg(&self.file);
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let output = command.env("PATH", path).output();
        let output = output.unwrap_or_else(|e| panic!("blkid: {e}: install the Debian package util-linux"));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

fn copy(bytes: &dyn ReadAt, to: &Path) {
    let file = File::create(to).unwrap();
    file.set_len(bytes.len()).unwrap();
    for at in (0..bytes.len()).step_by(PIECE) {
        let len = usize::try_from((bytes.len() - at).min(PIECE as u64)).unwrap();
        file.write_all_at(&bytes.read_vec_at(at, len).unwrap(), at).unwrap();
    }
}

/// Writes a file, with holes where it has nothing but zeros.
pub(super) fn write_sparse(to: &Path, bytes: &[u8]) {
    let file = File::create(to).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    let zeros = vec![0; 64 << 10];
    for (piece, at) in bytes.chunks(zeros.len()).zip((0_u64..).step_by(zeros.len())) {
        if *piece != zeros[..piece.len()] {
            file.write_all_at(piece, at).unwrap();
        }
    }
}

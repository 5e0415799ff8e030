//! The disks that are converted, made anew in a folder that goes with them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::MIB;
use crate::images::measured;

/// Where they lie.
pub struct Disks(tempfile::TempDir);

impl Disks {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file of that name in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The installed Debian 12, RAW, on a disk as small as its files allow: what lies in a bucket has no holes.
    pub fn debian(&self) -> PathBuf {
        let from = measured().map(|(_, path)| path).find(|path| path.ends_with("debian-12.raw")).unwrap();
        let to = self.path("debian-12.raw");
        // The partition begins at 1 MiB and is the last thing on the disk.
        sh(
            r#"cp --sparse=always "$0" "$1"
            fs="$1?offset=1048576"
            for _ in 1 2; do e2fsck -fy "$fs" || [ $? = 1 ]; resize2fs -M "$fs"; done
            blocks=$(dumpe2fs -h "$fs" | awk '/^Block count:/ { print $3 }')
            echo ", $((blocks * 8))" | sfdisk -N 1 --no-reread "$1"
            truncate -s $((1048576 + blocks * 4096)) "$1"
            e2fsck -fn "$fs""#,
            [&from, &to],
        );
        to
    }

    /// A disk as VMDK, made larger: an image that has the format that is asked for is copied as it is.
    pub fn larger(&self, from: &Path, gib: u64) -> PathBuf {
        let (to, raw) = (self.path("larger.vmdk"), self.path("larger.raw"));
        sh(
            "cp --sparse=always \"$0\" \"$1\"; truncate -s \"$2\" \"$1\"; qemu-img convert -f raw -O vmdk \"$1\" \"$3\"; rm \"$1\"",
            [from, &raw, Path::new(&format!("{gib}G")), &to],
        );
        to
    }

    /// A disk of `gib` as VMDK with `data` bytes evenly over all of it, a quarter of which does not compress.
    pub fn synthetic(&self, gib: u64, data: u64) -> PathBuf {
        let (to, piece) = (self.path("synthetic.vmdk"), self.path("piece"));
        std::fs::write(&piece, pattern()).unwrap();
        let count = data / PIECE;
        let step = (gib << 30) / count / MIB * MIB;
        let write = |number: u64| format!("write -q -s {} {} {PIECE}\n", piece.display(), number * step);
        std::fs::write(self.path("script"), (0..count).map(write).collect::<String>()).unwrap();
        sh(
            "qemu-img create -q -f vmdk \"$0\" \"$1\"; qemu-io -f vmdk -t unsafe \"$0\" <\"$2\" >/dev/null",
            [&to, Path::new(&format!("{gib}G")), &self.path("script")],
        );
        to
    }
}

/// Bytes that are written at a time.
const PIECE: u64 = 4 * MIB;

/// [`PIECE`] bytes, of which a quarter is like no others.
fn pattern() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let line = |n: u64| format!("line {n:09} of a text that is like the others");
    let lines = (0..PIECE / 64).flat_map(|n| [line(n).into_bytes(), random().to_vec(), random().to_vec()].concat());
    lines.collect()
}

fn sh<'a>(script: &str, args: impl IntoIterator<Item = &'a (impl AsRef<Path> + ?Sized + 'a)>) {
    let words = args.into_iter().map(AsRef::as_ref);
    let output = Command::new("bash").args(["-euc", script]).args(words).output().expect("bash starts");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

//! What the tests of the byte layers share: real tools, samples, readers that count, and a generator of damage.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Error, Memory, ReadAt, Result};

mod mounted;
pub use mounted::Mounted;

/// Runs a tool of the machine and gives its standard output.
pub fn run(package: &str, program: &str, args: &[&str]) -> String {
    run_in(Path::new("."), package, program, args)
}

/// [`run`] in a directory.
pub fn run_in(dir: &Path, package: &str, program: &str, args: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(args).current_dir(dir).env("PATH", path).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}: install the Debian package {package}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a program of the Debian package `package` makes of its standard input.
pub fn piped(command: &[&str], package: &str, input: &[u8]) -> Vec<u8> {
    let mut program = Command::new(command[0]);
    let program = program.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.spawn().unwrap_or_else(|e| panic!("{} is needed (Debian: {package}): {e}", command[0]));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(out.status.success(), "{command:?}");
    out.stdout
}

/// `blkid -p`'s answer for a value, empty when it has none.
pub fn blkid(file: &Path, tag: &str) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("blkid").args(["-p", "-s", tag, "-o", "value"]).arg(file).env("PATH", path).output();
    let output = output.unwrap_or_else(|e| panic!("blkid: {e}: install the Debian package util-linux"));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The folder of the collection of real-world samples; `None`, said aloud, where the machine has none.
pub fn collection() -> Option<PathBuf> {
    let named = std::env::var_os("IMAGE_IMPORT_TESTDATA").map(PathBuf::from);
    let dir = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/testdata"));
    if !dir.is_dir() {
        eprintln!("skipped: no collection in {}; set IMAGE_IMPORT_TESTDATA", dir.display());
        return None;
    }
    Some(dir)
}

/// A sample of the collection, decompressed; `None`, said aloud, where the machine has no collection.
pub fn sample(name: &str) -> Option<Vec<u8>> {
    Some(unpacked(&collection()?.join(name)))
}

/// The content of a file, decompressed by the tool that its name tells.
pub fn unpacked(file: &Path) -> Vec<u8> {
    let unpack = |package: &str, program: &str| {
        let output = Command::new(program).arg("-dc").arg(file).output();
        let output = output.unwrap_or_else(|e| panic!("{program}: {e}: install the Debian package {package}"));
        assert!(output.status.success(), "{program} {}", file.display());
        output.stdout
    };
    match file.extension().and_then(|end| end.to_str()) {
        Some("zst") => unpack("zstd", "zstd"),
        Some("gz") => unpack("gzip", "gzip"),
        Some("bz2") => unpack("bzip2", "bzip2"),
        Some("xz") => unpack("xz-utils", "xz"),
        _ => std::fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display())),
    }
}

/// An archive, unpacked.
pub fn unarchived(archive: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    run("tar", "tar", &["-xf", archive.to_str().unwrap(), "-C", dir.path().to_str().unwrap()]);
    dir
}

/// A file as bytes.
pub struct OnDisk {
    file: std::fs::File,
    len: u64,
}

/// Opens a file.
pub fn open(path: &Path) -> Arc<dyn ReadAt> {
    let file = std::fs::File::open(path).unwrap();
    let len = file.metadata().unwrap().len();
    Arc::new(OnDisk { file, len })
}

impl ReadAt for OnDisk {
    fn len(&self) -> u64 {
        self.len
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.file.read_exact_at(buf, at).map_err(|e| Error::corrupt("file", at, e.to_string()))
    }
}

/// Leaves an image that a test built to the fuzz targets (`e2e/fuzz`), where the folder for that is named.
pub fn seed(target: &str, name: &str, bytes: impl FnOnce() -> Vec<u8>) {
    if let Some(dir) = std::env::var_os("IMAGE_IMPORT_SEEDS") {
        let dir = Path::new(&dir).join(target);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), bytes()).unwrap();
    }
}

/// Bytes in memory.
pub fn memory(bytes: Vec<u8>) -> Arc<dyn ReadAt> {
    Arc::new(Memory(bytes))
}

/// Counts what is asked of the bytes below, and refuses what no parser should ask for.
pub struct Counting {
    inner: Arc<dyn ReadAt>,
    pub requests: AtomicU64,
    pub bytes: AtomicU64,
}

impl Counting {
    pub fn new(inner: Arc<dyn ReadAt>) -> Arc<Self> {
        Arc::new(Self { inner, requests: AtomicU64::new(0), bytes: AtomicU64::new(0) })
    }
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl ReadAt for Counting {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.inner.read_exact_at(buf, at)
    }
}

/// A small deterministic generator (Marsaglia's xorshift64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }
}

/// Damaged copies of `bytes`: a few of those at `places` changed to what parsers trip over, and cut at every place.
pub fn damaged(bytes: &[u8], places: &[std::ops::Range<usize>], count: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let changed = (0..count).map(move |_| {
        let mut copy = bytes.to_vec();
        for _ in 0..=dice.below(4) {
            let place = &places[dice.below(places.len() as u64) as usize];
            let at = place.start + dice.below(place.len() as u64) as usize;
            if let Some(byte) = copy.get_mut(at) {
                *byte = match dice.below(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => *byte ^ (1 << dice.below(8)),
                    _ => dice.roll() as u8,
                };
            }
        }
        copy
    });
    let cut = places.iter().flat_map(|place| [place.start, place.start + place.len() / 2, place.end]);
    changed.chain(cut.map(|end| bytes[..end.min(bytes.len())].to_vec()))
}

/// Reads all of it in pieces, a piece that is damaged passed over, at most `most` bytes.
pub fn read_all(bytes: &dyn ReadAt, most: u64) {
    let mut piece = vec![0; 64 << 10];
    let mut at = 0;
    while at < bytes.len().min(most) {
        let len = (bytes.len() - at).min(piece.len() as u64);
        let _ = bytes.read_exact_at(&mut piece[..len as usize], at);
        at += len;
    }
}

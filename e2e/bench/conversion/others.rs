//! The same conversions by the tools that there are: `qemu-img`, `nbdkit` and `curl`.

use std::path::Path;
use std::process::Command;

use crate::run::{Used, timed};

/// `qemu-img convert` from file to file, with the flags.
pub fn qemu(flags: &str, from: &Path, to: &Path) -> Used {
    bash(&format!("qemu-img convert {flags} \"$0\" \"$1\""), [path(from), path(to)])
}

/// The same from an address, by nbdkit.
pub fn nbdkit(flags: &str, url: &str, to: &Path) -> Used {
    let run = format!("qemu-img convert {flags} \"$uri\" '{}'", to.display());
    bash("nbdkit -U - curl url=\"$0\" --run \"$1\"", [url, &run])
}

/// Downloads an object of `size` bytes in one request, then inflates it.
pub fn download(url: &str, size: u64, to: &Path) -> Used {
    let packed = to.with_extension("download");
    let script = "curl -sSf --noproxy '*' -r 0-\"$1\" -o \"$2\" \"$0\"\n\
                  qemu-img convert -f qcow2 -O raw -W -m 16 \"$2\" \"$3\"";
    let used = bash(script, [url, &(size - 1).to_string(), path(&packed), path(to)]);
    std::fs::remove_file(packed).unwrap();
    used
}

/// Holds a result against its source: a wrong one is not fast.
pub fn verify(source: &Path, result: &Path) {
    let kind = result.extension().unwrap().to_str().unwrap();
    let right = |words: &[&str]| {
        let done = Command::new("qemu-img").args(words).status().expect("qemu-img starts");
        assert!(done.success(), "qemu-img {words:?}");
    };
    if kind != "raw" {
        right(&["check", "-q", "-f", kind, path(result)]);
    }
    right(&["compare", "-q", path(source), path(result)]);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn bash<const N: usize>(script: &str, args: [&str; N]) -> Used {
    let (used, output) = timed(["bash", "-euc", script].into_iter().chain(args));
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    used
}

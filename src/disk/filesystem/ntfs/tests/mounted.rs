//! Images that ntfs-3g has mounted.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A mount, until it is dropped.
pub(super) struct Mounted {
    driver: Child,
    dir: PathBuf,
}

impl Mounted {
    /// Mounts an image; `None`, said aloud, where that does not work on this machine.
    pub(super) fn new(image: &Path, options: &str) -> Option<Self> {
        let dir = image.with_extension("mounted");
        std::fs::create_dir_all(&dir).unwrap();
        if !Path::new("/dev/fuse").exists() {
            eprintln!("skipped: ntfs-3g cannot mount here: there is no /dev/fuse");
            return None;
        }
        let mut driver = Command::new("ntfs-3g")
            .args(["-o", &format!("no_detach,{options}")])
            .args([image, dir.as_path()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("ntfs-3g: {e}: install the Debian package ntfs-3g"));
        let start = Instant::now();
        while !is_mounted(&dir) {
            let ended = driver.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > Duration::from_secs(10) {
                let _ = driver.kill();
                let said = driver.wait_with_output().unwrap().stderr;
                eprintln!("skipped: ntfs-3g cannot mount here: {}", String::from_utf8_lossy(&said).trim());
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(Self { driver, dir })
    }

    /// Where it is mounted.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Mounted {
    /// Unmounts, and waits until all is written.
    fn drop(&mut self) {
        let unmount = |options: [&str; 2]| {
            let [program, option] = options;
            let status = Command::new(program).arg(option).arg(&self.dir).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        // It is busy for as long as a process that another test is just starting has copies of our files.
        let start = Instant::now();
        while !unmount(["umount", "--"]) && !unmount(["fusermount", "-u"]) {
            if start.elapsed() > Duration::from_secs(10) {
                let _ = self.driver.kill();
                unmount(["umount", "-l"]);
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.driver.wait();
    }
}

fn is_mounted(dir: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(1) == dir.to_str())
}

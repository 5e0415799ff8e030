//! Images that the kernel has mounted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A mounted image, until it is dropped.
pub struct Mounted {
    at: PathBuf,
    /// Its device, as `loop7`.
    device: Option<String>,
}

impl Mounted {
    /// Mounts an image at a new folder beside it; `None`, said aloud, where this machine mounts none.
    pub fn new(driver: &str, options: &str, image: &Path) -> Option<Self> {
        let at = image.with_extension("mounted");
        std::fs::create_dir_all(&at).unwrap();
        Self::at(driver, options, image, &at).map_err(|said| println!("skipped: {said}")).ok()
    }

    /// Mounts an image at a folder, or gives what mount(8) said.
    pub fn at(driver: &str, options: &str, image: &Path, at: &Path) -> Result<Self, String> {
        let options = format!("loop,{options}");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", driver, "-o", options.trim_end_matches(',')]).args([image, at]);
        let output = mount.output().unwrap_or_else(|e| panic!("mount: {e}: install the Debian package mount"));
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let ours = mounts.lines().rev().find(|line| line.split(' ').nth(1).is_some_and(|to| Path::new(to) == at));
        let device = ours.and_then(|line| line.split(' ').next()?.strip_prefix("/dev/")).map(str::to_owned);
        Ok(Self { at: at.to_owned(), device })
    }

    /// A copy of the image as it is at one moment, as a crash leaves it. The kernel writes when it likes, so that a copy may
    /// hold an old journal and new blocks: it is made again until nothing was written meanwhile.
    pub fn copy(&self, image: &Path, to: &Path) {
        for _ in 0..100 {
            let bytes = std::fs::read(image).unwrap();
            if std::fs::read(image).unwrap() == bytes {
                return std::fs::write(to, bytes).unwrap();
            }
        }
        panic!("{} is written all the time", self.at.display());
    }

    /// A path in it.
    pub fn join(&self, path: &str) -> PathBuf {
        self.at.join(path)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Mounted {
    /// Unmounts, and waits until all is written. A process that another test has just begun may hold its files for a
    /// moment, and a mount namespace that one has made meanwhile (`unshare -m`) holds the mount itself: the kernel
    /// lets go of the device, and has written what it had, once the last of them has ended.
    fn drop(&mut self) {
        let device = self.device.as_ref().map(|device| Path::new("/sys/block").join(device).join("loop/backing_file"));
        let file = device.as_ref().and_then(|device| std::fs::read_to_string(device).ok());
        let unmounts = || Command::new("umount").arg(&self.at).output().is_ok_and(|output| output.status.success());
        let writes = || device.as_ref().is_some_and(|device| std::fs::read_to_string(device).ok() == file);
        let start = Instant::now();
        let mut is_mounted = true;
        while is_mounted || (file.is_some() && writes()) {
            is_mounted = is_mounted && !unmounts();
            if start.elapsed() > Duration::from_secs(120) {
                assert!(std::thread::panicking(), "{} stays mounted: which process has it?", self.at.display());
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

//! A worker's process, as the node sees it, and what befalls it.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// A worker's process on this machine.
pub struct Process(u32);

impl Process {
    /// The process of a running pod.
    pub fn of(pod: &Pod) -> Self {
        let uid = pod.uid().unwrap();
        let spelt = [format!("pod{uid}"), format!("pod{}", uid.replace('-', "_"))];
        let pids = fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
        let is_it = |pid: &u32| {
            let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let cgroup = read("cgroup");
            spelt.iter().any(|name| cgroup.contains(name)) && read("cmdline").starts_with("/image-import")
        };
        let found = pids.into_iter().find(is_it);
        Self(found.unwrap_or_else(|| panic!("pod {uid} does not run on this machine: the case needs a local node")))
    }

    /// Sends it a signal. As the first of its container it has no others than KILL, STOP and those it handles.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.0.to_string()]).status().expect("kill");
        assert!(status.success(), "process {} is gone", self.0);
    }

    /// Makes it end with this exit code, whatever it does just now, and without another word.
    pub fn exit(&self, code: u8) {
        // mov edi, code; mov eax, exit_group; syscall
        self.replace(&[0xbf, code, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05]);
    }

    /// Makes it crash with SIGSEGV: it comes to an instruction that only the kernel may use.
    pub fn crash(&self) {
        self.replace(&[0xf4]);
    }

    /// Replaces all of its program by this: wherever a thread goes on, it slides down to it.
    fn replace(&self, code: &[u8]) {
        const NOP: u8 = 0x90;
        const { assert!(cfg!(target_arch = "x86_64"), "the instructions are those of x86_64") };
        self.signal("STOP");
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.0)).expect("root reads it");
        let mut memory =
            fs::OpenOptions::new().write(true).open(format!("/proc/{}/mem", self.0)).expect("root writes it");
        for line in maps.lines().filter(|l| l.contains(" r-xp ") && l.ends_with("/image-import")) {
            let (range, _) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
            let mut bytes = vec![NOP; usize::try_from(end - start).unwrap()];
            let at = bytes.len() - code.len();
            bytes[at..].copy_from_slice(code);
            memory.seek(SeekFrom::Start(start)).unwrap();
            memory.write_all(&bytes).expect("the program can be replaced");
        }
        self.signal("CONT");
    }

    /// Leaves it no more memory than it has.
    pub fn squeeze(&self) {
        let cgroup = fs::read_to_string(format!("/proc/{}/cgroup", self.0)).unwrap();
        let of = |controller: &str| {
            cgroup.lines().find_map(|l| l.split_once(controller)?.1.strip_prefix('/').map(str::to_owned))
        };
        if let Some(path) = of(":memory:") {
            let file = Path::new("/sys/fs/cgroup/memory").join(path).join("memory.limit_in_bytes");
            let mut limit: u64 = 64 << 20;
            while fs::write(&file, limit.to_string()).is_ok() && limit > 1 << 18 {
                limit -= 1 << 18;
            }
        } else {
            let path = of("0::").expect("a control group");
            fs::write(Path::new("/sys/fs/cgroup").join(path).join("memory.max"), "0").expect("a limit");
        }
    }
}

mod boot;
mod others;

use super::*;
use crate::guest::testing::MemoryFs;

/// The targets that every distribution ships.
pub(in crate::guest::linux) fn targets() -> MemoryFs {
    let dir = "/usr/lib/systemd/system";
    let target =
        |name: &str, more: &str| (format!("{dir}/{name}.target"), format!("[Unit]\nDescription={name}\n{more}"));
    let files = [
        target("graphical", "Requires=multi-user.target\nWants=display-manager.service\n"),
        target("multi-user", "Requires=basic.target\n"),
        target("basic", "Requires=sysinit.target\nWants=sockets.target timers.target paths.target slices.target\n"),
        target("sysinit", "Wants=local-fs.target swap.target\n"),
        target("sockets", ""),
        target("timers", ""),
        target("paths", ""),
        target("slices", ""),
        target("local-fs", ""),
        target("swap", ""),
        target("rescue", "Requires=sysinit.target\n"),
        target("network-online", ""),
    ];
    let fs = files.iter().fold(MemoryFs::new(), |fs, (path, text)| fs.file(path, text));
    fs.link(&format!("{dir}/default.target"), "graphical.target")
        .file("/usr/lib/systemd/systemd", "")
        .link("/sbin/init", "/usr/lib/systemd/systemd")
        .file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
}

pub(in crate::guest::linux) fn service(fs: MemoryFs, name: &str, more: &str) -> MemoryFs {
    fs.file(
        &format!("/usr/lib/systemd/system/{name}"),
        format!(
            "[Unit]\nDescription=x\n{more}\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
        ),
    )
}

pub(super) fn ask(
    fs: &MemoryFs,
    line: &str,
    units: &'static [&'static str],
    scripts: &'static [&'static str],
) -> Start {
    let tree = fs.clone().tree();
    Services::open(&tree, Some(line)).unwrap().start(&Service { units, scripts }).unwrap()
}

pub(super) fn enabled(by: &str) -> Start {
    Start::Enabled { by: by.into() }
}

/// A script that can be run.
pub(in crate::guest::linux) fn script(fs: MemoryFs, path: &str) -> MemoryFs {
    fs.file(path, "#!/bin/sh\n").stat_of(path, |stat| stat.mode = 0o755)
}

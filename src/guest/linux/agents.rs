//! Agents that the host of a virtual machine talks to: qemu-guest-agent.

use super::packages::{Packages, evident};
use super::services::rcconf::RcConf;
use super::services::{Service, Services};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::{Agent, Evident};

/// Its package, by every distribution's name.
const PACKAGE: &str = "qemu-guest-agent";
/// Its program.
const PROGRAMS: &[&str] =
    &["/usr/bin/qemu-ga", "/usr/sbin/qemu-ga", "/usr/local/bin/qemu-ga", "/usr/local/sbin/qemu-ga"];
/// Its services: Debian and Red Hat, SUSE, the program's own name.
const SERVICE: Service<'static> = Service {
    units: &["qemu-guest-agent.service", "qemu-ga.service", "qemu-ga@virtio\\x2dports-org.qemu.guest_agent.0.service"],
    scripts: &["qemu-guest-agent", "qemu-ga"],
};

/// Reads all of it. `packages` is the package database.
///
/// # Errors
/// What the filesystem reports; why the database could not be read, where no program tells that it is installed.
pub fn read(tree: &Tree, services: &Services, packages: &Result<Option<Packages>>) -> Result<Agent> {
    let Some((installed, version)) = installed(tree, packages)? else { return Ok(Agent::default()) };
    Ok(Agent { installed: Some(installed), version, starts: services.start(&SERVICE)?.into() })
}

/// The same of a FreeBSD.
///
/// # Errors
/// What the filesystem reports.
pub fn freebsd(tree: &Tree, conf: &RcConf) -> Result<Agent> {
    let Some((installed, version)) = installed(tree, &Ok(None))? else { return Ok(Agent::default()) };
    Ok(Agent { installed: Some(installed), version, starts: conf.start("qemu_guest_agent_enable").into() })
}

/// What says that it is installed, and the version where that is known. A udev rule or a unit alone does not.
fn installed(tree: &Tree, packages: &Result<Option<Packages>>) -> Result<Option<(Evident, String)>> {
    if let Some(found) = evident(packages, PACKAGE) {
        return Ok(Some(found));
    }
    for program in PROGRAMS {
        if tree.exists(program)? {
            let evident = Evident { value: "program".to_owned(), place: (*program).to_owned() };
            return Ok(Some((evident, String::new())));
        }
    }
    packages.as_ref().map(|_| None).map_err(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::packages;
    use crate::guest::testing::MemoryFs;
    use crate::inspect::facts::When;

    fn found(fs: MemoryFs) -> Agent {
        let fs = fs
            .link("/usr/lib/systemd/system/default.target", "multi-user.target")
            .file("/usr/lib/systemd/system/multi-user.target", "[Unit]\n")
            .file("/usr/lib/systemd/system/qemu-guest-agent.service", "[Service]\n");
        let tree = fs.tree();
        read(&tree, &Services::open(&tree, None).unwrap(), &packages::read(&tree)).unwrap()
    }

    #[test]
    fn the_package_or_the_program_is_the_agent_and_what_is_left_of_it_is_not() {
        let status = |state: &str| format!("Package: qemu-guest-agent\nStatus: {state}\nVersion: 1:7.2\n");
        let installed = found(MemoryFs::of_texts(&[("/var/lib/dpkg/status", &status("install ok installed"))]));
        assert_eq!((installed.installed.unwrap().value.as_str(), installed.version.as_str()), ("dpkg", "1:7.2"));
        assert_eq!(installed.starts.when, When::Never);
        let removed = MemoryFs::of_texts(&[
            ("/var/lib/dpkg/status", status("deinstall ok config-files").as_str()),
            ("/etc/udev/rules.d/60-qemu-guest-agent.rules", "x"),
        ]);
        assert_eq!(found(removed), Agent::default());
        let link =
            "/etc/systemd/system/dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants/qemu-guest-agent.service";
        let program = found(MemoryFs::new().file("/usr/bin/qemu-ga", "").link(link, "x"));
        assert_eq!(program.installed.unwrap().place, "/usr/bin/qemu-ga");
        assert_eq!((program.starts.when, program.starts.by.as_str()), (When::Demand, link));
    }

    #[test]
    fn freebsd_says_it_in_rc_conf() {
        let tree = MemoryFs::of_texts(&[
            ("/usr/local/bin/qemu-ga", ""),
            ("/etc/rc.conf", "qemu_guest_agent_enable=\"YES\"\n"),
        ])
        .tree();
        let agent = freebsd(&tree, &RcConf::read(&tree).unwrap()).unwrap();
        assert_eq!((agent.starts.when, agent.starts.by.as_str()), (When::Boot, "/etc/rc.conf:1"));
    }
}

//! A remedy has the commands of the guest's own distribution.

use crate::inspect::Facts;
use crate::inspect::facts::{Datasources, Fact, SeLinux, SeLinuxMode, SecurityModule, TroubleKind};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2020, TENCENT, cloud_init, guest, linux, network, release, result, selinux, trouble,
};

/// Both families' commands for one thing.
const PAIRS: &[(&str, &str)] = &[("update-grub", "grub2-mkconfig"), ("update-initramfs", "dracut"), ("apt-get", "yum")];

type Change = fn(&mut Facts);

const CHANGES: &[(&str, &str, Change)] = &[
    (A2018_06, "LNX-06", |f| {
        *selinux(f) = SeLinux {
            mode: SeLinuxMode::Enforcing,
            place: "kernel command line: enforcing=1".into(),
            module: SecurityModule::On,
            ..SeLinux::default()
        };
    }),
    (TENCENT, "DRV-01", |f| {
        let driver = linux(f).kernels[0].drivers.iter_mut().find(|driver| driver.name == "virtio_blk").unwrap();
        driver.blocked_by = Some("kernel command line: modprobe.blacklist=virtio_blk".into());
    }),
    (TENCENT, "SVC-02", |f| {
        cloud_init(f).datasources = Some(Datasources {
            list: vec!["Ec2".into()],
            place: "kernel command line".into(),
            line: Some("ds=ec2".into()),
            ..Datasources::default()
        });
    }),
    (TENCENT, "SVC-01", |f| cloud_init(f).disabled_by = Some("kernel command line: cloud-init=disabled".into())),
    (TENCENT, "SVC-01", |f| {
        cloud_init(f).enabled_by = None;
        cloud_init(f).disabled_by = Some("kernel command line: systemd.mask=cloud-init.service".into());
    }),
    (TENCENT, "SVC-13", |f| {
        let network = network(f);
        network.kernel_names = None;
        network.interfaces[0].name = "ens5".into();
    }),
    (TENCENT, "SVC-01", |f| cloud_init(f).installed = None),
    (A2020, "SVC-01", |f| cloud_init(f).version = "0.7.1".into()),
];

fn remedy(id: &str, like: &[&str], row: &(&str, &str, Change)) -> String {
    let (profile, rule, change) = row;
    result(profile, rule, |f: &mut Facts, _: &mut Request| {
        guest(f).release = Some(Fact::Known(release(id, "7", like)));
        change(f);
    })
    .remedy
}

#[test]
fn a_known_distribution_gets_its_own_commands_alone() {
    for row in CHANGES {
        for (id, like, debian) in [("debian", &[][..], true), ("mint", &["ubuntu"], true), ("rocky", &["rhel"], false)]
        {
            let remedy = remedy(id, like, row);
            let own = PAIRS.iter().filter(|(apt, rpm)| remedy.contains(if debian { apt } else { rpm })).count();
            let other = PAIRS.iter().filter(|(apt, rpm)| remedy.contains(if debian { rpm } else { apt })).count();
            assert!(own > 0 && other == 0, "{} on {id}: {remedy}", row.1);
        }
    }
    let unknown = remedy("gentoo", &[], &CHANGES[0]);
    assert!(unknown.contains("update-grub") && unknown.contains("grub2-mkconfig"), "{unknown}");
}

/// What GRUB 2's command does not write is corrected where it stands.
#[test]
fn a_line_that_no_command_writes_is_named() {
    for (loader, place) in [("extlinux", "/boot/extlinux.conf:7"), ("grub2", "/boot/loader/entries/a.conf:4")] {
        let rule = result(TENCENT, "DRV-01", |f, _| {
            (CHANGES[1].2)(f);
            let Some(Fact::Known(boot)) = linux(f).boot.as_mut() else { unreachable!() };
            (boot.loader, boot.entry.place) = (loader.into(), place.into());
        });
        assert!(rule.remedy.contains(&format!("kernel command line (at {place})")), "{}", rule.remedy);
    }
    let unread = result(TENCENT, "SVC-01", |f, _| {
        (CHANGES[3].2)(f);
        linux(f).boot = Some(trouble(TroubleKind::Unsupported));
    });
    assert!(unread.remedy.contains("/etc/default/grub, then `update-grub`"), "{}", unread.remedy);
}

#[test]
fn a_mask_is_taken_away_in_one_command() {
    let rule = result(TENCENT, "SVC-01", |f, _| {
        cloud_init(f).disabled_by = Some("/etc/systemd/system/cloud-init.service (masked)".into());
    });
    assert!(rule.remedy.starts_with("In the guest: `systemctl unmask cloud-init.service && "), "{}", rule.remedy);
    assert_eq!(rule.remedy.matches("In the guest").count(), 1, "{}", rule.remedy);
}

//! What the declared platform changes: the three columns of section 9a.

use crate::inspect::Facts;
use crate::inspect::facts::{
    DriverState, Evident, ExtFeatures, PasswordState, Scheme, SeLinuxMode, SecurityModule, V4, V6, VolumeClass,
};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Warn};
use crate::rules::Request;
use crate::rules::fixture::{
    A2018_06, A2020, ALIBABA, accounts, agent, driver, ext4, fstab, interface, mount, network, outcome, result,
    selinux, table, volume,
};

type Change = fn(&mut Facts, &mut Request);

fn second_mount(f: &mut Facts, _: &mut Request) {
    f.volumes.push(ext4(2, ExtFeatures { compat: 4, incompat: 0x42, ro_compat: 3 }));
    fstab(f).entries.push(mount("UUID=x", "/boot", "ext4", Some("p2")));
}

fn declared(profile: &str, id: &str, platform: Option<&str>, change: Change) -> Outcome {
    outcome(profile, id, |f, request| {
        request.platform = platform.map(str::to_owned);
        change(f, request);
    })
}

#[test]
fn breaking_the_rows_of_9a_only_forbids_a_standard_platform() {
    let rows: &[(&str, Change)] = &[
        ("PAR-05", second_mount),
        ("FS-01", |f, _| (f.volumes[0].type_id, f.volumes[0].ext) = ("btrfs".into(), None)),
        ("FS-02", |f, _| f.volumes[0].ext = Some(ExtFeatures { compat: 4, incompat: 0xc2, ro_compat: 3 })),
        ("FS-03", |f, _| f.volumes[0].ext = Some(ExtFeatures { compat: 4, incompat: 0x42, ro_compat: 0x2100 })),
        ("SVC-05", |f, _| {
            agent(f).installed = Some(Evident { value: "dpkg".into(), place: "/var/lib/dpkg/status".into() });
        }),
        ("LNX-01", |f, _| crate::rules::fixture::critical(f).missing.push("/lib".into())),
        ("LNX-02", |f, _| crate::rules::fixture::issues(f)[0].state = crate::inspect::facts::IssueState::Modified),
        ("LNX-04", |f, _| fstab(f).entries.push(mount("UUID=dead", "/data", "ext4", None))),
        ("LNX-05", |f, _| accounts(f).immutable = Some("/etc/shadow".into())),
    ];
    for (id, change) in rows {
        for (platform, wanted) in
            [(None, Fail), (Some("CentOS"), Fail), (Some("Customized Linux"), Advice), (Some("Others Linux"), Advice)]
        {
            assert_eq!(declared(A2020, id, platform, *change), wanted, "{id} as {platform:?}");
        }
        let rule = result(A2020, id, *change);
        assert!(rule.remedy.contains("Customized Linux or Others Linux") && rule.remedy.contains("S0 L103"), "{id}");
    }
    let gpt: Change = |f, _| table(f).scheme = Scheme::Gpt;
    for (platform, wanted) in [(None, Fail), (Some("Customized Linux"), Advice), (Some("Others Linux"), Advice)] {
        assert_eq!(declared(A2018_06, "PAR-03", platform, gpt), wanted);
    }
    let rule = result(A2018_06, "PAR-03", gpt);
    assert!(rule.remedy.contains("S2 L34-38"), "{}", rule.remedy);
}

#[test]
fn a_ceiling_does_not_raise_what_is_weaker() {
    let swap: Change = |f, _| f.volumes.push(volume(2, "swap", VolumeClass::Swap));
    assert_eq!(declared(A2020, "PAR-05", None, swap), Warn);
    assert_eq!(declared(A2020, "PAR-05", Some("Others Linux"), swap), Advice);
    assert_eq!(declared(A2020, "PAR-05", Some("Others Linux"), |_, _| {}), Pass);
}

#[test]
fn cloud_init_is_the_cloud_s_business_only_on_a_standard_platform() {
    let absent: Change = |f, _| *crate::rules::fixture::cloud_init(f) = crate::inspect::facts::CloudInit::default();
    for (platform, wanted) in [(None, Warn), (Some("Customized Linux"), Advice), (Some("Others Linux"), NotApplicable)]
    {
        assert_eq!(declared(A2020, "SVC-01", platform, absent), wanted);
    }
    for profile in ALIBABA {
        for id in ["LNX-07", "SVC-01", "SVC-02"] {
            let rule = result(profile, id, |_, request| request.platform = Some("Others Linux".into()));
            assert_eq!(rule.result, NotApplicable);
            assert!(rule.message.contains("set IP, route and password"), "{}", rule.message);
        }
    }
}

/// SELinux and DHCP are weaker in the text of 2020-12: its platforms only lower them further.
#[test]
fn selinux_dhcp_and_passwords_are_advised_on_the_other_platforms() {
    let enforcing: Change = |f, _| {
        let selinux = selinux(f);
        (selinux.mode, selinux.module) = (SeLinuxMode::Enforcing, SecurityModule::On);
    };
    let fixed: Change = |f, _| network(f).interfaces[0].v4 = V4::Static;
    let empty: Change = |f, _| accounts(f).root.as_mut().unwrap().state = PasswordState::Empty;
    for (profile, id, change, standard, others) in [
        (A2020, "LNX-06", enforcing, Warn, Advice),
        (A2018_06, "LNX-06", enforcing, Fail, Advice),
        (A2020, "SVC-10", fixed, Warn, Advice),
        (A2018_06, "SVC-10", fixed, Fail, Advice),
        (A2020, "LNX-07", empty, Fail, NotApplicable),
        (A2018_06, "LNX-07", empty, Fail, NotApplicable),
    ] {
        assert_eq!(declared(profile, id, None, change), standard, "{profile} {id}");
        assert_eq!(declared(profile, id, Some("Customized Linux"), change), Advice, "{profile} {id}");
        assert_eq!(declared(profile, id, Some("Others Linux"), change), others, "{profile} {id}");
    }
    let told = |change: Change| {
        result(A2020, "SVC-10", |f, request| {
            request.platform = Some("Others Linux".into());
            change(f, request);
        })
    };
    assert!(told(fixed).message.contains("by hand"));
    assert_eq!(told(|_, _| {}).result, Advice);
    assert!(told(|_, _| {}).message.contains("automatically"));
}

#[test]
fn every_other_row_stays_as_it_is() {
    for platform in ["Customized Linux", "Others Linux"] {
        let second_card: Change = |f, _| network(f).interfaces.push(interface("eth1", V4::Static));
        assert_eq!(declared(A2020, "SVC-11", Some(platform), second_card), Fail);
        let ipv6: Change = |f, _| network(f).interfaces[0].v6 = V6::Static;
        assert_eq!(declared(A2020, "SVC-12", Some(platform), ipv6), Fail);
        let no_table: Change = |f, _| table(f).scheme = Scheme::None;
        assert_eq!(declared(A2020, "PAR-01", Some(platform), no_table), Fail);
        let no_driver: Change = |f, _| {
            driver(f, "virtio_blk").in_initramfs = None;
            driver(f, "xen_blkfront").state = DriverState::Absent;
        };
        assert_eq!(declared(A2020, "DRV-01", Some(platform), no_driver), Fail);
        assert_eq!(declared(A2020, "SIZ-03", Some(platform), |_, r| r.system_disk_size_gib = Some(10)), Fail);
    }
}

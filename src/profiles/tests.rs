//! The profiles as data: known rules, true citations, the catalogue's severities.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kube::ResourceExt;

use super::{BUILT_IN, PROFILES, built_in, get};
use crate::api::Action::{self, Advise, Require, Warn};
use crate::api::OsType;
use crate::rules::{RULES, find};

#[test]
fn every_profile_parses_under_its_own_name() {
    assert_eq!(built_in().len(), PROFILES.len());
    for profile in PROFILES {
        let parsed = profile.parse().unwrap_or_else(|e| panic!("{}: {e}", profile.name));
        assert_eq!(parsed.metadata.name.as_deref(), Some(profile.name));
        assert_eq!(parsed.labels()[BUILT_IN], "true", "the admission policy goes by it");
        assert!(parsed.spec.revision >= 1 && parsed.spec.rules.len() <= 100);
    }
    assert!(get("tencent-cvm").is_some() && get("nimbus").is_none());
}

#[test]
fn a_profile_names_only_known_rules_each_once() {
    for profile in built_in() {
        let mut seen = BTreeSet::new();
        for rule in &profile.spec.rules {
            assert!(find(&rule.name).is_some_and(|r| r.name == rule.name), "{}", rule.name);
            assert!(seen.insert(&rule.name), "{} twice", rule.name);
        }
    }
}

/// Columns: tencent-cvm, 2020-12, 2018-12, 2018-06.
#[test]
fn actions_are_those_of_the_catalogue() {
    type Row = (&'static str, [Option<Action>; 4]);
    const R: Option<Action> = Some(Require);
    const W: Option<Action> = Some(Warn);
    const A: Option<Action> = Some(Advise);
    const N: Option<Action> = None;
    let rows: &[Row] = &[
        ("SRC-01", [R, W, W, W]),
        ("SRC-02", [R, N, N, N]),
        ("SRC-03", [R, N, N, N]),
        ("SRC-04", [R, N, N, N]),
        ("SRC-05", [R, N, N, N]),
        ("SRC-06", [R, N, N, N]),
        ("SRC-07", [R, N, N, N]),
        ("SRC-08", [N, R, R, R]),
        ("SRC-09", [N, A, A, A]),
        ("SRC-10", [R, R, R, R]),
        ("IMG-01", [R, R, R, R]),
        ("IMG-02", [N, R, N, N]),
        ("IMG-03", [N, N, N, R]),
        ("IMG-04", [N, A, A, A]),
        ("IMG-05", [R, R, R, R]),
        ("IMG-07", [R, R, R, R]),
        ("SIZ-01", [R, N, N, N]),
        ("SIZ-02", [R, N, N, N]),
        ("SIZ-03", [N, R, R, R]),
        ("SIZ-04", [N, R, R, R]),
        ("SIZ-05", [N, R, R, R]),
        ("PAR-01", [R, R, R, R]),
        ("PAR-02", [R, R, R, R]),
        ("PAR-03", [R, N, R, R]),
        ("PAR-05", [N, R, R, R]),
        ("PAR-07", [R, N, N, N]),
        ("PAR-08", [R, W, N, N]),
        ("FS-01", [N, R, R, R]),
        ("FS-02", [N, R, N, N]),
        ("FS-03", [N, R, N, N]),
        ("FS-04", [R, R, R, R]),
        ("FS-05", [N, R, R, R]),
        ("FS-06", [N, R, R, R]),
        ("OS-01", [R, R, R, R]),
        ("OS-06", [N, A, A, A]),
        ("OS-07", [N, W, W, W]),
        ("OS-08", [N, W, W, W]),
        ("OS-09", [R, R, R, R]),
        ("OS-10", [W, N, N, N]),
        ("OS-11", [N, R, R, R]),
        ("LNX-01", [N, R, R, R]),
        ("LNX-02", [N, R, R, R]),
        ("LNX-03", [N, R, R, R]),
        ("LNX-04", [N, R, R, R]),
        ("LNX-05", [N, R, R, R]),
        ("LNX-06", [N, W, R, R]),
        ("LNX-07", [N, R, R, R]),
        ("DRV-01", [R, R, R, R]),
        ("SVC-01", [R, W, A, A]),
        ("SVC-02", [W, A, A, A]),
        ("SVC-05", [N, R, W, W]),
        ("SVC-06", [N, W, W, W]),
        ("SVC-08", [N, W, W, W]),
        ("SVC-10", [N, W, R, R]),
        ("SVC-11", [N, R, R, R]),
        ("SVC-12", [N, R, R, R]),
        ("SVC-13", [A, N, N, N]),
        ("FRM-01", [N, R, R, R]),
        ("FRM-03", [R, R, R, R]),
        ("FRM-04", [N, R, R, R]),
        ("FRM-07", [R, R, R, R]),
        ("FRM-09", [N, W, W, W]),
    ];
    assert_eq!(rows.len(), RULES.len());
    for (id, actions) in rows {
        let name = find(id).unwrap().name;
        let found: Vec<Option<Action>> =
            built_in().iter().map(|p| p.spec.rules.iter().find(|r| r.name == name).map(|r| r.action)).collect();
        assert_eq!(found, actions, "{id}");
    }
}

/// What the cited line has to say, by rule: a word that stands in each of its lines.
const SAYS: &[(&str, &str, &str)] = &[
    ("SourceInCloudStore", "S4 L75", "不是 [腾讯云对象存储]"),
    ("SourceInCloudStore", "S3 L31", "OSS控制台获取的镜像文件Object地址"),
    ("BucketRegionMatches", "S3 L30", "OSS Bucket所在的地域"),
    ("SignatureValid", "S4 L77", "签名已失效"),
    ("LinkNotSingleUse", "S4 L79", "仅能被访问一次"),
    ("SourceInImageRegion", "S4 L81-84", "输入了其他地域的 COS 链接"),
    ("FinanceRegionKept", "S4 L19", "不支持从其他地域的对象存储 COS 服务导入镜像"),
    ("FinanceRegionKept", "S4 L32", "不支持从其他地域的 COS 服务导入镜像"),
    ("SourceReadable", "S4 L76", "公有读私有写"),
    ("SourcePresent", "S4 L85", "已被删除"),
    ("ImageFormatAccepted", "S4 L13", "RAW、VHD、QCOW2、VMDK"),
    ("ImageFormatAccepted", "S4 L27", "RAW、VHD、QCOW2、VMDK"),
    ("ImageFormatAccepted", "S4 L90", "vmdk"),
    ("ImageFormatAccepted", "S4 L131", "InvalidFormatSize"),
    ("ImageFormatAccepted", "S0 L42", "RAW、qcow2和VHD"),
    ("ImageFormatAccepted", "S0 L81", "RAW、qcow2和VHD"),
    ("ImageFormatAccepted", "S1 L42", "RAW, QCOW2, or VHD"),
    ("ImageFormatAccepted", "S1 L81", "RAW, QCOW2, or VHD"),
    ("ImageFormatAccepted", "S2 L56", "RAW and VHD"),
    ("ImageFormatAccepted", "S2 L58", "Convert image file format"),
    ("ImageFormatAccepted", "S2 L99", "RAW and VHD"),
    ("ImageFormatAccepted", "S3 L40", "仅支持RAW，qcow2和VHD"),
    ("NotIsoImage", "S0 L23", "不支持ISO"),
    ("NotIsoImage", "S0 L73", "不支持ISO"),
    ("NotIsoImage", "S1 L23", "ISO images"),
    ("NotIsoImage", "S1 L73", "ISO images"),
    ("DeclaredFormatMatches", "S3 L40", "镜像格式"),
    ("VirtualSizeWithinLimit", "S4 L15", "vsize 不超过500G"),
    ("VirtualSizeWithinLimit", "S4 L29", "vsize 不超过500G"),
    ("VirtualSizeWithinLimit", "S4 L92", "500GB"),
    ("SystemDiskSizeInRange", "S0 L16", "40 GiB~500 GiB"),
    ("SystemDiskSizeInRange", "S1 L16", "40 GiB to 500 GiB"),
    ("SystemDiskSizeInRange", "S2 L59", "40 GB to 500 GB"),
    ("SystemDiskSizeInRange", "S2 L100", "40 GB to 500 GB"),
    ("SystemDiskSizeInRange", "S3 L34", "40 GiB−500 GiB"),
    ("SystemDiskHoldsImage", "S0 L16", "虚拟磁盘大小"),
    ("SystemDiskHoldsImage", "S1 L16", "virtual disk size"),
    ("SystemDiskHoldsImage", "S2 L59", "virtual file size"),
    ("SystemDiskHoldsImage", "S2 L100", "virtual disk size"),
    ("DataDiskSizeInRange", "S3 L42", "支持的数据盘容量范围为5 GiB−2000 GiB"),
    ("PartitionTablePresent", "S4 L109-110", "PartitionNotPresent"),
    ("PartitionTablePresent", "S4 L133", "PartitionNotPresent"),
    ("PartitionTablePresent", "S0 L41", "MBR和GPT"),
    ("PartitionTablePresent", "S0 L82", "MBR和GPT"),
    ("PartitionTablePresent", "S1 L41", "MBR and GPT"),
    ("PartitionTablePresent", "S1 L82", "MBR and GPT"),
    ("PartitionTablePresent", "S2 L52", "MBR"),
    ("PartitionTablePresent", "S2 L91", "MBR"),
    ("RootPartitionFound", "S4 L112-117", "根分区"),
    ("RootPartitionFound", "S4 L135", "RootPartitionNotFound"),
    ("MbrPartitionTable", "S4 L14", "不支持 GPT"),
    ("MbrPartitionTable", "S4 L28", "不支持 GPT"),
    ("MbrPartitionTable", "S2 L52", "MBR is used"),
    ("MbrPartitionTable", "S2 L91", "MBR is supported"),
    ("SingleRootPartition", "S0 L76", "只支持单个根分区"),
    ("SingleRootPartition", "S1 L76", "single root partition"),
    ("SingleRootPartition", "S2 L48", "single root partition"),
    ("FileSystemAccepted", "S0 L82", "xfs、ext3和ext4"),
    ("FileSystemAccepted", "S1 L82", "XFS, ext3, and ext4"),
    ("FileSystemAccepted", "S2 L52", "xfs, ext3, and ext4"),
    ("Ext4Without64Bit", "S0 L83", "64bit"),
    ("Ext4Without64Bit", "S1 L83", "64bit"),
    ("Ext4WithoutProjectQuota", "S0 L83", "project"),
    ("Ext4WithoutProjectQuota", "S1 L83", "quota"),
    ("UploadComplete", "S4 L110", "导入的镜像不完整"),
    ("BootLoaderFound", "S4 L110", "是否包含引导分区"),
    ("UploadComplete", "S3 L22", "大于5 GiB"),
    ("CompactFormatUsed", "S3 L40", "推荐使用传输内容更小的qcow2或者VHD格式"),
    ("CompactFormatUsed", "S2 L58", "VHD format"),
    ("CompactFormatUsed", "S2 L99", "VHD format"),
    ("ActualSizeWithinLimit", "S4 L15", "镜像实际大小不超过50G"),
    ("ActualSizeWithinLimit", "S4 L29", "镜像实际大小不超过50G"),
    ("ActualSizeWithinLimit", "S4 L91", "50GB"),
    ("NoWindowsDynamicDisk", "S4 L28", "不支持逻辑卷管理（LVM）"),
    ("WindowsVolumesAreNtfs", "S4 L28", "的 NTFS 文件系统"),
    ("WindowsVolumesAreNtfs", "S0 L41", "NTFS文件系统"),
    ("WindowsVolumesAreNtfs", "S1 L41", "NTFS file systems"),
    ("WindowsVolumesAreNtfs", "S2 L91", "Only NTFS file system"),
    ("FileSystemIntact", "S0 L13", "文件系统的完整性"),
    ("FileSystemIntact", "S0 L56", "文件系统的完整性"),
    ("FileSystemIntact", "S1 L13", "integrity of the file system"),
    ("FileSystemIntact", "S1 L56", "integrity of the file system"),
    ("FileSystemIntact", "S2 L51", "integrity of the file system"),
    ("FileSystemIntact", "S2 L90", "integrity of the file system"),
    ("SystemDiskNotFull", "S0 L15", "没有被写满"),
    ("SystemDiskNotFull", "S0 L63", "没有被写满"),
    ("SystemDiskNotFull", "S1 L15", "sufficient free space"),
    ("SystemDiskNotFull", "S1 L63", "sufficient free space"),
    ("SystemDiskNotFull", "S2 L49", "is not full"),
    ("SystemDiskNotFull", "S2 L88", "is not full"),
    ("OsVersionAccepted", "S0 L89-99", "CentOS 5/6/7/8"),
    ("OsVersionAccepted", "S1 L89-99", "CoreOS 681.2.0+"),
    ("OsVersionAccepted", "S2 L24-32", "Ubuntu 10,12,13,14"),
    ("OsVersionAccepted", "S4 L12", "CentOS、Ubuntu、Debian、CoreOS、openSUSE、SUSE"),
    ("ImportRoleAuthorized", "S3 L16", "AliyunECSImageImportDefaultRole"),
    ("ImportRoleAuthorized", "S3 L27", "AliyunECSImageImportDefaultRole"),
    ("Qcow2TicketGranted", "S2 L56", "ticket"),
    ("Qcow2TicketGranted", "S2 L99", "ticket"),
    ("StandardPlatform", "S0 L101-105", "Others Linux"),
    ("StandardPlatform", "S1 L101-105", "Others Linux"),
    ("StandardPlatform", "S2 L34-35", "non-standard operating system"),
    ("StandardPlatform", "S2 L38", "Others Linux"),
    ("StandardPlatform", "S3 L38", "Others Linux"),
    ("CustomizedLinuxPrepared", "S0 L106", "Customized Linux"),
    ("CustomizedLinuxPrepared", "S1 L106", "Customized Linux"),
    ("CustomizedLinuxPrepared", "S2 L37", "Customized Linux"),
    ("CustomizedLinuxPrepared", "S3 L38", "Customized Linux"),
    ("ArchitectureSupported", "S3 L35", "i386"),
    ("ArchitectureSupported", "S4 L12", "支持32位和64位"),
    ("ArchitectureSupported", "S4 L26", "支持32位和64位"),
    ("DeclaredPlatformMatches", "S3 L33", "非标准平台"),
    ("DeclaredPlatformMatches", "S3 L36", "系统平台"),
    ("NativeKernel", "S4 L18", "最好是原生内核"),
    ("CriticalFilesUnmodified", "S0 L57", "请勿修改关键系统文件"),
    ("CriticalFilesUnmodified", "S1 L57", "/lib"),
    ("CriticalFilesUnmodified", "S2 L50", "critical system files"),
    ("IssueUnmodified", "S0 L58", "无法正常识别系统发行版"),
    ("IssueUnmodified", "S1 L58", "/etc/issue"),
    ("IssueUnmodified", "S2 L41", "/etc/issue"),
    ("BootEntryResolvable", "S0 L59", "请勿修改/boot/grub/menu.lst"),
    ("BootEntryResolvable", "S1 L59", "/boot/grub/menu.lst"),
    ("BootEntryResolvable", "S2 L42", "/boot/grub/menu.lst"),
    ("FstabResolvable", "S0 L60", "/etc/fstab"),
    ("FstabResolvable", "S1 L60", "/etc/fstab"),
    ("FstabResolvable", "S2 L43", "/etc/fstab"),
    ("EtcShadowWritable", "S0 L61", "/etc/shadow"),
    ("EtcShadowWritable", "S1 L61", "/etc/shadow"),
    ("EtcShadowWritable", "S2 L44", "/etc/shadow"),
    ("SelinuxNotEnabled", "S0 L62", "不建议修改/etc/selinux/config"),
    ("SelinuxNotEnabled", "S1 L62", "If you must enable SELinux"),
    ("SelinuxNotEnabled", "S2 L45", "Do not enable SELinux"),
    ("SystemTicketFiled", "S3 L38", "提交工单"),
    ("SystemTicketFiled", "S3 L39", "根据Linux内核定制开发"),
    ("RootPasswordAccepted", "S0 L69", "8~30个字符"),
    ("RootPasswordAccepted", "S1 L69", "8 to 30 characters"),
    ("RootPasswordAccepted", "S2 L13", "8 to 30 characters"),
    ("DhcpEnabled", "S0 L66", "开启DHCP"),
    ("DhcpEnabled", "S1 L66", "Enable Dynamic Host Configuration Protocol"),
    ("DhcpEnabled", "S2 L16", "DHCP must be enabled"),
    ("SingleNetworkInterface", "S0 L74", "不支持多个网络接口"),
    ("SingleNetworkInterface", "S1 L74", "Multiple network interfaces"),
    ("SingleNetworkInterface", "S2 L11", "multiple network interfaces"),
    ("NoStaticIpv6", "S0 L75", "不支持IPv6地址"),
    ("NoStaticIpv6", "S1 L75", "IPv6 addresses"),
    ("NoStaticIpv6", "S2 L12", "IPv6 address is not allowed"),
    ("InterfaceNameIndependent", "S4 L16", "eth0"),
    ("ImageNameValid", "S3 L32", "2−128个字符，以大小写字母或中文开头"),
    ("ObjectAddressComplete", "S3 L31", "镜像文件Object地址"),
    ("ObjectAddressComplete", "S4 L44-48", "对象存储文件 URL 准确"),
    ("ObjectAddressComplete", "S4 L75", "镜像链接"),
    ("OsTypeFitsPlatform", "S3 L33", "应选择 **Linux**"),
    ("PlatformOffered", "S3 L36", "下拉列表里提供的选项由 **操作系统** 的选项决定"),
    ("PlatformOffered", "S3 L36-38", "Customized Linux和Others Linux"),
    ("PlatformOffered", "S0 L43-50", "Windows Server 2019"),
    ("PlatformOffered", "S0 L89-99", "CentOS"),
    ("PlatformOffered", "S0 L105-106", "Customized Linux"),
    ("PlatformOffered", "S1 L43-50", "Windows Server 2019"),
    ("PlatformOffered", "S1 L89-99", "CentOS"),
    ("PlatformOffered", "S1 L105-106", "Customized Linux"),
    ("PlatformOffered", "S2 L24-32", "CentOS"),
    ("PlatformOffered", "S2 L37-38", "Customized Linux"),
    ("PlatformOffered", "S2 L74-79", "Windows Server 2016"),
    ("DescriptionAccepted", "S3 L41", "镜像描述"),
    ("VirtioInstalled", "S4 L17", "Virtio 驱动"),
    ("VirtioInstalled", "S4 L98-100", "VirtioNotInstall"),
    ("VirtioInstalled", "S4 L132", "VirtioNotInstall"),
    ("VirtioInstalled", "S0 L67", "Xen或者KVM"),
    ("VirtioInstalled", "S1 L67", "XEN or KVM"),
    ("VirtioInstalled", "S2 L14", "XEN and KVM"),
    ("CloudInitInstalled", "S4 L17", "cloudinit"),
    ("CloudInitInstalled", "S4 L103-105", "CloudInitNotInstalled"),
    ("CloudInitInstalled", "S4 L134", "CloudInitNotInstalled"),
    ("CloudInitInstalled", "S0 L68", "cloud-init"),
    ("CloudInitInstalled", "S1 L68", "cloud-init"),
    ("CloudInitInstalled", "S2 L17", "cloud-init"),
    ("CloudInitDatasourceSet", "S4 L107", "正确的数据源"),
    ("QemuGuestAgentAbsent", "S0 L77", "不支持在镜像中安装qemu-ga"),
    ("QemuGuestAgentAbsent", "S1 L77", "Installation of qemu-ga"),
    ("QemuGuestAgentAbsent", "S2 L55", "Do not install qemu-ga"),
    ("FirewallDisabled", "S0 L64", "关闭防火墙"),
    ("FirewallDisabled", "S1 L64", "Disable the firewall"),
    ("FirewallDisabled", "S2 L15", "firewall is disabled"),
    ("SshPort22Open", "S0 L65", "SSH 22端口"),
    ("SshPort22Open", "S1 L65", "SSH port 22"),
    ("SshPort22Open", "S2 L15", "port 22 is enabled"),
];

#[test]
fn every_citation_is_in_the_table_and_every_row_is_cited() {
    let mut cited: Vec<(String, String)> = Vec::new();
    for profile in built_in() {
        for rule in &profile.spec.rules {
            cited.extend(rule.cite.iter().map(|c| (rule.name.clone(), c.clone())));
        }
    }
    for (rule, cite) in &cited {
        assert!(SAYS.iter().any(|(r, c, _)| r == rule && c == cite), "{rule} cites {cite}: what does it say?");
    }
    for (rule, cite, _) in SAYS {
        assert!(cited.iter().any(|(r, c)| r == rule && c == cite), "no profile cites {cite} for {rule}");
    }
}

#[test]
fn every_cited_line_exists_and_says_it() {
    let Some(documents) = documents() else {
        println!("skipped: no documents (IMAGE_IMPORT_SEEDS or ../shared/seeds)");
        return;
    };
    for (rule, cite, says) in SAYS {
        let text = cited(&documents, cite).unwrap_or_else(|| panic!("{rule}: no {cite}"));
        assert!(text.contains(says), "{rule}: {cite} does not say {says:?}: {text}");
    }
    for profile in built_in() {
        for system in &profile.spec.operating_systems {
            let text: Vec<String> = system.cite.iter().filter_map(|c| cited(&documents, c)).collect();
            assert_eq!(text.len(), system.cite.len(), "{}", system.name);
            let word = match system.name.as_str() {
                // As the document misspells it (C-23).
                "FreeBSD" => "Free",
                "RHEL" => "R",
                name => name,
            };
            for line in &text {
                assert!(line.to_lowercase().contains(&word.to_lowercase()), "{}: {line}", system.name);
                for version in &system.versions {
                    assert!(line.contains(version.as_str()), "{} {version}: {line}", system.name);
                }
            }
        }
        for cite in &profile.spec.custom_platforms_cite {
            assert!(cited(&documents, cite.split(", ").next().unwrap()).is_some_and(|t| !t.is_empty()), "{cite}");
        }
    }
}

/// FRM-07: each choice stands in the lines it cites, and what the form lacks does not stand in those.
#[test]
fn the_platforms_of_the_form_are_those_of_the_documents() {
    let Some(documents) = documents() else {
        println!("skipped: no documents (IMAGE_IMPORT_SEEDS or ../shared/seeds)");
        return;
    };
    for profile in built_in() {
        for choice in &profile.spec.platform_choices {
            // As the document misspells it (C-23).
            let names = choice.also.iter().chain([&choice.name]);
            let names: Vec<String> = names.map(|name| name.replace("FreeBSD", "Free").to_lowercase()).collect();
            let says = |cite: &String| {
                let line = cited(&documents, cite).unwrap_or_else(|| panic!("no {cite}")).to_lowercase();
                names.iter().any(|name| line.contains(name))
            };
            assert!(!choice.cite.is_empty() && choice.cite.iter().all(says), "{}", choice.name);
            assert!(!choice.not_in.iter().any(says), "{} is offered", choice.name);
        }
    }
}

/// FRM-07 takes what OS-11 knows, and the choices of a document are its systems.
#[test]
fn every_choice_for_linux_is_a_system_of_the_profile_and_every_system_a_choice() {
    for profile in built_in().iter().filter(|profile| profile.name_any() != "tencent-cvm") {
        let spec = &profile.spec;
        for choice in spec.platform_choices.iter().filter(|choice| choice.os_type == OsType::Linux) {
            for name in choice.also.iter().chain([&choice.name]) {
                let system = spec.operating_systems.iter().any(|system| system.is_called(name));
                assert!(system || spec.custom_platforms.contains(name), "{}: {name}", profile.name_any());
            }
        }
        for system in &spec.operating_systems {
            let choice = spec.platform_choices.iter().any(|choice| choice.is_called(&system.name));
            assert!(choice, "{}: {}", profile.name_any(), system.name);
        }
    }
}

/// PRC-15: Tencent Cloud's own words, letter by letter; only link targets are left out.
#[test]
fn the_suggested_handling_is_the_document_s_own() {
    let codes: Vec<String> = get("tencent-cvm").unwrap().spec.handling.iter().map(|h| h.code.clone()).collect();
    assert_eq!(
        codes,
        [
            "InvalidUrl",
            "InvalidFormatSize",
            "VirtioNotInstall",
            "PartitionNotPresent",
            "CloudInitNotInstalled",
            "RootPartitionNotFound",
            "InternalError",
        ]
    );
    let Some(documents) = documents() else {
        println!("skipped: no documents (IMAGE_IMPORT_SEEDS or ../shared/seeds)");
        return;
    };
    for handling in get("tencent-cvm").unwrap().spec.handling {
        let row = cited(&documents, &handling.cite[0]).unwrap();
        let cells: Vec<&str> = row.trim().trim_matches('|').split('|').collect();
        assert_eq!(cells[0], handling.code);
        let without_links = cells[2].replace("[导入准备](#导入准备)", "导入准备");
        assert_eq!(without_links.trim(), handling.zh);
        assert_eq!(cells[1], handling.cause_zh);
        assert!(handling.en.ends_with('.') && !handling.cause_en.is_empty());
    }
}

/// The documents' lines, by short name.
fn documents() -> Option<BTreeMap<String, Vec<String>>> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/seeds"));
    let folder = std::env::var_os("IMAGE_IMPORT_SEEDS").map_or(beside, PathBuf::from);
    let mut found = BTreeMap::new();
    for file in std::fs::read_dir(folder).ok()?.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(number) = name.get(..3).and_then(|n| n.parse::<u8>().ok()) else { continue };
        let text = std::fs::read_to_string(file.path()).unwrap();
        found.insert(format!("S{number}"), text.split('\n').map(str::to_owned).collect());
    }
    (found.len() == 5).then_some(found)
}

/// The text of `S0 L42` or `S4 L98-100`.
fn cited(documents: &BTreeMap<String, Vec<String>>, cite: &str) -> Option<String> {
    let (document, lines) = cite.split_once(" L")?;
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
    Some(documents.get(document)?.get(first - 1..last)?.join("\n"))
}

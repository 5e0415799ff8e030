//! The fields of the import form, judged from the request alone: FRM-01, FRM-03, FRM-04, FRM-07, FRM-09.

use crate::api::{Action, ImportProfileSpec, OsType};
use crate::profiles;
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Warn};
use crate::report::{RuleResult, judge};
use crate::rules::fixture::{A2018_06, A2018_12, A2020, ALIBABA, TENCENT, healthy, outcome, result};
use crate::rules::{Request, find};

fn named(name: &str) -> impl Fn(&mut crate::inspect::Facts, &mut Request) {
    move |_, request| request.image_name = Some(name.to_owned())
}

#[test]
fn a_name_is_made_of_what_the_form_takes() {
    let long = |count: usize| format!("a{}", "1".repeat(count - 1));
    let rows: &[(&str, Outcome)] = &[
        ("ab", Pass),
        ("Zz", Pass),
        ("web-base_2020:12.v1", Pass),
        ("镜像", Pass),
        ("镜像-1", Pass),
        ("〇一", Pass),
        ("𠀀b", Pass),
        (&long(128), Pass),
        // Too short, too long: characters count, not bytes.
        ("", Fail),
        ("a", Fail),
        ("镜", Fail),
        (&long(129), Fail),
        (&"镜".repeat(128), Pass),
        (&"镜".repeat(129), Fail),
        // What may not come first.
        ("1ab", Fail),
        (".ab", Fail),
        ("_ab", Fail),
        (":ab", Fail),
        ("-ab", Fail),
        (" ab", Fail),
        // What may not come at all.
        ("a b", Fail),
        ("a/b", Fail),
        ("a(b)", Fail),
        ("a：b", Fail),
        ("a，b", Fail),
        ("a１", Fail),
        ("éab", Fail),
        ("aé", Fail),
        ("aあ", Fail),
        ("a한", Fail),
        ("ab\n", Fail),
        ("a\u{200b}b", Fail),
        ("http://a", Fail),
        // The API's own page, which no line of the document repeats.
        ("aliyun-web", Advice),
        ("Aliyun_web", Advice),
        ("acs:web", Advice),
        ("my-aliyun", Pass),
    ];
    for profile in ALIBABA {
        for (name, wanted) in rows {
            assert_eq!(outcome(profile, "FRM-01", named(name)), *wanted, "{profile} {name:?}");
        }
        assert_eq!(outcome(profile, "FRM-01", |_, _| {}), NotApplicable);
    }
    let tencent = profiles::get(TENCENT).unwrap().spec;
    assert!(tencent.rules.iter().all(|rule| rule.name != "ImageNameValid"), "its document has no such field");
}

#[test]
fn a_name_that_is_refused_is_told_where_and_how_to_mend_it() {
    let rule = result(A2020, "FRM-01", named("1 数据：盘"));
    assert_eq!((rule.result, rule.code.as_str()), (Fail, "InvalidImageName"));
    for part in ["begins with \"1\" (U+0031)", "character 2 is \" \" (U+0020)", "S3 L32", "2 to 128"] {
        assert!(rule.message.contains(part), "{part}: {}", rule.message);
    }
    assert_eq!(rule.evidence[0].place, "spec.image.name");
    assert!(rule.remedy.contains("Set spec.image.name") && rule.remedy.contains("数据-盘"), "{}", rule.remedy);
    let long = result(A2020, "FRM-01", named(&"x".repeat(4000)));
    assert!(long.message.contains("it has 4000 characters") && long.message.contains("(S3 L32)"), "{}", long.message);
    let hidden = result(A2020, "FRM-01", named("a\u{202e}b"));
    assert!(!hidden.message.contains('\u{202e}') && hidden.message.contains("U+202E"), "{}", hidden.message);
}

#[test]
fn a_name_that_fails_can_be_waived() {
    let waived = result(A2020, "FRM-01", |f, r| {
        named("1ab")(f, r);
        r.waivers = vec![crate::api::Waiver {
            rule: "ImageNameValid".into(),
            justification: "renamed later".into(),
            expiration_time: None,
        }];
    });
    assert_eq!(waived.result, Outcome::Waived);
}

#[test]
fn an_address_names_a_bucket_and_a_key() {
    let rows: &[(&str, Outcome)] = &[
        ("s3://acme/web/disk.qcow2", Pass),
        ("oss://acme/disk.vhd", Pass),
        ("cos://acme-1250000000/disk.vhd", Pass),
        ("https://acme.oss-cn-hangzhou.aliyuncs.com/web/disk.vhd", Pass),
        ("https://acme.oss-cn-hangzhou-internal.aliyuncs.com/disk.vhd", Pass),
        ("https://acme.oss-accelerate.aliyuncs.com/disk.vhd", Pass),
        ("https://oss-cn-hangzhou.aliyuncs.com/acme/disk.vhd", Pass),
        ("https://acme-125.cos.ap-guangzhou.myqcloud.com/disk.vhd", Pass),
        ("https://acme-125.cos-internal.ap-guangzhou.tencentcos.cn/disk.vhd", Pass),
        ("https://acme-125.cos.accelerate.myqcloud.com/disk.vhd", Pass),
        ("https://COS.ap-guangzhou.myqcloud.com:443/acme-125/disk.vhd", Pass),
        ("s3://acme", Fail),
        ("s3://acme/", Fail),
        ("s3:///disk.vhd", Fail),
        ("s3://acme/folder/", Fail),
        ("https://acme.oss-cn-hangzhou.aliyuncs.com", Fail),
        ("https://acme.oss-cn-hangzhou.aliyuncs.com/", Fail),
        ("https://acme.oss-cn-hangzhou.aliyuncs.com/?...", Fail),
        ("https://acme.oss-cn-hangzhou.aliyuncs.com/folder/", Fail),
        ("https://oss-cn-hangzhou.aliyuncs.com/acme", Fail),
        ("https://cos.ap-guangzhou.myqcloud.com/acme-125", Fail),
        ("https://cos.ap-guangzhou.myqcloud.com", Fail),
        // Which part is a bucket, only the store's own hosts tell.
        ("https://mirror.example.com/disk.vhd", NotApplicable),
        ("https://mirror.example.com/", NotApplicable),
        ("https://minio.svc:9000/images/disk.vhd", NotApplicable),
        ("https://img.myqcloud.com/disk.vhd", NotApplicable),
        ("https://ecs.aliyuncs.com/disk.vhd", NotApplicable),
        ("https://oss-cn-hangzhou.aliyuncs.com.example.com/acme", NotApplicable),
        ("disk.vhd", NotApplicable),
        ("file:///tmp/disk.vhd", NotApplicable),
        ("", NotApplicable),
    ];
    for profile in [TENCENT, A2020, A2018_12, A2018_06] {
        for (url, wanted) in rows {
            assert_eq!(outcome(profile, "FRM-03", |_, r| r.url = (*url).to_owned()), *wanted, "{profile} {url}");
        }
    }
}

#[test]
fn an_address_without_a_key_is_told_under_each_cloud_s_code() {
    let of =
        |profile| result(profile, "FRM-03", |_, r| r.url = "https://cos.ap-guangzhou.myqcloud.com/acme-125".into());
    let tencent = of(TENCENT);
    assert_eq!(tencent.code, "InvalidUrl");
    assert!(tencent.message.contains("names the bucket \"acme-125\" and no object"), "{}", tencent.message);
    assert!(tencent.message.contains("S4 L44-48") && tencent.remedy.contains("COS 链接无效"), "{tencent:#?}");
    assert_eq!(tencent.evidence[0].place, "spec.source.url");
    assert_eq!(of(A2020).code, "ObjectAddressField");
    assert!(of(A2020).remedy.contains("spec.source.url"));
}

#[test]
fn a_platform_for_non_standard_systems_is_declared_as_linux() {
    use OsType::{Linux, Windows};
    let rows: &[(Option<OsType>, Option<&str>, Outcome)] = &[
        (None, None, NotApplicable),
        (None, Some("Others Linux"), NotApplicable),
        (Some(Linux), None, Pass),
        (Some(Windows), None, Pass),
        (Some(Linux), Some("Others Linux"), Pass),
        (Some(Linux), Some("CentOS"), Pass),
        (Some(Windows), Some("Windows Server 2008"), Pass),
        // Another rule's question.
        (Some(Windows), Some("CentOS"), Pass),
        (Some(Windows), Some("Others Linux"), Fail),
        (Some(Windows), Some("customized linux"), Fail),
    ];
    for profile in ALIBABA {
        for (os_type, platform, wanted) in rows {
            let found = outcome(profile, "FRM-04", |_, r| {
                (r.os_type, r.platform) = (*os_type, platform.map(str::to_owned));
            });
            assert_eq!(found, *wanted, "{profile} {os_type:?} {platform:?}");
        }
    }
    let rule = result(A2018_12, "FRM-04", |_, r| {
        (r.os_type, r.platform) = (Some(Windows), Some("Others Linux".into()));
    });
    assert_eq!(rule.code, "OsTypeField");
    assert!(rule.message.contains("Others Linux for Linux only (S3 L33)"), "{}", rule.message);
    let places: Vec<&str> = rule.evidence.iter().map(|e| e.place.as_str()).collect();
    assert_eq!(places, ["spec.image.osType", "spec.image.platform"]);
    assert!(rule.remedy.contains("Set spec.image.osType to Linux"), "{}", rule.remedy);
}

fn platform(profile: &str, os_type: Option<OsType>, platform: &str) -> RuleResult {
    result(profile, "FRM-07", |_, r| (r.os_type, r.platform) = (os_type, Some(platform.to_owned())))
}

/// Columns: tencent-cvm, 2020-12, 2018-12, 2018-06.
#[test]
fn a_platform_is_one_of_the_profile_s_own_choices() {
    let rows: &[(&str, [Outcome; 4])] = &[
        ("CentOS", [Pass; 4]),
        ("centos", [Pass; 4]),
        ("Ubuntu", [Pass; 4]),
        ("Debian", [Pass; 4]),
        ("FreeBSD", [Pass; 4]),
        ("CoreOS", [Pass; 4]),
        ("SUSE", [Pass; 4]),
        ("SUSE Linux", [Pass; 4]),
        ("Aliyun", [Pass; 4]),
        ("Alibaba Cloud Linux", [Pass; 4]),
        ("Customized Linux", [Fail, Pass, Pass, Pass]),
        ("Others Linux", [Fail, Pass, Pass, Pass]),
        ("others linux", [Fail, Pass, Pass, Pass]),
        ("OpenSUSE", [Pass, Pass, Warn, Pass]),
        ("openSUSE", [Pass, Pass, Warn, Pass]),
        ("Red Hat", [Pass, Pass, Warn, Pass]),
        ("RedHat", [Pass, Pass, Warn, Pass]),
        ("RHEL", [Pass, Pass, Warn, Pass]),
        ("Windows Server 2003", [Pass; 4]),
        ("Windows Server 2008", [Pass; 4]),
        ("Windows Server 2008 R2", [Pass, Pass, Warn, Pass]),
        ("Windows Server 2012", [Pass; 4]),
        ("Windows Server 2012 R2", [Pass, Pass, Warn, Pass]),
        ("Windows Server 2016", [Pass, Pass, Warn, Pass]),
        ("Microsoft Windows Server 2016", [Pass, Pass, Warn, Pass]),
        ("Windows Server 2019", [Pass, Pass, Fail, Fail]),
        ("Windows Server 2022", [Pass, Fail, Fail, Fail]),
        ("Windows 10", [Pass, Fail, Fail, Fail]),
        ("Fedora", [Pass, Fail, Fail, Fail]),
        ("CentOS 7", [Pass, Fail, Fail, Fail]),
        ("", [Pass, Fail, Fail, Fail]),
    ];
    for (name, wanted) in rows {
        let found = [TENCENT, A2020, A2018_12, A2018_06].map(|profile| platform(profile, None, name).result);
        assert_eq!(found, *wanted, "{name}");
    }
    for profile in [TENCENT, A2020, A2018_12, A2018_06] {
        assert_eq!(outcome(profile, "FRM-07", |_, _| {}), NotApplicable, "{profile}");
    }
}

#[test]
fn the_choices_follow_the_family() {
    use OsType::{Linux, Windows};
    for profile in ALIBABA {
        for (os_type, name, wanted) in [
            (Linux, "CentOS", Pass),
            (Windows, "Windows Server 2008", Pass),
            (Linux, "Others Linux", Pass),
            (Windows, "CentOS", Fail),
            (Linux, "Windows Server 2008", Fail),
            // FRM-04 says it.
            (Windows, "Others Linux", NotApplicable),
        ] {
            assert_eq!(platform(profile, Some(os_type), name).result, wanted, "{profile} {os_type:?} {name}");
        }
    }
    let rule = platform(A2018_06, Some(Windows), "CentOS");
    assert!(rule.message.contains("offers the platform CentOS for Linux (S2 L25)"), "{}", rule.message);
    assert!(
        rule.remedy.starts_with("Set spec.image.osType to Linux. Or: Set spec.image.platform to Windows"),
        "{rule:#?}"
    );
    assert_eq!(platform(TENCENT, Some(Windows), "CentOS").result, Pass, "free, whatever the family");
}

#[test]
fn a_contradiction_of_the_family_is_never_lost() {
    let mut spec: ImportProfileSpec = profiles::get(A2020).unwrap().spec;
    spec.rules.retain(|rule| rule.name != "OsTypeFitsPlatform");
    let request =
        Request { os_type: Some(OsType::Windows), platform: Some("Others Linux".into()), ..Request::default() };
    let report = judge(&healthy(), "mine", &spec, &request);
    let found = report.rules.iter().find(|rule| rule.id == "FRM-07").unwrap();
    assert_eq!((found.result, found.action), (Fail, Action::Require), "no other rule says it");
}

#[test]
fn a_platform_that_is_refused_is_told_what_to_choose() {
    let rule = platform(A2020, None, "CentOS 7");
    assert_eq!((rule.code.as_str(), rule.evidence[0].place.as_str()), ("PlatformField", "spec.image.platform"));
    assert!(rule.message.contains("does not offer the platform \"CentOS 7\" (S3 L36; S0 L43-50"), "{}", rule.message);
    assert!(rule.remedy.starts_with("Set spec.image.platform to CentOS, or to another of the choices, "), "{rule:#?}");
    assert!(rule.remedy.contains("Windows Server 2019, ") && rule.remedy.contains("Customized Linux; or leave it out"));
    let newer = platform(A2020, Some(OsType::Windows), "Windows Server 2012 R2 Standard");
    assert!(newer.remedy.starts_with("Set spec.image.platform to Windows Server 2012 R2, or"), "{}", newer.remedy);
    assert!(!newer.remedy.contains("CentOS"), "the choices of the family: {}", newer.remedy);
    let tencent = platform(TENCENT, None, "Others Linux");
    assert!(tencent.message.contains("has no platform \"Others Linux\""), "{}", tencent.message);
    assert!(tencent.remedy.contains("Leave spec.image.platform out"), "{}", tencent.remedy);
}

/// C-13, C-14: the drop-down of 2018-12 is shorter than the list of the document on images.
#[test]
fn what_form_and_document_disagree_on_names_both_lines() {
    for (name, listed, lacks, instead) in [
        ("Windows Server 2016", "S2 L74", "S3 L37", "Ask the cloud in a ticket"),
        ("Windows Server 2012 R2", "S2 L75", "S3 L37", "Set spec.image.platform to Windows Server 2012."),
        ("Windows Server 2008 R2", "S2 L77", "S3 L37", "Set spec.image.platform to Windows Server 2008."),
        ("openSUSE", "S2 L29", "S3 L38", "Set spec.image.platform to SUSE or Others Linux."),
        ("Red Hat", "S2 L30", "S3 L38", "Set spec.image.platform to Others Linux."),
    ] {
        let rule = platform(A2018_12, None, name);
        assert_eq!((rule.result, rule.code.as_str()), (Warn, "PlatformField"), "{name}");
        assert!(rule.message.contains(listed) && rule.message.contains(lacks), "{}", rule.message);
        assert!(rule.remedy.contains(instead), "{name}: {}", rule.remedy);
    }
    let refused = platform(A2018_12, None, "Plan 9");
    assert!(!refused.remedy.contains("OpenSUSE"), "it is no choice: {}", refused.remedy);
}

#[test]
fn a_description_is_warned_about_by_the_words_of_the_api() {
    let rows: &[(&str, Outcome)] = &[
        ("ab", Pass),
        ("The base of all web servers, see https://wiki.example.com", Pass),
        ("网站 的 镜像", Pass),
        (&"镜".repeat(256), Pass),
        (&"镜".repeat(257), Warn),
        ("", Warn),
        ("a", Warn),
        ("http://wiki.example.com", Warn),
        ("HTTPS://wiki.example.com", Warn),
        ("httpd, configured", Pass),
    ];
    for profile in ALIBABA {
        for (text, wanted) in rows {
            let found = outcome(profile, "FRM-09", |_, r| r.description = Some((*text).to_owned()));
            assert_eq!(found, *wanted, "{profile} {text:?}");
        }
        assert_eq!(outcome(profile, "FRM-09", |_, _| {}), NotApplicable);
    }
    let rule = result(A2020, "FRM-09", |_, r| r.description = Some(format!("http://{}", "x".repeat(300))));
    assert_eq!((rule.code.as_str(), rule.evidence[0].place.as_str()), ("DescriptionField", "spec.image.description"));
    assert!(rule.message.contains("has 307 characters and begins with http://"), "{}", rule.message);
    assert!(rule.message.contains("S3 L41") && rule.remedy.contains("spec.image.description"), "{rule:#?}");
}

/// What the form asks is in the request: nothing of it can be unknown, whatever could be read of the image.
#[test]
fn the_form_is_judged_without_a_byte_of_the_image() {
    let request = Request {
        url: "s3://acme/disk.vhd".into(),
        image_name: Some("web-base".into()),
        description: Some("The base".into()),
        os_type: Some(OsType::Linux),
        platform: Some("CentOS".into()),
        ..Request::default()
    };
    let spec = profiles::get(A2020).unwrap().spec;
    let report = judge(&crate::inspect::Facts::default(), A2020, &spec, &request);
    for id in ["FRM-01", "FRM-03", "FRM-04", "FRM-07", "FRM-09"] {
        let found = report.rules.iter().find(|rule| rule.id == id).unwrap();
        assert_eq!(found.result, Pass, "{id}");
        assert!(!find(id).unwrap().structural, "{id} can be waived");
    }
}

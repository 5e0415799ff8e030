//! SRC-01, SRC-02, SRC-05 to SRC-08, SRC-10.

use crate::disk::Http;
use crate::inspect::facts::{Access, Checked, Missing, Scheme, Trouble, TroubleKind};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::fixture::{
    A2020, ALIBABA, GIB, TENCENT, container, healthy, outcome, partition, result, table, trouble,
};

fn refused(
    access: Access,
    status: u16,
    code: &str,
) -> impl FnOnce(&mut crate::inspect::Facts, &mut crate::rules::Request) {
    let http = Http { status, code: code.into(), request_id: "r1".into() };
    move |facts, _| {
        facts.source.access = access;
        facts.source.http = Some(http);
        facts.container = None;
        facts.table = None;
        facts.volumes.clear();
        facts.guest = None;
    }
}

#[test]
fn a_forbidden_object_is_an_invalid_url_and_names_the_store_s_answer() {
    let rule = result(TENCENT, "SRC-02", refused(Access::Forbidden, 403, "AccessDenied"));
    assert_eq!((rule.result, rule.code.as_str()), (Fail, "InvalidUrl"));
    assert!(rule.message.starts_with("AccessDenied: ") && rule.message.contains("403"), "{}", rule.message);
    assert!(rule.evidence[0].what.contains("r1"));
    assert!(rule.remedy.contains("检查 COS 链接与导入镜像链接是否相同"));
    assert_eq!(outcome(TENCENT, "SRC-06", refused(Access::Forbidden, 403, "AccessDenied")), NotApplicable);
}

#[test]
fn a_missing_object_fails_once_and_leaves_the_rest_undecided() {
    let rule = result(TENCENT, "SRC-06", refused(Access::NotFound, 404, "NoSuchKey"));
    assert_eq!((rule.result, rule.code.as_str()), (Fail, "InvalidUrl"));
    assert!(rule.message.starts_with("ObjectNotFound: "));
    assert_eq!(outcome(TENCENT, "SRC-02", refused(Access::NotFound, 404, "NoSuchKey")), NotApplicable);
    assert_eq!(outcome(TENCENT, "IMG-01", refused(Access::NotFound, 404, "NoSuchKey")), NotApplicable);
    assert_eq!(outcome(A2020, "IMG-01", refused(Access::NotFound, 404, "NoSuchKey")), Unknown);
}

/// Address of the object, region of its bucket, region of the image.
type Link = (&'static str, Option<&'static str>, Option<&'static str>);

fn link((url, bucket, image): Link) -> impl Fn(&mut crate::inspect::Facts, &mut crate::rules::Request) {
    move |_, request| {
        url.clone_into(&mut request.url);
        (request.bucket_region, request.image_region) = (bucket.map(str::to_owned), image.map(str::to_owned));
    }
}

#[test]
fn a_link_of_another_clouds_store_is_told_under_each_clouds_code() {
    let rows: &[(&str, Outcome, Outcome)] = &[
        ("cos://acme-125/d.vhd", Pass, Warn),
        ("https://acme-125.cos.ap-guangzhou.myqcloud.com/d.vhd", Pass, Warn),
        ("oss://acme/d.vhd", Fail, Pass),
        ("https://acme.oss-cn-hangzhou.aliyuncs.com/d.vhd", Fail, Pass),
        ("s3://acme/d.vhd", NotApplicable, NotApplicable),
        ("https://mirror.example.com/d.vhd", NotApplicable, NotApplicable),
        ("/images/d.vhd", NotApplicable, NotApplicable),
    ];
    for (url, tencent, alibaba) in rows {
        assert_eq!(outcome(TENCENT, "SRC-01", link((url, None, None))), *tencent, "{url}");
        for profile in ALIBABA {
            assert_eq!(outcome(profile, "SRC-01", link((url, None, None))), *alibaba, "{profile} {url}");
        }
    }
    let rule = result(TENCENT, "SRC-01", link(("oss://acme/d.vhd", None, None)));
    assert_eq!((rule.code.as_str(), rule.message.starts_with("NotCosObject: ")), ("InvalidUrl", true), "{rule:#?}");
    assert!(rule.remedy.contains("COS 链接无效"), "{}", rule.remedy);
    assert_eq!(result(A2020, "SRC-01", link(("cos://a-1/d.vhd", None, None))).code, "ObjectAddressNotOss");
    // A domain of one's own, which the store's answer gives away.
    let own = |facts: &mut crate::inspect::Facts, request: &mut crate::rules::Request| {
        "https://images.example.com/d.vhd".clone_into(&mut request.url);
        facts.source.cloud = Some("cos".to_owned());
    };
    assert_eq!((outcome(TENCENT, "SRC-01", own), outcome(A2020, "SRC-01", own)), (Pass, Warn));
}

#[test]
fn a_bucket_is_in_the_region_of_the_image() {
    const COS: &str = "https://acme-125.cos.ap-guangzhou.myqcloud.com/d.vhd";
    const OSS: &str = "https://acme.oss-cn-hangzhou-internal.aliyuncs.com/d.vhd";
    let rows: &[(Link, Outcome, Outcome)] = &[
        ((COS, None, Some("ap-guangzhou")), Pass, NotApplicable),
        ((COS, None, Some("ap-beijing")), Fail, NotApplicable),
        ((COS, None, None), Unknown, NotApplicable),
        (("cos://acme-125/d.vhd", Some("ap-beijing"), Some("AP-Beijing")), Pass, NotApplicable),
        (("cos://acme-125/d.vhd", None, Some("ap-beijing")), Unknown, NotApplicable),
        (("https://acme-125.cos.accelerate.myqcloud.com/d", None, Some("ap-beijing")), Unknown, NotApplicable),
        ((OSS, None, Some("cn-hangzhou")), NotApplicable, Pass),
        ((OSS, None, Some("cn-beijing")), NotApplicable, Fail),
        ((OSS, None, None), NotApplicable, Unknown),
        (("s3://acme/d.vhd", Some("cn-beijing"), Some("cn-hangzhou")), NotApplicable, NotApplicable),
        (("d.vhd", None, Some("cn-hangzhou")), NotApplicable, NotApplicable),
    ];
    for (asked, tencent, alibaba) in rows {
        assert_eq!(outcome(TENCENT, "SRC-05", link(*asked)), *tencent, "{asked:?}");
        for profile in ALIBABA {
            assert_eq!(outcome(profile, "SRC-08", link(*asked)), *alibaba, "{profile} {asked:?}");
        }
    }
    let rule = result(TENCENT, "SRC-05", link((COS, None, Some("ap-beijing"))));
    assert_eq!((rule.code.as_str(), rule.evidence.len()), ("InvalidUrl", 2), "{rule:#?}");
    assert!(
        rule.message.starts_with("OtherRegion: the bucket is in \"ap-guangzhou\" (spec.source.url)"),
        "{}",
        rule.message
    );
    // The store's own word counts where the address has none.
    let told = |facts: &mut crate::inspect::Facts, request: &mut crate::rules::Request| {
        link(("cos://acme-125/d.vhd", None, Some("ap-x")))(facts, request);
        facts.source.region = Some("ap-y".to_owned());
    };
    let rule = result(TENCENT, "SRC-05", told);
    assert!(rule.result == Fail && rule.evidence[0].place == "the store's answer", "{rule:#?}");
}

#[test]
fn a_signed_link_is_judged_before_it_is_followed() {
    use crate::source::link::signed;
    const COS: &str =
        "https://a-1.cos.ap-x.myqcloud.com/d?q-sign-algorithm=sha1&q-signature=f&q-sign-time=0;1000&q-key-time=0;1000";
    const S3: &str = "https://b.s3.amazonaws.com/d?AWSAccessKeyId=A&Signature=f&Expires=1000";
    let at = |link: &'static str, second: i64| {
        move |_: &mut crate::inspect::Facts, request: &mut crate::rules::Request| {
            request.link = signed(link);
            request.now = jiff::Timestamp::from_second(second).unwrap();
        }
    };
    for (link, second, valid, single) in [
        (COS, 999, Pass, Fail),
        (COS, 1000, Fail, Fail),
        (S3, 999, Pass, Advice),
        (S3, 1000, Fail, Advice),
        ("https://h/d?AWSAccessKeyId=A&Signature=f", 0, Unknown, Advice),
        ("https://h/d", 0, NotApplicable, NotApplicable),
    ] {
        assert_eq!(outcome(TENCENT, "SRC-03", at(link, second)), valid, "{link} at {second}");
        assert_eq!(outcome(TENCENT, "SRC-04", at(link, second)), single, "{link} at {second}");
    }
    let rule = result(TENCENT, "SRC-03", at(COS, 1000));
    assert_eq!((rule.code.as_str(), rule.message.starts_with("SignatureExpired: ")), ("InvalidUrl", true));
    assert!(rule.evidence[0].place.contains("-time of "), "{rule:#?}");
}

#[test]
fn finance_regions_take_their_own_buckets_alone() {
    const COS: &str = "https://acme-125.cos.ap-shanghai-fsi.myqcloud.com/d.vhd";
    let rows: &[(Link, Outcome)] = &[
        ((COS, None, Some("ap-shanghai-fsi")), Pass),
        ((COS, None, Some("ap-shenzhen-fsi")), Fail),
        (("cos://acme-125/d.vhd", Some("ap-shanghai"), Some("ap-shanghai-fsi")), Fail),
        (("cos://acme-125/d.vhd", None, Some("ap-shanghai-fsi")), Unknown),
        ((COS, None, Some("ap-shanghai")), NotApplicable),
        ((COS, None, None), Unknown),
        (("s3://acme/d.vhd", None, Some("ap-shanghai-fsi")), NotApplicable),
    ];
    for (asked, wanted) in rows {
        assert_eq!(outcome(TENCENT, "SRC-07", link(*asked)), *wanted, "{asked:?}");
    }
    let rule = result(TENCENT, "SRC-07", link((COS, None, Some("ap-shenzhen-fsi"))));
    assert_eq!(rule.code, "FinanceRegionCrossImport");
}

#[test]
fn who_reads_a_file_asks_no_store() {
    assert_eq!(outcome(TENCENT, "SRC-02", |facts, _| facts.source.local = true), NotApplicable);
}

#[test]
fn a_private_object_that_was_read_passes_with_advice() {
    assert_eq!(outcome(TENCENT, "SRC-02", |_, _| {}), Pass);
    assert_eq!(outcome(TENCENT, "SRC-06", |_, _| {}), Pass);
    let rule = result(TENCENT, "SRC-02", |facts, _| facts.source.signed = true);
    assert_eq!((rule.result, rule.code.as_str()), (Advice, "Passed"));
    assert!(rule.message.contains("S4 L76-77"));
}

/// An upload that was cut: the container names a cluster that is not there, and so is not opened.
fn cut(facts: &mut crate::inspect::Facts, request: &mut crate::rules::Request) {
    facts.source.size_bytes = 700_000;
    let container = container(facts);
    container.format = "QCOW2".into();
    container.missing = Some(Missing { what: "data cluster".into(), at: 720_896, ends_at: 786_432 });
    let what = "the data cluster at 0xb0000 passes the end of the object".into();
    container.trouble = Some(Trouble { kind: TroubleKind::Corrupt, layer: "qcow2".into(), at: Some(0x5_0000), what });
    facts.table = None;
    facts.volumes.clear();
    facts.guest = None;
    let rule = "UploadComplete".into();
    request.waivers.push(crate::api::Waiver { rule, justification: "never mind".into(), expiration_time: None });
}

#[test]
fn an_upload_that_was_cut_short_fails_that_rule_alone_and_cannot_be_waived() {
    for (profile, code) in
        ALIBABA.map(|profile| (profile, "UploadIncomplete")).into_iter().chain([(TENCENT, "PartitionNotPresent")])
    {
        assert_eq!(outcome(profile, "SRC-10", |_, _| {}), Pass);
        let rule = result(profile, "SRC-10", cut);
        assert_eq!((rule.result, rule.code.as_str()), (Fail, code));
        for part in ["Incomplete: ", "700000", "720896", "786432"] {
            assert!(rule.message.contains(part), "{}", rule.message);
        }
        assert_eq!(rule.evidence[0].offset, Some(720_896));

        let (mut facts, mut request) = (healthy(), crate::rules::Request::default());
        cut(&mut facts, &mut request);
        request.acknowledgements = vec![crate::api::Acknowledgement::Qcow2Ticket];
        let mut spec = crate::profiles::get(profile).unwrap().spec;
        spec.formats.push("QCOW2".into());
        let failing = |spec: &crate::api::ImportProfileSpec| {
            let report = crate::report::judge(&facts, profile, spec, &request);
            report.rules.into_iter().filter(|r| r.result == Fail).map(|r| r.id).collect::<Vec<_>>()
        };
        assert_eq!(failing(&spec), ["SRC-10"], "{profile}");
        spec.rules.retain(|rule| rule.name != "UploadComplete");
        assert_eq!(failing(&spec), ["IMG-01"], "without that rule another says it");
    }
    assert!(result(TENCENT, "SRC-10", cut).remedy.contains("镜像损坏，可能是错误的镜像制作方式导致的"));
}

type Change = fn(&mut crate::inspect::facts::PartitionTable);

#[test]
fn what_the_partition_table_names_past_the_end_of_the_disk_is_missing() {
    let end = 40 * GIB;
    let rows: &[(&str, Change, crate::report::Outcome, &str)] = &[
        ("ends with the disk", |t| t.partitions[0].size_bytes = 40 * GIB, Pass, "is there"),
        ("a sector more", |t| t.partitions[0].size_bytes = 40 * GIB + 512, Fail, "partition 1 of the MBR"),
        (
            "protective",
            |t| {
                t.partitions[0].size_bytes = 4 << 40;
                t.partitions[0].role = crate::inspect::facts::Role::Protective;
            },
            Pass,
            "",
        ),
        (
            "logical",
            |t| {
                t.partitions.push(partition(5, crate::inspect::facts::Role::Plain));
                t.partitions[1].start_bytes = 40 * GIB;
            },
            Fail,
            "partition 5 of the MBR",
        ),
        ("a lost record", |t| t.lost_record_bytes = Some(40 * GIB), Fail, "a record of logical partitions"),
        ("the second header in the last sector", |t| gpt(t, 40 * GIB - 512), Pass, "is there"),
        ("a grown disk", |t| gpt(t, 20 * GIB - 512), Advice, "has grown"),
        ("the second header is cut off", |t| gpt(t, 40 * GIB), Fail, "the second header of the GPT"),
        (
            "usable sectors are cut off",
            |t| {
                gpt(t, 40 * GIB - 512);
                t.usable_end_bytes = Some(40 * GIB + 512);
            },
            Fail,
            "usable",
        ),
        ("no table", |t| t.scheme = Scheme::None, Pass, "no partition table"),
        ("a kind of a newer version", |t| t.scheme = Scheme::Other, Unknown, ""),
    ];
    for (what, change, wanted, says) in rows {
        let rule = result(TENCENT, "SRC-10", |f, _| change(table(f)));
        assert_eq!(rule.result, *wanted, "{what}: {rule:#?}");
        assert!(rule.message.contains(says), "{what}: {}", rule.message);
        if *wanted == Fail {
            assert!(rule.message.contains(&format!("the disk has {end} bytes")), "{}", rule.message);
        }
        if *wanted == Advice {
            assert_eq!(rule.code, "Passed", "no damage");
        }
    }
}

fn gpt(table: &mut crate::inspect::facts::PartitionTable, backup: u64) {
    table.scheme = Scheme::Gpt;
    table.backup_bytes = Some(backup);
}

#[test]
fn what_was_not_compared_is_not_complete() {
    let checked =
        |checked| move |f: &mut crate::inspect::Facts, _: &mut crate::rules::Request| container(f).checked = checked;
    let rule = result(A2020, "SRC-10", checked(Checked::Part));
    assert_eq!((rule.result, rule.code.as_str()), (Unknown, "LimitExceeded"));
    assert_eq!(outcome(A2020, "SRC-10", checked(Checked::Nothing)), Unknown);
    assert_eq!(outcome(A2020, "SRC-10", |f, _| f.table = Some(trouble(TroubleKind::Limit))), Unknown);
    assert_eq!(outcome(A2020, "SRC-10", |f, _| f.table = Some(trouble(TroubleKind::Corrupt))), NotApplicable);
    assert_eq!(outcome(A2020, "SRC-10", |f, _| f.truncated.push("partitions".into())), Unknown);
    assert_eq!(outcome(TENCENT, "SRC-10", refused(Access::NotFound, 404, "NoSuchKey")), NotApplicable);
    for (format, wanted) in [("gzip", NotApplicable), ("ISO", NotApplicable), ("VHDX", Unknown)] {
        let found = outcome(TENCENT, "SRC-10", |f, _| {
            container(f).format = format.into();
            container(f).virtual_size_bytes = None;
        });
        assert_eq!(found, wanted, "{format}");
    }
}

#[test]
fn a_raw_disk_under_the_name_of_a_vhd_may_be_one_whose_end_was_cut() {
    let raw = |url: &'static str, change: Change| {
        result(TENCENT, "SRC-10", |f, r| {
            container(f).format = "RAW".into();
            r.url = url.into();
            change(table(f));
        })
    };
    let (same, none): (Change, Change) = (|_| {}, |t| t.scheme = Scheme::None);
    let ends: Change = |t| gpt(t, 40 * GIB - 512);
    let one_copy: Change = |t| {
        gpt(t, 40 * GIB - 512);
        t.other_copy = Some(crate::rules::fixture::troubled(TroubleKind::Corrupt));
    };
    let rows: &[(&str, Change, crate::report::Outcome)] = &[
        ("s3://bucket/disk.vhd", same, Unknown),
        ("https://host/a/DISK.VHD", none, Unknown),
        ("s3://bucket/disk.vhd", one_copy, Unknown),
        ("s3://bucket/disk.vhd", |t| gpt(t, 20 * GIB), Unknown),
        ("s3://bucket/disk.vhd", |t| t.partitions[0].size_bytes = 41 * GIB, Fail),
        ("s3://bucket/disk.vhd", ends, Pass),
        ("s3://bucket/disk.raw", same, Pass),
        ("s3://bucket/disk.vhd.img", none, Pass),
        ("s3://bucket/vhd", same, Pass),
    ];
    for (url, change, wanted) in rows {
        let rule = raw(url, *change);
        assert_eq!(rule.result, *wanted, "{url}: {}", rule.message);
        assert_eq!(rule.message.contains("whose end was cut off"), *wanted == Unknown, "{url}: {}", rule.message);
    }
    let declared = |format: &'static str| {
        result(TENCENT, "SRC-10", |f, r| {
            container(f).format = "RAW".into();
            (r.url, r.format) = ("s3://bucket/disk.vhd".into(), Some(format.into()));
        })
    };
    assert_eq!((declared("RAW").result, declared("VHD").result), (Pass, Unknown));
    let named = result(TENCENT, "IMG-01", |f, r| {
        container(f).format = "RAW".into();
        r.url = "s3://bucket/disk.vhd".into();
    });
    assert_eq!(named.result, Pass);
    assert!(named.evidence.iter().any(|seen| seen.what == "ends as that of a VHD"), "{:?}", named.evidence);
}

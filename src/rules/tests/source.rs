//! SRC-02, SRC-06.

use crate::disk::Http;
use crate::inspect::facts::Access;
use crate::report::Outcome::{Advice, Fail, NotApplicable, Pass, Unknown};
use crate::rules::fixture::{A2020, TENCENT, outcome, result};

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

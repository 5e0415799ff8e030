use super::*;

fn api(text: &str) -> Result<Location> {
    Location::parse(text, Author::Api)
}

fn why(text: &str) -> String {
    api(text).unwrap_err().what
}

#[test]
fn a_key_is_literal() {
    for key in ["a.qcow2", "web/centos 8+1%20.img", "镜像/系统.vhd", "a#b", "a~b/c=d&e", "[x]{y}"] {
        let found = api(&format!("s3://acme-images/{key}")).unwrap();
        assert_eq!(found, Location::S3 { bucket: "acme-images".into(), key: key.into() });
    }
}

#[test]
fn keys_that_no_request_can_name_are_refused_in_words() {
    assert!(why("s3://acme/a//b").contains("cannot be addressed"));
    assert!(why("s3://acme//a").contains("cannot be addressed"));
    assert!(why("s3://acme/a/../b").contains("cannot be addressed"));
    assert!(why("s3://acme/a\nb").contains("control characters"));
    assert!(why("s3://acme/a?versionId=1").contains("no query"));
    assert!(why("s3://acme/folder/").contains("folder"));
    assert!(why("s3://acme").contains("key is missing"));
    assert!(why(&format!("s3://acme/{}", "k".repeat(1025))).contains("1024"));
}

#[test]
fn buckets_are_names() {
    assert!(why("s3://user:pw@bucket/key").contains("not a bucket's name"));
    assert!(why("s3:///key").contains("not a bucket's name"));
    assert!(why("s3://ab/key").contains("not a bucket's name"));
    assert!(api("s3://acme-1250000000/key").is_ok());
}

#[test]
fn a_field_takes_no_secret_and_no_file() {
    assert!(why("https://h/p?X-Amz-Signature=abc").contains("presigned link"));
    assert!(!why("https://h/p?X-Amz-Signature=abc").contains("abc"));
    assert!(why("https://u:topsecret@h/p").contains("no user or password"));
    assert!(!why("https://u:topsecret@h/p").contains("topsecret"));
    assert!(why("/etc/passwd").contains("not an address"));
    assert!(why("file:///etc/passwd").contains("scheme is not read"));
}

#[test]
fn a_terminal_takes_files_and_presigned_links() {
    let at = |text| Location::parse(text, Author::Terminal).unwrap();
    assert_eq!(at("disk.qcow2"), Location::File("disk.qcow2".into()));
    assert_eq!(at("file:///tmp/a%20b"), Location::File("/tmp/a b".into()));
    assert!(matches!(at("https://h/p?sig=1"), Location::Http(url) if url.query() == Some("sig=1")));
}

#[test]
fn addresses_of_the_clouds_lead_to_their_buckets() {
    let of = |url: &str, region: Option<&str>, endpoint: Option<&str>| {
        let (region, endpoint) = (region.map(Into::into), endpoint.map(Into::into));
        Address::of_source(&Source { url: url.into(), region, endpoint, ..Source::default() }, Author::Api)
    };
    for (url, region, endpoint, wanted, key, host) in [
        (
            "oss://acme/a b+c.vhd",
            Some("cn-hangzhou"),
            None,
            "cn-hangzhou",
            "a b+c.vhd",
            "acme.oss-cn-hangzhou.aliyuncs.com",
        ),
        ("cos://acme-125/镜.vhd", Some("ap-x"), None, "ap-x", "镜.vhd", "acme-125.cos.ap-x.myqcloud.com"),
        (
            "https://acme.oss-cn-x-internal.aliyuncs.com/a%20b%2Bc.vhd",
            None,
            None,
            "cn-x",
            "a b+c.vhd",
            "acme.oss-cn-x-internal.aliyuncs.com",
        ),
        (
            "https://cos.ap-x.tencentcos.cn/acme-125/d",
            Some("ap-x"),
            None,
            "ap-x",
            "d",
            "acme-125.cos.ap-x.tencentcos.cn",
        ),
    ] {
        let found = of(url, region, endpoint).unwrap();
        let Location::S3 { key: named, .. } = &found.location else { panic!("{url}: {found:?}") };
        assert_eq!((named.as_str(), found.region.as_deref()), (key, Some(wanted)), "{url}");
        assert_eq!((found.endpoint.unwrap().host_str(), found.virtual_hosted), (Some(host), true), "{url}");
    }
    let minio = of("oss://acme/d", None, Some("https://minio:9000")).unwrap();
    assert_eq!((minio.endpoint.unwrap().host_str(), minio.virtual_hosted), (Some("minio"), false));
    let accelerated = of("https://acme.oss-accelerate.aliyuncs.com/d", Some("cn-x"), None).unwrap();
    assert_eq!(accelerated.region.as_deref(), Some("cn-x"));
    let wrong = |url, region, endpoint| of(url, region, endpoint).unwrap_err().what;
    assert!(wrong("oss://acme/d", None, None).contains("the region is missing"));
    assert!(wrong("https://acme.oss-cn-x.aliyuncs.com/d", Some("cn-y"), None).contains("region cn-x"));
    assert!(wrong("https://acme.oss-cn-x.aliyuncs.com/d", None, Some("https://h")).contains("leave out endpoint"));
    assert!(wrong("https://acme.oss-cn-x.aliyuncs.com/", None, None).contains("key is missing"));
    let link = Location::parse("https://acme.oss-cn-x.aliyuncs.com/d?Signature=x", Author::Terminal).unwrap();
    assert!(matches!(link, Location::Http(_)), "a presigned link is what it is");
}

fn address(endpoint: Option<&str>, addressing: Option<Addressing>) -> Result<Address> {
    let source =
        Source { url: "s3://acme/key".into(), endpoint: endpoint.map(Into::into), addressing, ..Source::default() };
    Address::of_source(&source, Author::Api)
}

#[test]
fn addressing_follows_the_store() {
    let host = |endpoint, addressing| {
        let found = address(Some(endpoint), addressing).unwrap();
        (found.endpoint.unwrap().to_string(), found.virtual_hosted)
    };
    assert_eq!(host("https://minio.svc:9000", None), ("https://minio.svc:9000/".into(), false));
    assert_eq!(host("https://s3.local", Some(Addressing::VirtualHosted)), ("https://acme.s3.local/".into(), true));
    assert_eq!(
        host("https://oss-cn-hangzhou.aliyuncs.com", Some(Addressing::Path)),
        ("https://acme.oss-cn-hangzhou.aliyuncs.com/".into(), true)
    );
    assert_eq!(
        host("https://acme.cos.ap-guangzhou.myqcloud.com", None),
        ("https://acme.cos.ap-guangzhou.myqcloud.com/".into(), true)
    );
    assert!(address(None, None).unwrap().virtual_hosted);
}

#[test]
fn endpoints_are_hosts() {
    let bad = |endpoint| address(Some(endpoint), None).unwrap_err().what;
    assert!(bad("https://u:p@h").contains("has no user"));
    assert!(bad("https://h/bucket").contains("has no path"));
    assert!(bad("minio:9000").contains("write https://host"));
    assert!(bad("ftp://h").contains("write https://host"));
    let in_figures = address(Some("https://10.0.0.1"), Some(Addressing::VirtualHosted)).unwrap_err();
    assert!(in_figures.what.contains("set addressing to Path"));
}

#[test]
fn only_buckets_are_written_to() {
    let to = Destination { url: "https://h/p".into(), ..Destination::default() };
    assert!(Address::of_destination(&to).unwrap_err().what.contains("write s3://"));
}

#[test]
fn secrets_are_never_shown() {
    assert_eq!(redacted("https://u:p@h:1/a?sig=1#f"), "https://h:1/a?...");
    assert_eq!(redacted("https://h/a@b"), "https://h/a@b");
    assert_eq!(redacted("disk.qcow2"), "disk.qcow2");
    assert_eq!(redacted("https://h"), "https://h");
    assert_eq!(redacted("https://u:p@h?x"), "https://h?...");
}

#[test]
fn a_region_that_would_break_a_header_is_refused() {
    for region in ["us\r\nX: y", "", "a b"] {
        let source = Source { url: "s3://images/x".into(), region: Some(region.into()), ..Source::default() };
        let error = Address::of_source(&source, Author::Api).unwrap_err();
        assert!(error.what.contains("no region"), "{error}");
    }
}

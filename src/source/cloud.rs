//! The clouds' own stores, as an address tells them: which cloud, which bucket, which region. Nothing is asked.
//!
//! Names of hosts: Alibaba Cloud OSS, "Regions and endpoints"; Tencent Cloud COS, "Regions and access endpoints".

use percent_encoding::percent_decode_str;
use url::Url;

/// A cloud's object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Alibaba Cloud OSS.
    Oss,
    /// Tencent Cloud COS.
    Cos,
}

impl Cloud {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Oss, Self::Cos];

    /// The one whose addresses have that scheme, in letters of any case.
    pub fn of_scheme(scheme: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.scheme().eq_ignore_ascii_case(scheme))
    }

    /// The scheme of its addresses.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Oss => "oss",
            Self::Cos => "cos",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oss => "Alibaba Cloud OSS",
            Self::Cos => "Tencent Cloud COS",
        }
    }

    /// The store's host in a region.
    pub fn host(self, region: &str) -> String {
        match self {
            Self::Oss => format!("oss-{region}.aliyuncs.com"),
            Self::Cos => format!("cos.{region}.myqcloud.com"),
        }
    }
}

/// What the name of a host says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'a> {
    /// Whose it is.
    pub cloud: Cloud,
    /// The bucket that stands before the store's name; empty where none does.
    pub bucket: &'a str,
    /// The store's name alone.
    pub store: &'a str,
    /// The region; accelerated hosts have none.
    pub region: Option<&'a str>,
}

/// An object of a cloud's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudObject {
    /// Whose store.
    pub cloud: Cloud,
    /// Its bucket; empty where the address names none.
    pub bucket: String,
    /// Its key, decoded; empty where the address names none.
    pub key: String,
    /// The bucket's region, where the host's name has it.
    pub region: Option<String>,
}

/// What a host's name, in lower case, says; `None` for any other than the clouds' stores.
pub fn host(name: &str) -> Option<Host<'_>> {
    name.strip_suffix(".aliyuncs.com").and_then(|rest| oss(name, rest)).or_else(|| {
        let domains = [".myqcloud.com", ".tencentcos.cn", ".tencentcos.com"];
        domains.iter().find_map(|domain| name.strip_suffix(domain)).and_then(|rest| cos(name, rest))
    })
}

/// `BUCKET.oss-REGION`, with `-internal` behind the region or `s3.` before the store; `oss-accelerate`, `-overseas`;
/// `BUCKET.REGION.oss` of the dual stack.
fn oss<'a>(name: &'a str, rest: &'a str) -> Option<Host<'a>> {
    let (front, last) = rest.rsplit_once('.').unwrap_or(("", rest));
    let (bucket, region) = match last.strip_prefix("oss-") {
        Some(region) => {
            let bucket = front.strip_suffix("s3").map_or(front, |before| match before.strip_suffix('.') {
                Some(bucket) => bucket,
                None if before.is_empty() => "",
                None => front,
            });
            (bucket, region.strip_suffix("-internal").unwrap_or(region))
        }
        None if last == "oss" => front.rsplit_once('.').unwrap_or(("", front)),
        None => return None,
    };
    found(Cloud::Oss, name, bucket, region, &["accelerate", "accelerate-overseas"])
}

/// `BUCKET.cos.REGION` and `BUCKET.cos-internal.REGION`; `cos.accelerate`.
fn cos<'a>(name: &'a str, rest: &'a str) -> Option<Host<'a>> {
    let (front, region) = rest.rsplit_once('.')?;
    let (bucket, store) = front.rsplit_once('.').unwrap_or(("", front));
    let known = matches!(store, "cos" | "cos-internal");
    known.then(|| found(Cloud::Cos, name, bucket, region, &["accelerate"])).flatten()
}

fn found<'a>(cloud: Cloud, name: &'a str, bucket: &'a str, region: &'a str, none: &[&str]) -> Option<Host<'a>> {
    let store = name.get(bucket.len()..)?.trim_start_matches('.');
    Some(Host { cloud, bucket, store, region: (!none.contains(&region) && !region.is_empty()).then_some(region) })
}

/// The object that an address names, by its scheme or its host; `None` where that is no cloud's.
pub fn object(address: &str) -> Option<CloudObject> {
    let (scheme, rest) = address.split_once("://")?;
    if let Some(cloud) = Cloud::of_scheme(scheme) {
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        return Some(CloudObject { cloud, bucket: bucket.to_owned(), key: key.to_owned(), region: None });
    }
    if !["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) {
        return None;
    }
    of_url(&Url::parse(address).ok()?)
}

/// The same of an address of the web.
pub(crate) fn of_url(url: &Url) -> Option<CloudObject> {
    let name = url.host_str()?.to_ascii_lowercase();
    let host = host(&name)?;
    let path = url.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let (bucket, key) = match host.bucket {
        "" => path.split_once('/').unwrap_or((path, "")),
        bucket => (bucket, path),
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let region = host.region.map(str::to_owned);
    Some(CloudObject { cloud: host.cloud, bucket: decoded(bucket), key: decoded(key), region })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_stores_have_bucket_and_region() {
        for (name, bucket, store, region) in [
            ("acme.oss-cn-hangzhou.aliyuncs.com", "acme", "oss-cn-hangzhou.aliyuncs.com", Some("cn-hangzhou")),
            ("oss-cn-hangzhou-internal.aliyuncs.com", "", "oss-cn-hangzhou-internal.aliyuncs.com", Some("cn-hangzhou")),
            ("acme.s3.oss-us-west-1.aliyuncs.com", "acme", "s3.oss-us-west-1.aliyuncs.com", Some("us-west-1")),
            ("s3.oss-us-west-1.aliyuncs.com", "", "s3.oss-us-west-1.aliyuncs.com", Some("us-west-1")),
            ("logs3.oss-us-west-1.aliyuncs.com", "logs3", "oss-us-west-1.aliyuncs.com", Some("us-west-1")),
            ("acme.oss-accelerate.aliyuncs.com", "acme", "oss-accelerate.aliyuncs.com", None),
            ("acme.oss-accelerate-overseas.aliyuncs.com", "acme", "oss-accelerate-overseas.aliyuncs.com", None),
            ("acme.cn-hangzhou.oss.aliyuncs.com", "acme", "cn-hangzhou.oss.aliyuncs.com", Some("cn-hangzhou")),
            ("cn-hangzhou.oss.aliyuncs.com", "", "cn-hangzhou.oss.aliyuncs.com", Some("cn-hangzhou")),
            ("a-125.cos.ap-guangzhou.myqcloud.com", "a-125", "cos.ap-guangzhou.myqcloud.com", Some("ap-guangzhou")),
            ("a-125.cos-internal.ap-x.tencentcos.cn", "a-125", "cos-internal.ap-x.tencentcos.cn", Some("ap-x")),
            ("a-125.cos.accelerate.tencentcos.com", "a-125", "cos.accelerate.tencentcos.com", None),
        ] {
            let found = host(name).unwrap();
            assert_eq!((found.bucket, found.store, found.region), (bucket, store, region), "{name}");
        }
        for other in ["ecs.aliyuncs.com", "img.myqcloud.com", "a.oss-x.aliyuncs.com.example.com", "aliyuncs.com", ""] {
            assert_eq!(host(other), None, "{other}");
        }
    }

    #[test]
    fn an_address_names_bucket_key_and_region_in_every_form() {
        let named = |cloud, bucket: &str, key: &str, region: Option<&str>| {
            Some(CloudObject { cloud, bucket: bucket.into(), key: key.into(), region: region.map(str::to_owned) })
        };
        let (oss, cos) = (Cloud::Oss, Cloud::Cos);
        for (address, wanted) in [
            ("oss://acme/a/b.vhd", named(oss, "acme", "a/b.vhd", None)),
            ("COS://acme-125/镜像.vhd", named(cos, "acme-125", "镜像.vhd", None)),
            (
                "https://acme.oss-cn-beijing.aliyuncs.com/a%20b%2Bc/%E9%95%9C.vhd",
                named(oss, "acme", "a b+c/镜.vhd", Some("cn-beijing")),
            ),
            ("https://COS.ap-x.myqcloud.com:443/acme-125/d.vhd", named(cos, "acme-125", "d.vhd", Some("ap-x"))),
            ("https://cos.ap-x.myqcloud.com/acme-125", named(cos, "acme-125", "", Some("ap-x"))),
            ("https://acme.oss-accelerate.aliyuncs.com/d?...", named(oss, "acme", "d", None)),
            ("s3://acme/d", None),
            ("https://minio:9000/acme/d", None),
            ("/acme/d", None),
        ] {
            assert_eq!(object(address), wanted, "{address}");
        }
    }
}

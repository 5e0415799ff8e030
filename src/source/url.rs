//! Where an object is: parsing, and what may be shown of an address.

use std::path::PathBuf;

use url::{Host, Url};

use super::cloud::{self, Cloud};
use crate::api::{Addressing, Destination, Source};
use crate::disk::{Error, Result};

/// Layer name of the errors of this folder.
pub(crate) const LAYER: &str = "source";
/// S3's own limit on a key, in bytes (Amazon S3 user guide, "Naming Amazon S3 objects").
const KEY_MAX: usize = 1024;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of this machine.
    File(PathBuf),
    /// A web server.
    Http(Url),
    /// A bucket of an S3-compatible store; the key is literal, not percent-encoded.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
    },
}

/// Who wrote an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A field of a resource: no file, no query, no user information.
    Api,
    /// A user at a terminal: also a file, and a presigned link with its query.
    Terminal,
}

/// A location and how its store is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The object.
    pub location: Location,
    /// Region that requests are signed for.
    pub region: Option<String>,
    /// The store's own address; `None` for Amazon S3.
    pub endpoint: Option<Url>,
    /// The bucket is part of the host's name.
    pub virtual_hosted: bool,
}

impl Address {
    /// The address of an image to read.
    ///
    /// # Errors
    /// `Unsupported`, naming the field and what to write.
    pub fn of_source(source: &Source, author: Author) -> Result<Self> {
        Self::build(&source.url, source.region.as_ref(), source.endpoint.as_deref(), source.addressing, author)
    }

    /// The address of an object to write; always in a bucket.
    ///
    /// # Errors
    /// `Unsupported`, naming the field and what to write.
    pub fn of_destination(to: &Destination) -> Result<Self> {
        let address = Self::build(&to.url, to.region.as_ref(), to.endpoint.as_deref(), to.addressing, Author::Api)?;
        match address.location {
            Location::S3 { .. } => Ok(address),
            _ => Err(refuse(&to.url, "only an object of a bucket can be written to; write s3://bucket/key")),
        }
    }

    fn build(
        url: &str,
        region: Option<&String>,
        endpoint: Option<&str>,
        addressing: Option<Addressing>,
        author: Author,
    ) -> Result<Self> {
        let mut location = Location::parse(url, author)?;
        let plain = |region: &&String| region.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if let Some(region) = region.filter(|region| region.is_empty() || !plain(region)) {
            return Err(refuse(region, "no region; write one such as cn-hangzhou, or leave it out"));
        }
        let mut region = region.cloned();
        let mut endpoint = endpoint.map(parse_endpoint).transpose()?;
        let own = url.split_once("://").and_then(|(scheme, _)| Cloud::of_scheme(scheme));
        if let (Some(cloud), None) = (own, &endpoint) {
            let region = region.as_ref().ok_or_else(|| refuse(url, REGION_MISSING))?;
            endpoint = Some(parse_endpoint(&format!("https://{}", cloud.host(region)))?);
        }
        if let Location::Http(web) = &location
            && web.query().is_none()
            && let Some(store) = Store::of(url, web)?
        {
            if endpoint.is_some() {
                return Err(refuse(url, "the address names its store already; leave out endpoint"));
            }
            if let (Some(asked), Some(named)) = (&region, &store.region)
                && asked != named
            {
                return Err(refuse(url, &format!("the address is one of the region {named}; leave out region")));
            }
            region = region.or(store.region);
            endpoint = Some(store.endpoint);
            location = store.object;
        }
        let cloud = endpoint.as_ref().is_some_and(is_virtual_hosted_only);
        let virtual_hosted = cloud || addressing.map_or(endpoint.is_none(), |a| a == Addressing::VirtualHosted);
        if let (true, Location::S3 { bucket, .. }, Some(url)) = (virtual_hosted, &location, &mut endpoint) {
            prefix_host(url, bucket)?;
        }
        Ok(Self { location, region, endpoint, virtual_hosted })
    }
}

impl Location {
    /// Parses what a user wrote.
    ///
    /// # Errors
    /// `Unsupported`, naming the text (redacted) and what to write instead.
    pub fn parse(text: &str, author: Author) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return match author {
                Author::Terminal if !text.is_empty() => Ok(Self::File(PathBuf::from(text))),
                _ => Err(refuse(text, "not an address; write s3://bucket/key or https://host/path")),
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "s3" | "oss" | "cos" => parse_bucket(text, rest),
            "http" | "https" => parse_http(text, author),
            "file" if author == Author::Terminal => Url::parse(text)
                .ok()
                .and_then(|u| u.to_file_path().ok())
                .map(Self::File)
                .ok_or_else(|| refuse(text, "not a file of this machine; write its path")),
            _ => Err(refuse(text, "this scheme is not read; write s3://bucket/key or https://host/path")),
        }
    }
}

const REGION_MISSING: &str =
    "the region is missing; name the bucket's, such as cn-hangzhou or ap-guangzhou, or its store's endpoint";

/// What an address on a host of OSS or COS says.
struct Store {
    object: Location,
    endpoint: Url,
    region: Option<String>,
}

impl Store {
    fn of(text: &str, web: &Url) -> Result<Option<Self>> {
        let (Some(found), Some(host)) = (cloud::of_url(web), web.host_str().and_then(cloud::host)) else {
            return Ok(None);
        };
        let mut endpoint = web.clone();
        endpoint.set_path("/");
        endpoint.set_host(Some(host.store)).map_err(|e| refuse(text, &e.to_string()))?;
        Ok(Some(Self { object: object(text, &found.bucket, &found.key)?, endpoint, region: found.region }))
    }
}

fn parse_bucket(text: &str, rest: &str) -> Result<Location> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if key.contains('?') {
        let why = "an address has no query, and a key with a question mark cannot be addressed; copy the object to another key";
        return Err(refuse(text, why));
    }
    object(text, bucket, key)
}

fn object(text: &str, bucket: &str, key: &str) -> Result<Location> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !(3..=63).contains(&bucket.len())
        || !bucket.chars().all(plain)
        || !bucket.starts_with(|c: char| c != '-' && plain(c))
    {
        return Err(refuse(
            text,
            "not a bucket's name: 3 to 63 letters, digits, dots and hyphens; write s3://bucket/key",
        ));
    }
    let wrong = if key.is_empty() {
        Some("the key is missing; write s3://bucket/key")
    } else if key.len() > KEY_MAX {
        Some("the key is longer than the 1024 bytes S3 allows")
    } else if key.chars().any(char::is_control) {
        Some("a key with control characters cannot be addressed; copy the object to another key")
    } else if key.ends_with('/') {
        Some("the key ends in a slash: that is a folder, not an object")
    } else if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some(
            "a key with an empty part, '.' or '..' between its slashes cannot be addressed; copy the object to another key",
        )
    } else {
        None
    };
    match wrong {
        Some(why) => Err(refuse(text, why)),
        None => Ok(Location::S3 { bucket: bucket.to_owned(), key: key.to_owned() }),
    }
}

fn parse_http(text: &str, author: Author) -> Result<Location> {
    let url = Url::parse(text).map_err(|e| refuse(text, &e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(text, "an address has no user or password; put credentials into a Secret"));
    }
    if url.fragment().is_some() {
        return Err(refuse(text, "an address has no fragment; write %23 for a '#' of the path"));
    }
    if author == Author::Api && url.query().is_some() {
        return Err(refuse(text, "an address has no query: a presigned link is a secret, and this field is not"));
    }
    Ok(Location::Http(url))
}

fn parse_endpoint(text: &str) -> Result<Url> {
    let bad = |why: &str| Error::unsupported(LAYER, format!("endpoint {}: {why}", redacted(text)));
    let url = Url::parse(text).map_err(|e| bad(&format!("{e}; write https://host or https://host:port")))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(bad("write https://host or https://host:port"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(bad("has no user, query or fragment; credentials belong into a Secret"));
    }
    if !matches!(url.path(), "" | "/") {
        return Err(bad("has no path; the bucket is named in the url"));
    }
    Ok(url)
}

/// Alibaba Cloud OSS and Tencent Cloud COS refuse path-style requests.
fn is_virtual_hosted_only(endpoint: &Url) -> bool {
    endpoint.host_str().is_some_and(|host| cloud::host(host).is_some())
}

/// Puts the bucket before the host's name, unless it is there already.
fn prefix_host(endpoint: &mut Url, bucket: &str) -> Result<()> {
    let Some(Host::Domain(host)) = endpoint.host() else {
        let what =
            format!("endpoint {endpoint}: an address in figures takes no bucket before it; set addressing to Path");
        return Err(Error::unsupported(LAYER, what));
    };
    if !host.starts_with(&format!("{bucket}.")) {
        let name = format!("{bucket}.{host}");
        let bad = |_| {
            Error::unsupported(
                LAYER,
                format!("the bucket {bucket} cannot stand in a host's name; set addressing to Path"),
            )
        };
        endpoint.set_host(Some(&name)).map_err(bad)?;
    }
    Ok(())
}

fn refuse(text: &str, why: &str) -> Error {
    let shown: String = redacted(text).chars().filter(|c| !c.is_control()).take(200).collect();
    Error::unsupported(LAYER, format!("{shown}: {why}"))
}

/// An address as it may be shown: without user information and query, which hold secrets.
pub fn redacted(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(s, r)| (s, r));
    let (rest, cut) = match rest.find(['?', '#']) {
        Some(at) => (rest.get(..at).unwrap_or_default(), true),
        None => (rest, false),
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = if scheme.is_empty() { authority } else { authority.rsplit('@').next().unwrap_or_default() };
    let joint = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{joint}{host}{path}{}", if cut { "?..." } else { "" })
}

#[cfg(test)]
mod tests;

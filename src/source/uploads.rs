//! Uploads that were begun in a bucket and not ended: what they are and which parts they have. `object_store` has no method
//! for that (Amazon S3 API: ListMultipartUploads, ListParts).

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use object_store::client::{HttpRequestBody, HttpService as _};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{Answer, to_error};
use super::stores::Store;
use super::url::LAYER;
use crate::disk::{Error, Result};

/// Uploads and parts of a page: a page of them stays far below what is read of an answer, 256 KiB.
const PAGE: &str = "500";
/// Pages that are asked for: one more than an upload's 10,000 parts fill.
const PAGES_MAX: usize = 21;
/// How long a signed request may be under way.
const VALID: Duration = Duration::from_secs(60);
/// Pauses before a request is made again that the transport failed.
const PAUSES: &[Duration] = &[Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// A part that the store has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Part {
    /// From 1 on.
    #[serde(rename = "PartNumber")]
    pub number: u32,
    /// Its entity tag, as the store spells it: with quotes as a rule.
    #[serde(rename = "ETag")]
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// `ListMultipartUploadsResult`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Uploads {
    upload: Vec<Upload>,
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
}

/// `ListPartsResult`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Parts {
    part: Vec<Part>,
    is_truncated: bool,
    next_part_number_marker: String,
}

/// Ids of the uploads that were begun for exactly this object, whoever began them.
///
/// # Errors
/// What the store reports; `Unsupported` for an answer that is no list, and where there is no key to sign with.
pub(crate) async fn begun(store: &Store) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let (mut key, mut id) = (String::new(), String::new());
    for _ in 0..PAGES_MAX {
        let mut query = vec![("uploads", ""), ("prefix", store.path.as_ref()), ("max-uploads", PAGE)];
        if !key.is_empty() {
            query.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
        }
        let page: Uploads = page(store, &Path::ROOT, &query).await?;
        let own = page.upload.into_iter().filter(|upload| upload.key == store.path.as_ref());
        ids.extend(own.map(|upload| upload.upload_id));
        if !page.is_truncated || page.next_key_marker.is_empty() {
            break;
        }
        (key, id) = (page.next_key_marker, page.next_upload_id_marker);
    }
    Ok(ids)
}

/// The parts that one of them has, by their numbers.
///
/// # Errors
/// As [`begun`].
pub(crate) async fn parts(store: &Store, upload: &str) -> Result<BTreeMap<u32, Part>> {
    let mut parts = BTreeMap::new();
    let mut marker = String::new();
    for _ in 0..PAGES_MAX {
        let mut query = vec![("uploadId", upload), ("max-parts", PAGE)];
        if !marker.is_empty() {
            query.push(("part-number-marker", marker.as_str()));
        }
        let page: Parts = page(store, &store.path, &query).await?;
        parts.extend(page.part.into_iter().map(|part| (part.number, part)));
        if !page.is_truncated || page.next_part_number_marker.is_empty() {
            break;
        }
        marker = page.next_part_number_marker;
    }
    Ok(parts)
}

/// One page, asked for again when the transport failed, or when the store refused the keys and there are new ones.
async fn page<T: DeserializeOwned>(store: &Store, path: &Path, query: &[(&str, &str)]) -> Result<T> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match answer(store, path, query).await {
            Ok(body) => return read(&body),
            Err(error) => error,
        };
        let status = match Answer::of(&error) {
            Some(Answer::Status(http)) => Some(http.status),
            Some(_) => return Err(to_error(&error)),
            None => None,
        };
        let again = match status {
            Some(401 | 403) => store.keyring.refresh(),
            Some(status) => status >= 500 || matches!(status, 408 | 429),
            None => true,
        };
        match pauses.next().filter(|_| again) {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => return Err(to_error(&error)),
        }
    }
}

/// The answer to a signed GET, which is bounded as every answer is.
async fn answer(store: &Store, path: &Path, query: &[(&str, &str)]) -> object_store::Result<bytes::Bytes> {
    let unusable =
        |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic { store: "S3", source };
    let Some(bucket) = store.bucket.as_ref().filter(|_| store.signed) else {
        return Err(unusable("only who signs requests may list uploads".into()));
    };
    let query = SignedUrlOptions::new().with_query(query.iter().copied());
    let url = bucket.signed_url_opts(Method::GET, path, VALID, &query).await?;
    let request = http::Request::get(url.as_str()).body(HttpRequestBody::empty());
    let response =
        store.dialler.call(request.map_err(|e| unusable(e.into()))?).await.map_err(|e| unusable(e.into()))?;
    response.into_body().bytes().await.map_err(|e| unusable(e.into()))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(body).map_err(|e| e.to_string());
    let read = text.and_then(|text| quick_xml::de::from_str(text).map_err(|e| e.to_string()));
    read.map_err(|_| Error::unsupported(LAYER, "the store's list of uploads cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_of_stores_are_read() {
        let uploads: Uploads = read(
            br#"<?xml version="1.0" encoding="UTF-8"?>
<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>images</Bucket><KeyMarker></KeyMarker>
<NextKeyMarker>a&amp;b.raw</NextKeyMarker><NextUploadIdMarker>two</NextUploadIdMarker><MaxUploads>2</MaxUploads>
<IsTruncated>true</IsTruncated>
<Upload><Key>a&amp;b.raw</Key><UploadId>one</UploadId><Initiator><ID>1</ID></Initiator><Initiated>x</Initiated></Upload>
<Upload><Key>a&amp;b.raw</Key><UploadId>two</UploadId></Upload></ListMultipartUploadsResult>"#,
        )
        .unwrap();
        assert_eq!((uploads.is_truncated, uploads.next_key_marker.as_str()), (true, "a&b.raw"));
        assert_eq!(uploads.upload.iter().map(|u| u.upload_id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        let parts: Parts = read(
            br"<ListPartsResult><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>false</IsTruncated>
<Part><PartNumber>1</PartNumber><LastModified>x</LastModified><ETag>&#34;aa&#34;</ETag><Size>5242880</Size></Part>
<Part><PartNumber>2</PartNumber><ETag>&quot;bb&quot;</ETag><Size>7</Size></Part></ListPartsResult>",
        )
        .unwrap();
        assert_eq!(parts.part[0], Part { number: 1, etag: "\"aa\"".into(), size: 5 << 20 });
        assert_eq!(parts.part[1], Part { number: 2, etag: "\"bb\"".into(), size: 7 });
    }

    #[test]
    fn what_is_no_list_is_refused_or_empty() {
        for wrong in [
            "".as_bytes(),
            b"not xml",
            b"\xff\xfe",
            b"<a><Part><PartNumber>-1</PartNumber><ETag>x</ETag><Size>1</Size></Part></a>",
            b"<a><Part><PartNumber>1</PartNumber></Part></a>",
            b"<a><Part>",
        ] {
            assert!(read::<Parts>(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
        let deep = format!("{}{}", "<x>".repeat(50_000), "</x>".repeat(50_000));
        assert!(read::<Parts>(deep.as_bytes()).is_ok_and(|parts| parts.part.is_empty()));
        assert!(read::<Uploads>(b"<Error><Code>NoSuchKey</Code></Error>").unwrap().upload.is_empty());
    }
}

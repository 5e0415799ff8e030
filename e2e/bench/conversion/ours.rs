//! Conversions by the program, as a user starts it, and by its encoder alone.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use image_import::convert::encode::{Compression, Disk, Sink, Target, encode, plan};
use image_import::disk::{Error, Result, container};
use image_import::inspect::Budget;
use serde_json::{Value, json};

use super::store::Store;
use crate::run::{Used, program, timed};

/// Where an image is read.
#[derive(Debug, Clone, Copy)]
pub enum From<'a> {
    /// An object of the store.
    Key(&'a str),
    /// A web server.
    Url(&'a str),
}

/// `image-import import` into the store, which is given back as the file `to`; without a `to` the image is only judged.
/// `asked` goes into its `destination`.
pub fn import(store: &Store, from: From, asked: &[(&str, &str)], to: Option<&Path>) -> Used {
    let folder = tempfile::tempdir().unwrap();
    let [manifest, record] = ["import.yaml", "record.yaml"].map(|name| folder.path().join(name));
    let documents = documents(store, from, to.map(|_| asked)).map(|document| document.to_string());
    std::fs::write(&manifest, documents.join("\n---\n")).unwrap();
    let words = ["import", "--egress-allow=127.0.0.0/8", "--allow-insecure-endpoints", "-f"].map(OsString::from);
    let files = [manifest.into(), "-o".into(), record.clone().into()];
    let (used, output) = timed(std::iter::once(program()).chain(words).chain(files));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if let Some(to) = to {
        let record: Value = serde_saphyr::from_str(&std::fs::read_to_string(record).unwrap()).unwrap();
        let key = record["spec"]["disks"][0]["url"].as_str().unwrap().strip_prefix("s3://images/").unwrap();
        store.get(key, to);
        store.delete(key);
    }
    used
}

/// An import whose profile asks for nothing but a format that is known.
fn documents(store: &Store, from: From, asked: Option<&[(&str, &str)]>) -> [Value; 3] {
    let [id, key] = store.keys();
    let source = match from {
        From::Key(key) => {
            json!({"url": format!("s3://images/{key}"), "endpoint": store.endpoint, "secretRef": {"name": "store"}})
        }
        From::Url(url) => json!({"url": url}),
    };
    let mut spec = json!({"source": source, "profileRef": {"name": "any-disk"}});
    if let Some(asked) = asked {
        spec["destination"] =
            json!({"url": "s3://images/out/", "endpoint": store.endpoint, "secretRef": {"name": "store"}});
        for (field, value) in asked {
            spec["destination"][field] = json!(value);
        }
    }
    let version = "imageimport.dev/v1alpha1";
    [
        json!({"apiVersion": version, "kind": "ImageImport", "metadata": {"name": "bench", "namespace": "bench"},
            "spec": spec}),
        json!({"apiVersion": version, "kind": "ImportProfile", "metadata": {"name": "any-disk"}, "spec": {
            "title": "Any disk", "revision": 1, "formats": ["RAW", "QCOW2", "VHD", "VMDK"],
            "partitionTables": ["MBR", "GPT"], "operatingSystems": [],
            "rules": [{"name": "ImageFormatAccepted", "action": "Require", "cite": ["-"]}]}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "store"},
            "stringData": {"accessKeyID": id, "secretAccessKey": key}}),
    ]
}

/// The encoder in a process of its own: this program, started with the words that [`main`] knows.
pub fn alone(compression: &str, from: &Path, to: &Path) -> Used {
    let me = std::env::current_exe().unwrap();
    let (used, output) = timed([me.as_os_str(), "encode".as_ref(), compression.as_ref(), from.as_ref(), to.as_ref()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    used
}

/// `encode zlib|zstd FROM TO`: writes the disk of a file as a QCOW2.
pub fn main(compression: &str, from: &Path, to: &Path) {
    let compression = if compression == "zstd" { Compression::Zstd } else { Compression::Zlib };
    let budget = Budget { requests: u64::MAX, bytes: u64::MAX, ..Budget::default() };
    let opened = image_import::source::open_file(from, &budget).unwrap();
    let container = container::open(opened.bytes.unwrap()).unwrap();
    let disk = Disk::of(&container).unwrap();
    let plan = plan(&disk, Target::qcow2(compression), 8 << 20).unwrap();
    encode(&disk, &plan, &mut Parts { file: File::create(to).unwrap(), part: plan.part }).unwrap();
}

struct Parts {
    file: File,
    part: u64,
}

impl Sink for Parts {
    fn part(&mut self, number: u32, bytes: Bytes) -> Result<()> {
        let written = self.file.write_all_at(&bytes, u64::from(number - 1) * self.part);
        written.map_err(|error| Error::io("file", error.to_string()))
    }
}

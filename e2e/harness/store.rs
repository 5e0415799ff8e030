//! The object store, reached past the operator: by a port-forward and with the owner's keys.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer};
use object_store::client::HttpRequestBody;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

/// The bucket `images`.
pub struct Store {
    bucket: AmazonS3,
    address: String,
    forward: Child,
}

impl Store {
    /// Address of the store for pods.
    pub const ENDPOINT: &str = "http://minio.image-store.svc:9000";

    /// Opens a way to the store; it closes when the value is dropped.
    pub async fn open(client: &Client) -> Self {
        let (forward, address) = port_forward();
        let owner: Secret =
            Api::namespaced(client.clone(), "image-store").get("owner").await.expect("the store's Secret");
        let key = |name: &str| String::from_utf8(owner.data.as_ref().unwrap()[name].0.clone()).unwrap();
        let bucket = AmazonS3Builder::new()
            .with_endpoint(format!("http://{address}"))
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name("images")
            .with_access_key_id(key("accessKeyID"))
            .with_secret_access_key(key("secretAccessKey"))
            .build()
            .expect("a client of the store");
        Self { bucket, address, forward }
    }

    /// Writes an object.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) {
        self.bucket.put(&Path::from(key), bytes.into()).await.expect("the store takes an object");
    }

    /// Reads an object.
    pub async fn get(&self, key: &str) -> Vec<u8> {
        let found = self.bucket.get(&Path::from(key)).await.expect("the object is there");
        found.bytes().await.expect("the object can be read").to_vec()
    }

    /// Removes an object.
    pub async fn delete(&self, key: &str) {
        self.bucket.delete(&Path::from(key)).await.expect("the object can be removed");
    }

    /// Keys of the objects below a folder; of all objects for "".
    pub async fn list(&self, folder: &str) -> Vec<String> {
        let prefix = Some(Path::from(folder)).filter(|_| !folder.is_empty());
        let objects = self.bucket.list(prefix.as_ref()).map_ok(|o| o.location.to_string());
        let mut keys: Vec<String> = objects.try_collect().await.expect("the bucket can be listed");
        keys.sort();
        keys
    }

    /// True while an upload of this object is neither completed nor aborted.
    pub async fn uploading(&self, key: &str) -> bool {
        self.ask(http::Method::GET, &format!("?prefix={key}&uploads="), &[], "").await.contains("<UploadId>")
    }

    /// Writes an object of `times` times the bytes of another, which the store copies within itself.
    pub async fn multiply(&self, from: &str, times: usize, key: &str) {
        let begun = self.ask(http::Method::POST, &format!("/{key}?uploads="), &[], "").await;
        let upload = between(&begun, "<UploadId>", "</UploadId>");
        let mut parts = Vec::new();
        for number in 1..=times {
            let query = format!("/{key}?partNumber={number}&uploadId={upload}");
            let source = format!("/images/{from}");
            let copied = self.ask(http::Method::PUT, &query, &[("x-amz-copy-source", &source)], "").await;
            let etag = between(&copied, "<ETag>", "</ETag>");
            parts.push(format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        let parts = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
        self.ask(http::Method::POST, &format!("/{key}?uploadId={upload}"), &[], &parts).await;
    }

    /// A request of S3 that the client has no call for: what follows the bucket's name, and the answer's text.
    async fn ask(&self, method: http::Method, rest: &str, headers: &[(&str, &str)], body: &str) -> String {
        let credential = self.bucket.credentials().get_credential().await.expect("the owner's keys");
        let mut request = http::Request::builder().method(method).uri(format!("http://{}/images{rest}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(HttpRequestBody::from(body.to_owned())).unwrap();
        AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(&mut request, None).expect("a signature");
        let (signed, _) = request.into_parts();
        let client = reqwest::Client::new().request(signed.method, signed.uri.to_string()).headers(signed.headers);
        let answer = client.body(body.to_owned()).send().await.expect("the store answers");
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}");
        text
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.forward.kill();
        let _ = self.forward.wait();
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let found = text.split_once(start).and_then(|(_, rest)| rest.split_once(end));
    found.unwrap_or_else(|| panic!("no {start} in {text}")).0
}

/// `kubectl port-forward`, which picks a free port and prints it.
fn port_forward() -> (Child, String) {
    let mut child = Command::new("kubectl")
        .args(["-n", "image-store", "port-forward", "--address", "127.0.0.1", "deployment/minio", ":9000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("kubectl is on PATH: `make e2e` puts it there");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    // It says a line for each connection, and dies when nobody listens.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let address = line.split_whitespace().nth(2).unwrap_or_else(|| panic!("no way to the store: {line:?}"));
    (child, address.to_owned())
}

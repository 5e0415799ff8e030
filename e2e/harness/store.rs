//! The object store, reached past the operator: by a port-forward and with the owner's keys.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer};
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
        let credential = self.bucket.credentials().get_credential().await.expect("the owner's keys");
        let url = format!("http://{}/images?prefix={key}&uploads=", self.address);
        let mut request = http::Request::get(&url).body(object_store::client::HttpRequestBody::empty()).unwrap();
        AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(&mut request, None).expect("a signature");
        let client = reqwest::Client::new();
        let answer = client.get(&url).headers(request.headers().clone()).send().await.expect("the store answers");
        assert!(answer.status().is_success(), "{}: {:?}", answer.status(), answer.text().await);
        answer.text().await.unwrap().contains("<UploadId>")
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.forward.kill();
        let _ = self.forward.wait();
    }
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

//! A real S3-compatible store, started for one test.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::api::{Addressing, Destination, Source};
use crate::source::credentials::CredentialSource;

/// Name of the variable with the path of the `minio` program.
const PROGRAM: &str = "IMAGE_IMPORT_MINIO";
const USER: &str = "tester";
const PASSWORD: &str = "a long enough secret";

/// An address that no other test was given: two of these servers would share a port without a word (`SO_REUSEPORT`).
fn free_address() -> String {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        if GIVEN.lock().unwrap().insert(address.port()) {
            return address.to_string();
        }
    }
}

/// A running store with the bucket `images`. Stops when dropped.
pub(crate) struct Minio {
    child: Child,
    pub endpoint: String,
    data: tempfile::TempDir,
}

impl Minio {
    /// `None`, with a word about it, where no program is named.
    pub(crate) async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM) else {
            eprintln!("skipped: {PROGRAM} does not name a minio program");
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("images")).unwrap();
        let address = free_address();
        let child = Command::new(program)
            .args(["server", "--quiet", "--address", &address, "--console-address", "127.0.0.1:0"])
            .arg(data.path())
            .envs([("MINIO_ROOT_USER", USER), ("MINIO_ROOT_PASSWORD", PASSWORD), ("MINIO_UPDATE", "off")])
            .envs([("CI", "true"), ("MINIO_BROWSER", "off")])
            .env("HOME", data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let store = Self { child, endpoint: format!("http://{address}"), data };
        let ready = format!("{}/minio/health/ready", store.endpoint);
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        for _ in 0..300 {
            if client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Some(store);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("minio did not become ready");
    }

    pub(crate) fn source(&self, key: &str) -> Source {
        Source {
            url: format!("s3://images/{key}"),
            endpoint: Some(self.endpoint.clone()),
            addressing: Some(Addressing::Path),
            ..Source::default()
        }
    }

    pub(crate) fn destination(&self, key: &str) -> Destination {
        Destination {
            url: format!("s3://images/{key}"),
            endpoint: Some(self.endpoint.clone()),
            ..Destination::default()
        }
    }

    pub(crate) fn credentials(&self) -> CredentialSource {
        self.credentials_with(PASSWORD)
    }

    #[expect(clippy::unused_self, reason = "a store's credentials are asked of the store")]
    pub(crate) fn credentials_with(&self, secret: &'static str) -> CredentialSource {
        CredentialSource::from_env(move |name| match name {
            "AWS_ACCESS_KEY_ID" => Some(USER.to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(secret.to_owned()),
            _ => None,
        })
        .unwrap()
    }

    /// The folder form of the credentials, as a pod mounts it.
    #[expect(clippy::unused_self, reason = "a store's credentials are asked of the store")]
    pub(crate) fn write_credentials(&self, folder: &std::path::Path, secret: Option<&str>) {
        std::fs::write(folder.join("accessKeyID"), USER).unwrap();
        std::fs::write(folder.join("secretAccessKey"), secret.unwrap_or(PASSWORD)).unwrap();
    }

    fn client(&self) -> object_store::aws::AmazonS3 {
        object_store::aws::AmazonS3Builder::new()
            .with_bucket_name("images")
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_access_key_id(USER)
            .with_secret_access_key(PASSWORD)
            .build()
            .unwrap()
    }

    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) {
        use object_store::ObjectStoreExt;
        self.client().put(&object_store::path::Path::parse(key).unwrap(), bytes.into()).await.unwrap();
    }

    pub(crate) async fn delete(&self, key: &str) {
        object_store::ObjectStoreExt::delete(&self.client(), &object_store::path::Path::from(key)).await.unwrap();
    }

    pub(crate) async fn get(&self, key: &str) -> Option<Vec<u8>> {
        use object_store::ObjectStoreExt;
        let found = self.client().get(&object_store::path::Path::parse(key).unwrap()).await.ok()?;
        Some(found.bytes().await.unwrap().to_vec())
    }

    /// A link that needs no credentials.
    pub(crate) async fn presigned(&self, key: &str) -> String {
        use object_store::signer::Signer;
        let path = object_store::path::Path::parse(key).unwrap();
        self.client().signed_url(http::Method::GET, &path, Duration::from_secs(60)).await.unwrap().to_string()
    }

    /// The halves of the credentials.
    #[expect(clippy::unused_self, reason = "a store's credentials are asked of the store")]
    pub(crate) fn keys(&self) -> [&'static str; 2] {
        [USER, PASSWORD]
    }

    /// Names of the objects below a folder of the bucket.
    pub(crate) fn objects(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.data.path().join("images").join(folder));
        entries.map_or(Vec::new(), |all| all.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub(crate) fn unfinished_uploads(&self) -> usize {
        let folder = self.data.path().join(".minio.sys/multipart");
        std::fs::read_dir(folder).map_or(0, |entries| {
            entries.flatten().map(|e| std::fs::read_dir(e.path()).map_or(0, Iterator::count)).sum()
        })
    }
}

impl Drop for Minio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A MinIO on loopback, with the bucket `images`.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const USER: &str = "bench";
const PASSWORD: &str = "a long enough secret";

/// A running store. Stops when dropped, and its objects go.
pub struct Store {
    child: Child,
    /// Its address.
    pub endpoint: String,
    _folder: tempfile::TempDir,
}

impl Store {
    /// Starts it, and waits for it.
    pub fn start() -> Self {
        let program = std::env::var_os("IMAGE_IMPORT_MINIO").expect("the program of MinIO: run `make bench`");
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("images")).unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = Command::new(program)
            .args(["server", "--quiet", "--address", &address, "--console-address", "127.0.0.1:0"])
            .arg(folder.path())
            .envs([("MINIO_ROOT_USER", USER), ("MINIO_ROOT_PASSWORD", PASSWORD), ("MINIO_UPDATE", "off")])
            .envs([("CI", "true"), ("MINIO_BROWSER", "off")])
            .env("HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program of MinIO starts");
        let store = Self { child, endpoint: format!("http://{address}"), _folder: folder };
        let ready = format!("{}/minio/health/ready", store.endpoint);
        for _ in 0..300 {
            let asked = Command::new("curl").args(["-sf", "--noproxy", "*", &ready]).stdout(Stdio::null()).status();
            if asked.expect("curl is needed").success() {
                return store;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("MinIO did not become ready");
    }

    /// Id and secret of its keys.
    #[expect(clippy::unused_self, reason = "a store's keys are asked of the store")]
    pub fn keys(&self) -> [&'static str; 2] {
        [USER, PASSWORD]
    }

    /// Puts a file.
    pub fn put(&self, from: &Path, key: &str) {
        self.ask(&["-T", from.to_str().unwrap()], key);
    }

    /// Gets an object as a file.
    pub fn get(&self, key: &str, to: &Path) {
        self.ask(&["-o", to.to_str().unwrap()], key);
    }

    /// Deletes an object.
    pub fn delete(&self, key: &str) {
        self.ask(&["-X", "DELETE"], key);
    }

    fn ask(&self, words: &[&str], key: &str) {
        let user = format!("{USER}:{PASSWORD}");
        let url = format!("{}/images/{key}", self.endpoint);
        let mut curl = Command::new("curl");
        curl.args(["-sSf", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &user]);
        curl.args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]).args(words).arg(url);
        assert!(curl.status().expect("curl is needed").success(), "{words:?} {key}");
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

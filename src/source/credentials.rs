//! Keys to a bucket: from a folder that a Secret is mounted to, or from the environment of a terminal.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;

use crate::disk::{Error, Result};

/// Layer name of the errors of this file; a worker exits 78 on them.
pub const LAYER: &str = "credentials";
/// A key longer than this is no key; session tokens have up to a few KiB.
const VALUE_MAX: u64 = 16 << 10;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for signing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing: requests are anonymous.
    Anonymous,
    /// A key pair.
    Keys {
        /// Public half.
        access_key_id: String,
        /// Secret half.
        secret_access_key: Secret,
        /// Token of temporary keys.
        session_token: Option<Secret>,
    },
}

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// Nowhere.
    Anonymous,
    /// The files `accessKeyID`, `secretAccessKey` and perhaps `sessionToken` of a folder.
    Folder(PathBuf),
    /// These.
    Fixed(Credentials),
}

impl CredentialSource {
    /// A folder, or nothing.
    pub fn folder(path: Option<&PathBuf>) -> Self {
        path.map_or(Self::Anonymous, |path| Self::Folder(path.clone()))
    }

    /// The keys of a Secret; `get` looks one up.
    ///
    /// # Errors
    /// `NotFound` naming the key that is missing or empty, `Unsupported` for a value that is none.
    pub fn from_keys(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let read = |key: &str| get(key).map_or(Ok(None), |text| usable(&format!("key {key}"), &text));
        let needed = |key: &str| read(key)?.ok_or_else(|| missing(key));
        Ok(Self::Fixed(Credentials::Keys {
            access_key_id: needed("accessKeyID")?,
            secret_access_key: Secret(needed("secretAccessKey")?),
            session_token: read("sessionToken")?.map(Secret),
        }))
    }

    /// The variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; `get` looks one up.
    ///
    /// # Errors
    /// `NotFound`, when one half of a pair is set without the other; `Unsupported` for a value that is none.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let read = |name: &str| get(name).map_or(Ok(None), |text| usable(name, &text));
        match (read("AWS_ACCESS_KEY_ID")?, read("AWS_SECRET_ACCESS_KEY")?) {
            (None, None) => Ok(Self::Anonymous),
            (Some(access_key_id), Some(secret)) => Ok(Self::Fixed(Credentials::Keys {
                access_key_id,
                secret_access_key: Secret(secret),
                session_token: read("AWS_SESSION_TOKEN")?.map(Secret),
            })),
            (None, Some(_)) => {
                Err(Error::not_found(LAYER, "AWS_ACCESS_KEY_ID is not set, but AWS_SECRET_ACCESS_KEY is"))
            }
            (Some(_), None) => {
                Err(Error::not_found(LAYER, "AWS_SECRET_ACCESS_KEY is not set, but AWS_ACCESS_KEY_ID is"))
            }
        }
    }

    /// Reads them, now.
    ///
    /// # Errors
    /// `NotFound` naming the key that is missing or empty, `Unsupported` for a value that is none.
    pub fn load(&self) -> Result<Credentials> {
        match self {
            Self::Anonymous => Ok(Credentials::Anonymous),
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Folder(folder) => Ok(Credentials::Keys {
                access_key_id: required(folder, "accessKeyID")?,
                secret_access_key: Secret(required(folder, "secretAccessKey")?),
                session_token: read_key(folder, "sessionToken")?.map(Secret),
            }),
        }
    }
}

fn required(folder: &Path, key: &str) -> Result<String> {
    read_key(folder, key)?.ok_or_else(|| missing(key))
}

fn missing(key: &str) -> Error {
    Error::not_found(LAYER, format!("the Secret has no key {key}, or it is empty"))
}

/// One file of the folder without the white space around it; `None` when it is missing or empty.
fn read_key(folder: &Path, key: &str) -> Result<Option<String>> {
    use std::io::Read;
    let unreadable = |e: std::io::Error| Error::not_found(LAYER, format!("key {key} cannot be read: {}", e.kind()));
    let file = match std::fs::File::open(folder.join(key)) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(e)),
    };
    let mut text = String::new();
    file.take(VALUE_MAX).read_to_string(&mut text).map_err(unreadable)?;
    usable(&format!("key {key}"), &text)
}

/// A value without the white space around it; `None` when nothing is left. What cannot stand in a header is refused here.
fn usable(name: &str, text: &str) -> Result<Option<String>> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(Error::unsupported(LAYER, format!("{name} holds more than one line")));
    }
    // The secret half is only signed with.
    if !text.is_ascii() && !name.to_ascii_lowercase().contains("secret") {
        return Err(Error::unsupported(LAYER, format!("{name} holds characters other than ASCII")));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Credentials in use: read once, and again when the store refuses them, as a Secret may have been rotated.
#[derive(Debug)]
pub(crate) struct Keyring {
    source: CredentialSource,
    current: RwLock<Credentials>,
}

impl Keyring {
    pub(crate) fn new(source: &CredentialSource) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { source: source.clone(), current: RwLock::new(source.load()?) }))
    }

    /// True when requests are signed.
    pub(crate) fn signs(&self) -> bool {
        !matches!(*self.current.read().unwrap_or_else(PoisonError::into_inner), Credentials::Anonymous)
    }

    /// Reads the credentials again; true when they are others than before.
    pub(crate) fn refresh(&self) -> bool {
        let Ok(fresh) = self.source.load() else { return false };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *current != fresh;
        *current = fresh;
        changed
    }
}

#[async_trait]
impl CredentialProvider for Keyring {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let (key_id, secret_key, token) = match &*current {
            Credentials::Anonymous => (String::new(), String::new(), None),
            Credentials::Keys { access_key_id, secret_access_key, session_token } => {
                (access_key_id.clone(), secret_access_key.0.clone(), session_token.as_ref().map(|t| t.0.clone()))
            }
        };
        Ok(Arc::new(AwsCredential { key_id, secret_key, token }))
    }
}

#[cfg(test)]
mod tests;

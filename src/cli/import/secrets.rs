//! The Secrets that an import names: documents of the manifest, folders, or variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::manifest::Documents;
use crate::api::{ImageRequest, LocalRef};
use crate::cli::inspect::{Refused, exit};
use crate::inspect::password::Password;
use crate::source::CredentialSource;

/// The keys that a Secret may have, and what stands for each behind the prefix of a variable.
const KEYS: &[(&str, &str)] = &[
    ("accessKeyID", "ACCESS_KEY_ID"),
    ("secretAccessKey", "SECRET_ACCESS_KEY"),
    ("sessionToken", "SESSION_TOKEN"),
    (PASSWORD, "PASSWORD"),
];
const PASSWORD: &str = "password";

/// Secrets by their names.
pub struct Secrets(BTreeMap<String, Given>);

/// One, and where it comes from.
struct Given {
    origin: String,
    content: Content,
}

enum Content {
    Folder(PathBuf),
    Values(BTreeMap<String, Vec<u8>>),
}

impl Secrets {
    /// Those that are given: a flag counts before a document of the manifest, which has to be in the import's namespace.
    pub fn new(
        documents: &Documents,
        folders: &[(String, String)],
        variables: &[(String, String)],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Refused> {
        let mut all = BTreeMap::new();
        for secret in &documents.secrets {
            let own = documents.import.metadata.namespace.as_deref();
            if own.zip(secret.metadata.namespace.as_deref()).is_some_and(|(own, other)| own != other) {
                continue;
            }
            let data = secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone()));
            let text = secret.string_data.iter().flatten().map(|(key, text)| (key.clone(), text.clone().into_bytes()));
            let given = Given { origin: documents.file.clone(), content: Content::Values(data.chain(text).collect()) };
            all.insert(secret.metadata.name.clone().unwrap_or_default(), given);
        }
        for (name, folder) in folders {
            let given = Given { origin: folder.clone(), content: Content::Folder(folder.into()) };
            all.insert(name.clone(), given);
        }
        for (name, prefix) in variables {
            let value =
                |(key, word): &(&str, &str)| Some(((*key).to_owned(), env(&format!("{prefix}_{word}"))?.into_bytes()));
            let values = KEYS.iter().filter_map(value).collect();
            let given = Given { origin: format!("variables {prefix}_*"), content: Content::Values(values) };
            if all.insert(name.clone(), given).is_some() && folders.iter().any(|(other, _)| other == name) {
                let message = format!("the Secret {name:?} is given by --secret and by --secret-env: leave out one");
                return Err(Refused { code: exit::USAGE, message });
            }
        }
        Ok(Self(all))
    }

    /// The keys to a bucket that `field` names, or none.
    pub fn credentials(&self, field: &str, reference: Option<&LocalRef>) -> Result<CredentialSource, Refused> {
        let Some(reference) = reference else { return Ok(CredentialSource::Anonymous) };
        let given = self.find(field, &reference.name)?;
        let source = match &given.content {
            Content::Folder(folder) => Ok(CredentialSource::Folder(folder.clone())),
            Content::Values(values) => CredentialSource::from_keys(|key| {
                // What is no text is no key.
                values.get(key).map(|value| String::from_utf8(value.clone()).unwrap_or_else(|_| "\0".to_owned()))
            }),
        };
        let source = source.and_then(|source| source.load().map(|_| source));
        source.map_err(|error| refused(field, &reference.name, &given.origin, &error.what))
    }

    /// The password that the image's root has or shall have, where the import names one.
    pub fn password(&self, image: Option<&ImageRequest>) -> Result<Option<Password>, Refused> {
        let Some((image, reference)) = image.and_then(|image| Some((image, image.password_secret_ref.as_ref()?)))
        else {
            return Ok(None);
        };
        let field = "spec.image.passwordSecretRef";
        let given = self.find(field, &reference.name)?;
        let password = match &given.content {
            Content::Folder(folder) => {
                Password::read(&folder.join(PASSWORD), image.compare_password).map_err(|error| error.to_string())
            }
            Content::Values(values) => match values.get(PASSWORD) {
                Some(value) => Ok(Password::new(value.clone(), image.compare_password)),
                None => Err(format!("the Secret has no key {PASSWORD}")),
            },
        };
        password.map(Some).map_err(|why| refused(field, &reference.name, &given.origin, &why))
    }

    fn find(&self, field: &str, name: &str) -> Result<&Given, Refused> {
        self.0.get(name).ok_or_else(|| {
            let message = format!(
                "the Secret {name:?}, which {field} names, is not given: add it to the manifest, or name a folder with \
                 --secret {name}=DIR, or variables with --secret-env {name}=PREFIX"
            );
            Refused { code: exit::CONFIG, message }
        })
    }
}

fn refused(field: &str, name: &str, origin: &str, why: &str) -> Refused {
    Refused { code: exit::CONFIG, message: format!("the Secret {name:?} of {field}, from {origin}: {why}") }
}

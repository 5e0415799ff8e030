//! Who is to be told how an import ended.

use url::Url;

use crate::api::{ImageImport, LocalRef};
use crate::controller::key::hash;
use crate::controller::settings::Settings;

/// Longest host that is shown: a name has at most 253 characters.
const HOST_MAX: usize = 280;

/// One who is to be told. Its address may hold a token: what is shown of it is the hash and the host.
pub struct Named {
    /// Hash of the address, of this import alone.
    pub key: String,
    /// Scheme and host.
    pub host: String,
    /// The address.
    pub url: String,
    /// The Secret whose key signs the notice.
    pub secret: Option<LocalRef>,
    /// The notice is sent, unsigned, where there is no such Secret, too.
    pub secret_optional: bool,
}

/// Whom the import names, or else the operator.
pub fn named(settings: &Settings, import: &ImageImport) -> Vec<Named> {
    let own = &import.spec.notifications;
    let all = if own.is_empty() { settings.notification.as_slice() } else { own };
    let uid = import.metadata.uid.as_deref().unwrap_or_default();
    let named = all.iter().map(|notification| Named {
        key: hash(&["receiver", uid, &notification.url]).chars().take(16).collect(),
        host: host(&notification.url),
        url: notification.url.clone(),
        secret: notification.secret_ref.clone(),
        secret_optional: own.is_empty(),
    });
    named.collect()
}

fn host(url: &str) -> String {
    let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
    origin.map_or_else(|_| "an address that is none".to_owned(), |origin| origin.chars().take(HOST_MAX).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{HOST_MAX, host};
    use crate::api::ImageImport;

    #[test]
    fn of_an_address_the_host_is_shown() {
        for (url, shown) in [
            ("https://hooks.example.com/T00/t0ken?key=t0ken", "https://hooks.example.com"),
            ("http://[fd00::1]:9000/t0ken", "http://[fd00::1]:9000"),
            ("https://hooks.example.com:443?t0ken", "https://hooks.example.com"),
            ("https://h:99999/t0ken", "an address that is none"),
            (&format!("https://{}/t0ken", "h".repeat(2000)), &format!("https://{}", "h".repeat(HOST_MAX - 8))),
        ] {
            assert_eq!(host(url), shown);
        }
    }

    #[test]
    fn an_import_that_names_somebody_is_not_told_to_the_operators_default() {
        let mut settings = crate::controller::worker::tests::settings("");
        let import = |own: serde_json::Value| -> ImageImport {
            serde_json::from_value(json!({
                "apiVersion": "imageimport.dev/v1alpha1", "kind": "ImageImport", "metadata": {"name": "web", "uid": "u"},
                "spec": {"source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}, "notifications": own}
            }))
            .unwrap()
        };
        let told = |settings: &_, own| {
            let all = super::named(settings, &import(own)).into_iter();
            all.map(|n| (n.host, n.secret.map(|s| s.name), n.secret_optional)).collect::<Vec<_>>()
        };
        assert_eq!(told(&settings, json!([])), []);
        settings.notification =
            Some(serde_json::from_value(json!({"url": "https://d/x", "secretRef": {"name": "s"}})).unwrap());
        assert_eq!(told(&settings, json!([])), [("https://d".to_owned(), Some("s".to_owned()), true)]);
        let own = json!([{"url": "https://a/1"}, {"url": "https://a/2", "secretRef": {"name": "t"}}]);
        let wanted = [("https://a".to_owned(), None, false), ("https://a".to_owned(), Some("t".to_owned()), false)];
        assert_eq!(told(&settings, own), wanted);
    }
}

//! Hashes that say when work is still valid, and the names made of them.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::api::{Disk, ImageImport, ImageImportSpec, ImportProfileSpec, SYSTEM_DISK, Source, SourceIdentity, Waiver};

/// Version of the rules: an upgrade judges again what was refused.
pub const RULES: &str = env!("CARGO_PKG_VERSION");
/// Longest part of an import's name in a Job's name, which has at most 63 characters.
const NAME_PART: usize = 40;

/// Longest part of an import's name in a record's name, which has at most 63 characters too.
const RECORD_NAME_PART: usize = 54;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reads a disk.
    Inspect,
    /// Copies a disk.
    Convert,
    /// Deletes what was copied.
    Delete,
    /// Tells how an import ended.
    Notify,
}

impl Stage {
    /// Name of the container.
    pub fn container(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Convert => "convert",
            Self::Delete => "delete",
            Self::Notify => "notify",
        }
    }
    /// The word for the work in progress: reason of `Ready`, `progress.stage`.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Inspect => "Inspecting",
            Self::Convert => "Converting",
            Self::Delete => "Deleting",
            Self::Notify => "Notifying",
        }
    }
    fn letter(self) -> char {
        match self {
            Self::Inspect => 'i',
            Self::Convert => 'c',
            Self::Delete => 'd',
            Self::Notify => 'n',
        }
    }
}

/// SHA-256 over the parts, each with its length in front, so that no two lists of parts give the same bytes. Hexadecimal.
pub fn hash(parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part.as_bytes());
    }
    hex::encode(sha.finalize())
}

fn short(mut hash: String, characters: usize) -> String {
    hash.truncate(characters);
    hash
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What a reading of a disk depends on: how the object is reached, which password is judged on the system's, and the last
/// request for a new reading. The declared format is judged, not read, and the checksum verified by who writes the image:
/// both are left out. Secrets count by their names: nobody but the worker may see that one has changed.
pub fn inspection(spec: &ImageImportSpec, disk: Disk, requested_at: Option<&str>) -> String {
    let reached = Source { format: None, checksum: None, ..disk.source.clone() };
    let image = spec.image.as_ref().filter(|_| disk.name == SYSTEM_DISK);
    let password = image.and_then(|i| Some((i.password_secret_ref.as_ref()?, i.compare_password)));
    let password = password.map(|password| json(&password)).unwrap_or_default();
    short(hash(&["inspection", &json(&reached), &password, requested_at.unwrap_or_default()]), 16)
}

/// One key of the readings of all disks, in their order.
pub fn readings(keys: &[String]) -> String {
    match keys {
        [system] => system.clone(),
        all => short(hash(&all.iter().map(String::as_str).collect::<Vec<_>>()), 16),
    }
}

/// The object's identity: its entity tag, or size and time where the store gives no strong one.
pub fn identity(source: &SourceIdentity) -> String {
    match &source.etag {
        Some(etag) => etag.clone(),
        None => format!("{}@{}", source.size_bytes, source.last_modified.as_deref().unwrap_or_default()),
    }
}

/// What makes two imports the same: the addresses of their sources, their identities, and where they go. 64 hexadecimal
/// digits; `None` until all disks were reached.
pub fn content(import: &ImageImport) -> Option<String> {
    let destination = import.spec.destination.as_ref().map(|d| {
        let mut d = d.clone();
        d.secret_ref = None;
        json(&d)
    });
    let mut parts = vec!["content".to_owned(), destination.unwrap_or_default()];
    for (disk, source) in import.read_disks()? {
        parts.extend([disk.name.to_owned(), disk.source.url.clone(), identity(source)]);
    }
    Some(hash(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// What a copy depends on; `None` until all disks were reached.
pub fn conversion(import: &ImageImport) -> Option<String> {
    Some(short(content(import)?, 16))
}

/// Waivers, and which of them count at `now`: that one expired is said, so it counts too.
fn waivers_at(waivers: &[Waiver], now: Timestamp) -> Vec<(&Waiver, bool)> {
    waivers.iter().map(|waiver| (waiver, waiver.expired(now).is_none())).collect()
}

/// Hash of a profile's rules: the same rules under the same name are the same profile, whoever put them there.
pub fn profile(spec: &ImportProfileSpec) -> String {
    short(hash(&["profile", &json(spec)]), 16)
}

/// What a verdict rests on, and by which rules it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictKey {
    inputs: String,
    rules: String,
}

impl VerdictKey {
    /// The key of a verdict made at `now`.
    pub fn new(import: &ImageImport, inspection: &str, profile: &str, now: Timestamp) -> Self {
        let spec = &import.spec;
        let data: Vec<_> = spec.data_disks.iter().map(|disk| (&disk.name, disk.size_gib, disk.source.format)).collect();
        let inputs = hash(&[
            "verdict",
            inspection,
            &spec.profile_ref.name,
            profile,
            &json(&spec.image),
            &json(&spec.source.format),
            &json(&data),
            &json(&waivers_at(&spec.waivers, now)),
        ]);
        Self { inputs: short(inputs, 16), rules: RULES.to_owned() }
    }
    /// The key as a status has it.
    pub fn parse(text: &str) -> Option<Self> {
        let (inputs, rules) = text.split_once('/')?;
        Some(Self { inputs: inputs.to_owned(), rules: rules.to_owned() })
    }
    /// True when both rest on the same facts, profile, request and waivers, whatever the rules' version.
    pub fn same_inputs(&self, other: &Self) -> bool {
        self.inputs == other.inputs
    }
    /// True when both were made by the same version of the rules.
    pub fn same_rules(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl std::fmt::Display for VerdictKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.inputs, self.rules)
    }
}

/// Name of a worker Job: `<import or record, at most 40 characters>-<i|c|d|n>-<10 hexadecimal digits>`.
pub fn job_name(import: &str, uid: &str, disk: &str, stage: Stage, key: &str, attempt: i32) -> String {
    let letter = stage.letter();
    let digest = hash(&["job", uid, disk, &letter.to_string(), key, &attempt.to_string()]);
    let cut: String = import.chars().take(NAME_PART).map(|c| if c == '.' { '-' } else { c }).collect();
    format!("{}-{letter}-{}", cut.trim_end_matches('-'), short(digest, 10))
}

/// Name of the record: what the user asked for, or the import's name and 8 digits of source and destination.
pub fn custom_image_name(import: &ImageImport, content: &str) -> String {
    import.spec.custom_image_name.clone().unwrap_or_else(|| {
        let name = import.metadata.name.as_deref().unwrap_or_default();
        let cut: String = name.chars().take(RECORD_NAME_PART).collect();
        format!("{}-{}", cut.trim_end_matches(['-', '.']), short(content.to_owned(), 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Addressing, Format, ImageRequest, LocalRef};

    fn source() -> Source {
        Source { url: "s3://b/k".into(), ..Source::default() }
    }

    fn spec(source: &Source, image: Option<&ImageRequest>) -> ImageImportSpec {
        let spec = serde_json::json!({"source": source, "profileRef": {"name": "p"}, "image": image});
        serde_json::from_value(spec).unwrap()
    }

    fn read(spec: &ImageImportSpec, requested_at: Option<&str>) -> String {
        inspection(spec, spec.disk(SYSTEM_DISK).unwrap(), requested_at)
    }

    #[test]
    fn a_reading_is_valid_until_the_way_to_the_object_changes() {
        let inspection = |source: &Source, requested| read(&spec(source, None), requested);
        let key = inspection(&source(), None);
        let changed = [
            Source { url: "s3://b/other".into(), ..source() },
            Source { region: Some("eu-west-1".into()), ..source() },
            Source { endpoint: Some("https://minio:9000".into()), ..source() },
            Source { addressing: Some(Addressing::Path), ..source() },
            Source { secret_ref: Some(LocalRef { name: "reader".into() }), ..source() },
        ];
        for other in changed {
            assert_ne!(inspection(&other, None), key, "{other:?}");
        }
        assert_ne!(inspection(&source(), Some("now")), key);
        assert_eq!(inspection(&Source { format: Some(Format::Raw), ..source() }, None), key, "only judged");
        assert_eq!(inspection(&Source { checksum: Some("sha256:0".into()), ..source() }, None), key, "not read for it");
    }

    #[test]
    fn a_reading_is_valid_until_another_password_is_to_be_judged() {
        let key = |image: &ImageRequest| read(&spec(&source(), Some(image)), None);
        let password = |name: &str, compare_password| {
            let password_secret_ref = Some(LocalRef { name: name.into() });
            key(&ImageRequest { password_secret_ref, compare_password, ..ImageRequest::default() })
        };
        let keys = [key(&ImageRequest::default()), password("a", false), password("b", false), password("a", true)];
        for (at, one) in keys.iter().enumerate() {
            assert!(keys.iter().skip(at + 1).all(|other| other != one), "{keys:?}");
        }
        let declared = ImageRequest { platform: Some("CentOS".into()), ..ImageRequest::default() };
        assert_eq!(key(&declared), keys[0], "only judged");
    }

    #[test]
    fn a_data_disk_is_read_for_what_it_is_and_no_password() {
        let data = |password: Option<&str>| {
            let image = password.map(|name| ImageRequest {
                password_secret_ref: Some(LocalRef { name: name.into() }),
                ..ImageRequest::default()
            });
            let mut spec = spec(&source(), image.as_ref());
            spec.data_disks = vec![crate::api::DataDisk { name: "logs".into(), source: source(), size_gib: Some(9) }];
            inspection(&spec, spec.disk("logs").unwrap(), None)
        };
        assert_eq!(data(None), data(Some("root")));
        let keys = ["a".to_owned(), "b".to_owned()];
        assert_eq!(readings(&keys[..1]), "a");
        assert_ne!(readings(&keys), readings(&["b".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a", ""]), hash(&["", "a"]));
    }

    #[test]
    fn job_names_fit_and_differ_by_attempt() {
        let long = format!("web.{}", "x".repeat(59));
        let name = job_name(&long, "uid", "system", Stage::Inspect, "key", 1);
        assert!(name.len() <= 63 && name.starts_with("web-xxx") && !name.contains('.'), "{name}");
        assert_ne!(name, job_name(&long, "uid", "system", Stage::Inspect, "key", 2));
        assert_ne!(name, job_name(&long, "other", "system", Stage::Inspect, "key", 1));
        assert_eq!(job_name("a.b", "u", "system", Stage::Convert, "k", 1).len(), "a-b-c-".len() + 10);
        let cut = format!("{}.tail", "y".repeat(39));
        assert!(job_name(&cut, "u", "system", Stage::Inspect, "k", 1).starts_with(&format!("{}-i-", "y".repeat(39))));
    }

    #[test]
    fn a_verdicts_key_survives_the_status() {
        let import = crate::api::ImageImport::new(
            "web",
            serde_json::from_value(serde_json::json!({
            "source": {"url": "s3://b/k"}, "profileRef": {"name": "p"}}))
            .unwrap(),
        );
        let key = VerdictKey::new(&import, "i", "p", Timestamp::UNIX_EPOCH);
        assert_eq!(VerdictKey::parse(&key.to_string()), Some(key));
    }
}

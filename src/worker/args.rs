//! The worker's arguments: written by the controller into the Job, parsed by the worker.

use std::path::PathBuf;

use clap::Args;

use crate::api::{Destination, Format, Source};
use crate::convert::StoredObject;
use crate::notify::Event;

/// Where the pod mounts the source's credentials.
pub const SOURCE_CREDENTIALS: &str = "/run/credentials/source";
/// Where the pod mounts the destination's credentials.
pub const DESTINATION_CREDENTIALS: &str = "/run/credentials/destination";
/// Where the pod mounts the password that the user gave for the image.
pub const PASSWORD: &str = "/run/credentials/password";
/// Where the pod mounts the secret that notices are signed with.
pub const WEBHOOK_SECRET: &str = "/run/credentials/webhook";
/// Where the kubelet takes the message from.
pub const RESULT: &str = "/dev/termination-log";

/// `worker inspect`: read a disk image, leave the facts.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct InspectArgs {
    /// The object, as the JSON of `spec.source` without `secretRef`.
    #[arg(long, value_parser = json::<Source>)]
    pub source: Source,
    /// Folder with the files accessKeyID, secretAccessKey and perhaps sessionToken; without it requests are anonymous.
    #[arg(long)]
    pub source_credentials: Option<PathBuf>,
    /// File with the password that the image's root has or shall have: it is judged, and never told.
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// It is tried against the image's hash, too.
    #[arg(long, requires = "password_file")]
    pub compare_password: bool,
    /// File the message is written to.
    #[arg(long, default_value = RESULT)]
    pub result: PathBuf,
    /// Seconds the reading may take.
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "a flattened field has no help of its own")]
    pub egress: EgressArgs,
}

/// `worker convert`: copy a judged image into the store.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct ConvertArgs {
    /// The object, as the JSON of `spec.source` without `secretRef`.
    #[arg(long, value_parser = json::<Source>)]
    pub source: Source,
    /// Folder with the source's credentials.
    #[arg(long)]
    pub source_credentials: Option<PathBuf>,
    /// Entity tag that was judged: any other object is `SourceChanged`.
    #[arg(long)]
    pub etag: Option<String>,
    /// Size that was judged.
    #[arg(long)]
    pub size: u64,
    /// The store, as the JSON of `spec.destination` without `secretRef`, and `format` filled in. Where the object goes:
    /// [`ConvertArgs::object_url`].
    #[arg(long, value_parser = json::<Destination>)]
    pub destination: Destination,
    /// The format that was found; another one in `destination` is converted to.
    #[arg(long, value_parser = json::<Format>)]
    pub found: Option<Format>,
    /// Bytes that the disk may have as a QCOW2 without compression, where only reading all of it tells how many that are; an
    /// image with more is refused as `ImageTooLarge`.
    #[arg(long, value_name = "BYTES")]
    pub max_qcow2_bytes: Option<u64>,
    /// Start of the object's name where the destination's `url` ends with a slash: import and disk.
    #[arg(long, default_value = "image")]
    pub destination_name: String,
    /// Folder with the destination's credentials.
    #[arg(long)]
    pub destination_credentials: Option<PathBuf>,
    /// File the message is written to.
    #[arg(long, default_value = RESULT)]
    pub result: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "a flattened field has no help of its own")]
    pub egress: EgressArgs,
}

/// `worker delete`: delete objects that were written.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct DeleteArgs {
    /// An object, as the JSON of `spec.destination` without `secretRef`, with the object's own `url`, its `sizeBytes` and
    /// `etag`. Repeatable. Another object of its name is left.
    #[arg(long = "object", required = true, value_parser = json::<StoredObject>)]
    pub objects: Vec<StoredObject>,
    /// Folder with the destination's credentials.
    #[arg(long)]
    pub destination_credentials: Option<PathBuf>,
    /// File the message is written to.
    #[arg(long, default_value = RESULT)]
    pub result: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "a flattened field has no help of its own")]
    pub egress: EgressArgs,
}

/// `worker notify`: tell a web server how an import ended.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct NotifyArgs {
    /// Address of the web server.
    #[arg(long)]
    pub url: String,
    /// The notice, as the JSON of a `CloudEvent`.
    #[arg(long, value_parser = json::<Event>)]
    pub event: Event,
    /// File with the secret that it is signed with; without it the notice goes unsigned.
    #[arg(long)]
    pub secret_file: Option<PathBuf>,
    /// The notice goes unsigned where there is no such file, too.
    #[arg(long, requires = "secret_file")]
    pub secret_optional: bool,
    /// File the message is written to.
    #[arg(long, default_value = RESULT)]
    pub result: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "a flattened field has no help of its own")]
    pub egress: EgressArgs,
}

/// Where the worker may connect to.
#[derive(Args, Debug, Clone, PartialEq, Eq, Default)]
pub struct EgressArgs {
    /// Private networks (CIDR) that may be dialled. Repeatable.
    #[arg(long = "egress-allow")]
    pub allow: Vec<String>,
    /// Networks (CIDR) that are never dialled; wins over `--egress-allow`. Repeatable.
    #[arg(long = "egress-deny")]
    pub deny: Vec<String>,
    /// Plain http endpoints are accepted.
    #[arg(long)]
    pub allow_insecure_endpoints: bool,
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

impl InspectArgs {
    /// The container's arguments that parse to this.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec!["worker".to_owned(), "inspect".to_owned(), format!("--source={}", text(&self.source))];
        push_path(&mut args, "--source-credentials", self.source_credentials.as_ref());
        push_path(&mut args, "--password-file", self.password_file.as_ref());
        if self.compare_password {
            args.push("--compare-password".to_owned());
        }
        args.push(format!("--result={}", self.result.display()));
        args.push(format!("--seconds={}", self.seconds));
        self.egress.push(&mut args);
        args
    }
}

impl ConvertArgs {
    /// The container's arguments that parse to this.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec!["worker".to_owned(), "convert".to_owned(), format!("--source={}", text(&self.source))];
        push_path(&mut args, "--source-credentials", self.source_credentials.as_ref());
        if let Some(etag) = &self.etag {
            args.push(format!("--etag={etag}"));
        }
        args.push(format!("--size={}", self.size));
        args.push(format!("--destination={}", text(&self.destination)));
        args.extend(self.found.map(|found| format!("--found={}", text(&found))));
        args.extend(self.max_qcow2_bytes.map(|most| format!("--max-qcow2-bytes={most}")));
        args.push(format!("--destination-name={}", self.destination_name));
        push_path(&mut args, "--destination-credentials", self.destination_credentials.as_ref());
        args.push(format!("--result={}", self.result.display()));
        self.egress.push(&mut args);
        args
    }

    /// The format to convert to, where the object is not to stay as it is.
    pub fn wanted(&self) -> Option<Format> {
        self.destination.format.filter(|wanted| self.found != Some(*wanted))
    }

    /// Address of the object that is written. A `url` with a trailing slash is a prefix: then every Job writes an object
    /// of its own, `<url><destination-name>-<first 8 characters of the Job's UID>.<format>`, so that two workers never
    /// write the same one. Otherwise the object is `url` itself. Without a UID the name has none.
    pub fn object_url(&self, job_uid: Option<&str>) -> String {
        let url = &self.destination.url;
        if !url.ends_with('/') {
            return url.clone();
        }
        let own: String = job_uid.unwrap_or_default().chars().take(8).collect();
        let own = if own.is_empty() { own } else { format!("-{own}") };
        let extension = self.destination.format.or(self.source.format).map_or("img", |f| match f {
            Format::Raw => "raw",
            Format::Qcow2 => "qcow2",
            Format::Vhd => "vhd",
            Format::Vmdk => "vmdk",
        });
        format!("{url}{}{own}.{extension}", self.destination_name)
    }
}

impl DeleteArgs {
    /// The container's arguments that parse to this.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec!["worker".to_owned(), "delete".to_owned()];
        args.extend(self.objects.iter().map(|object| format!("--object={}", text(object))));
        push_path(&mut args, "--destination-credentials", self.destination_credentials.as_ref());
        args.push(format!("--result={}", self.result.display()));
        self.egress.push(&mut args);
        args
    }
}

impl NotifyArgs {
    /// The container's arguments that parse to this.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec!["worker".to_owned(), "notify".to_owned()];
        args.push(format!("--url={}", self.url));
        args.push(format!("--event={}", text(&self.event)));
        push_path(&mut args, "--secret-file", self.secret_file.as_ref());
        if self.secret_optional {
            args.push("--secret-optional".to_owned());
        }
        args.push(format!("--result={}", self.result.display()));
        self.egress.push(&mut args);
        args
    }
}

impl EgressArgs {
    fn push(&self, args: &mut Vec<String>) {
        args.extend(self.allow.iter().map(|c| format!("--egress-allow={c}")));
        args.extend(self.deny.iter().map(|c| format!("--egress-deny={c}")));
        if self.allow_insecure_endpoints {
            args.push("--allow-insecure-endpoints".to_owned());
        }
    }
}

fn push_path(args: &mut Vec<String>, flag: &str, path: Option<&PathBuf>) {
    args.extend(path.map(|p| format!("{flag}={}", p.display())));
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(url: &str, format: Option<Format>) -> ConvertArgs {
        ConvertArgs {
            source: Source { url: "s3://in/disk.qcow2".into(), ..Source::default() },
            source_credentials: None,
            etag: Some("\"abc\"".into()),
            size: 7,
            destination: Destination { url: url.into(), format, ..Destination::default() },
            found: Some(Format::Qcow2),
            max_qcow2_bytes: Some(50 << 30),
            destination_name: "web-system".into(),
            destination_credentials: Some(DESTINATION_CREDENTIALS.into()),
            result: RESULT.into(),
            egress: EgressArgs { allow: vec!["10.0.0.0/8".into()], deny: vec![], allow_insecure_endpoints: true },
        }
    }

    #[test]
    fn a_prefix_gets_an_object_of_each_jobs_own() {
        let args = convert("s3://store/images/", Some(Format::Qcow2));
        assert_eq!(args.object_url(Some("0a1b2c3d-4e5f-6071")), "s3://store/images/web-system-0a1b2c3d.qcow2");
        assert_ne!(args.object_url(Some("ffffffff-4e5f")), args.object_url(Some("0a1b2c3d-4e5f")));
        assert_eq!(args.object_url(None), "s3://store/images/web-system.qcow2");
    }

    #[test]
    fn an_address_without_slash_is_the_object() {
        assert_eq!(convert("s3://store/web.raw", Some(Format::Raw)).object_url(Some("0a1b")), "s3://store/web.raw");
    }

    #[test]
    fn only_another_format_is_converted_to() {
        assert_eq!(convert("s3://store/images/", None).wanted(), None);
        assert_eq!(convert("s3://store/images/", Some(Format::Qcow2)).wanted(), None);
        assert_eq!(convert("s3://store/images/", Some(Format::Raw)).wanted(), Some(Format::Raw));
    }

    #[derive(clap::Parser)]
    struct Wrapped<T: Args> {
        #[command(flatten)]
        args: T,
    }

    fn parsed<T: Args>(words: &[String]) -> T {
        <Wrapped<T> as clap::Parser>::parse_from(words.iter().skip(1)).args
    }

    #[test]
    fn arguments_parse_to_what_they_were_made_of() {
        let args = convert("s3://store/images/", Some(Format::Raw));
        assert_eq!(args.to_args()[..2], ["worker", "convert"]);
        assert_eq!(parsed::<ConvertArgs>(&args.to_args()), args);
        for (password_file, compare_password) in [(None, false), (Some(PASSWORD), false), (Some(PASSWORD), true)] {
            let args = InspectArgs {
                source: Source { url: "s3://in/disk.qcow2".into(), ..Source::default() },
                source_credentials: Some(SOURCE_CREDENTIALS.into()),
                password_file: password_file.map(Into::into),
                compare_password,
                result: RESULT.into(),
                seconds: 600,
                egress: EgressArgs::default(),
            };
            assert_eq!(parsed::<InspectArgs>(&args.to_args()), args);
        }
        let object = |url: &str, etag: Option<&str>| StoredObject {
            destination: Destination { url: url.into(), region: Some("cn-hangzhou".into()), ..Destination::default() },
            size_bytes: 7,
            etag: etag.map(str::to_owned),
        };
        let args = DeleteArgs {
            objects: vec![object("s3://store/a b.raw", Some("\"e\"")), object("s3://store/b", None)],
            destination_credentials: Some(DESTINATION_CREDENTIALS.into()),
            result: RESULT.into(),
            egress: EgressArgs { allow: vec!["10.0.0.0/8".into()], ..EgressArgs::default() },
        };
        assert_eq!(args.to_args()[..2], ["worker", "delete"]);
        assert_eq!(parsed::<DeleteArgs>(&args.to_args()), args);
        for secret_optional in [false, true] {
            let args = NotifyArgs {
                url: "https://hooks.example/a?b=c".into(),
                event: Event::new("id", "2026-11-21T10:00:00Z", true, crate::notify::Notice::default()),
                secret_file: Some(WEBHOOK_SECRET.into()),
                secret_optional,
                result: RESULT.into(),
                egress: EgressArgs { allow: vec!["10.0.0.0/8".into()], ..EgressArgs::default() },
            };
            assert_eq!(args.to_args()[..2], ["worker", "notify"]);
            assert_eq!(parsed::<NotifyArgs>(&args.to_args()), args);
        }
    }
}

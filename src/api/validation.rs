//! What the API server checks before an object is stored, in CEL. The controller checks everything again.
//!
//! Rules that compare with the old object sit at the root: there `status` can be read, and removing a field first does
//! not get around them. The others sit at the field they speak of, so that the refusal names it.

/// A CEL rule of a kind's schema.
#[derive(Debug)]
pub struct Check {
    /// The kinds it is for.
    pub kinds: &'static [&'static str],
    /// Where it sits: `spec.waivers[].rule`; empty: the root. What sits in `spec.source` sits in a data disk's source too.
    pub at: &'static str,
    /// What must hold.
    pub rule: &'static str,
    /// What to write instead.
    pub message: &'static str,
    /// The field that the refusal names, for rules at the root.
    pub field: Option<&'static str>,
}

const IMPORT: &[&str] = &["ImageImport"];

/// A rule at a field of ImageImport.
const fn shape(at: &'static str, rule: &'static str, message: &'static str) -> Check {
    Check { kinds: IMPORT, at, rule, message, field: None }
}

/// A rule at the root of ImageImport that speaks of one field.
const fn root(field: &'static str, rule: &'static str, message: &'static str) -> Check {
    Check { kinds: IMPORT, at: "", rule, message, field: Some(field) }
}

const NAME: &str = "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')";
const NAME_MESSAGE: &str = "must be the name of an object: lower-case letters, digits, `-` and `.`";
const ENDPOINT: &str = r"self.matches('^https?://([A-Za-z0-9.-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?/?$')";
const ENDPOINT_MESSAGE: &str = "must be https://host or https://host:port, without path, query or user information";

const WEBHOOK: &str = r"self.matches('^https?://([A-Za-z0-9.-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?([/?][A-Za-z0-9._~:/?@!$&()*+,;=%-]*)?$')";
const WEBHOOK_MESSAGE: &str =
    "must be https://host/path, without user information before the host and without fragment";

const REGION: &str = "self.matches('^[A-Za-z0-9._-]+$')";
const REGION_MESSAGE: &str = "must be the name of a region, as in cn-hangzhou, or be left out";

/// All of them.
pub const CHECKS: &[Check] = &[
    // Job names and label values are made of it, and those have 63 characters.
    Check {
        kinds: &["ImageImport", "CustomImage", "ImportProfile"],
        at: "",
        rule: "self.metadata.name.size() <= 63",
        message: "metadata.name must have at most 63 characters",
        field: None,
    },
    // What was asked, and the cloud it was asked of, are what the object is.
    root(
        ".spec.source.url",
        "self.spec.source.url == oldSelf.spec.source.url",
        "must not change: create a new ImageImport for another image",
    ),
    root(
        ".spec.source.checksum",
        "has(self.spec.source.checksum) == has(oldSelf.spec.source.checksum) \
         && (!has(self.spec.source.checksum) || self.spec.source.checksum == oldSelf.spec.source.checksum)",
        "must not change: create a new ImageImport for another image",
    ),
    root(
        ".spec.profileRef",
        "self.spec.profileRef == oldSelf.spec.profileRef",
        "must not change: create a new ImageImport for another profile",
    ),
    root(
        ".spec.cancel",
        "!has(oldSelf.spec.cancel) || !oldSelf.spec.cancel || (has(self.spec.cancel) && self.spec.cancel)",
        "must stay true: create a new ImageImport instead of one that was cancelled",
    ),
    // Until the object was reached, region, endpoint and Secret can be mended in place.
    root(
        ".spec.source",
        "!has(self.status) || !has(self.status.disks) || self.status.disks.size() == 0 \
         || !self.status.disks.all(d, has(d.source)) || self.spec.source == oldSelf.spec.source",
        "must not change once the image was read: create a new ImageImport",
    ),
    root(
        ".spec.dataDisks",
        "!has(self.status) || !has(self.status.disks) || self.status.disks.size() == 0 \
         || !self.status.disks.all(d, has(d.source)) \
         || (has(self.spec.dataDisks) == has(oldSelf.spec.dataDisks) \
         && (!has(self.spec.dataDisks) || self.spec.dataDisks == oldSelf.spec.dataDisks))",
        "must not change once the images were read: create a new ImageImport",
    ),
    root(
        ".spec.destination",
        "!has(self.status) || !has(self.status.disks) || self.status.disks.size() == 0 \
         || !self.status.disks.all(d, has(d.source)) \
         || (has(self.spec.destination) == has(oldSelf.spec.destination) \
         && (!has(self.spec.destination) || self.spec.destination == oldSelf.spec.destination))",
        "must not change once the image was read: create a new ImageImport",
    ),
    root(
        ".spec.image",
        "!has(self.status) || !has(self.status.disks) || !self.status.disks.exists(d, has(d.conversion)) \
         || (has(self.spec.image) == has(oldSelf.spec.image) \
         && (!has(self.spec.image) || self.spec.image == oldSelf.spec.image))",
        "must not change once the image is converted: create a new ImageImport",
    ),
    root(
        ".spec.deletionPolicy",
        "!has(self.status) || !has(self.status.customImageRef) \
         || (has(self.spec.deletionPolicy) ? self.spec.deletionPolicy : 'Retain') \
         == (has(oldSelf.spec.deletionPolicy) ? oldSelf.spec.deletionPolicy : 'Retain')",
        "must not change once the image is recorded: it is the CustomImage's by then",
    ),
    shape(
        "spec.source.url",
        "self.matches('^(s3|oss|cos|https|http)://')",
        "must begin with s3://, oss://, cos://, https:// or http://, as in s3://bucket/path/image.qcow2",
    ),
    shape(
        "spec.source.url",
        r"self.matches('^[^:]*://[^/]+/[^/]') && !self.endsWith('/')",
        "must name a bucket and a key, as in s3://bucket/path/image.qcow2",
    ),
    shape(
        "spec.source.url",
        "!self.contains('?') && !self.contains('#')",
        "must have no query and no fragment: write the address alone, and name credentials in `secretRef`",
    ),
    shape(
        "spec.source.url",
        "!self.matches('^[^:]*://[^/]*@')",
        "must have no user information before the host: name credentials in `secretRef`",
    ),
    shape("spec.source.url", "!self.matches('[[:cntrl:]]')", "must have no control characters"),
    shape(
        "spec.source",
        "!has(self.endpoint) || !self.url.matches('^https?://')",
        "`endpoint` must be left out where `url` begins with https:// or http://: it names its host itself",
    ),
    shape(
        "spec.source",
        "!self.url.matches('^(oss|cos)://') || has(self.region) || has(self.endpoint)",
        "`region` must name the bucket's region where `url` begins with oss:// or cos://, unless `endpoint` names the store",
    ),
    shape(
        "spec.destination",
        "!self.url.matches('^(oss|cos)://') || has(self.region) || has(self.endpoint)",
        "`region` must name the bucket's region where `url` begins with oss:// or cos://, unless `endpoint` names the store",
    ),
    shape(
        "spec.source.checksum",
        "self.matches('^sha256:[0-9a-fA-F]{64}$')",
        "must be sha256: and 64 hexadecimal digits, as `sha256sum` prints them",
    ),
    shape("spec.source.endpoint", ENDPOINT, ENDPOINT_MESSAGE),
    shape("spec.destination.endpoint", ENDPOINT, ENDPOINT_MESSAGE),
    shape("spec.source.region", REGION, REGION_MESSAGE),
    shape("spec.destination.region", REGION, REGION_MESSAGE),
    shape("spec.image.region", REGION, REGION_MESSAGE),
    shape("spec.source.secretRef.name", NAME, NAME_MESSAGE),
    shape("spec.destination.secretRef.name", NAME, NAME_MESSAGE),
    shape("spec.profileRef.name", NAME, NAME_MESSAGE),
    shape("spec.notifications[].url", WEBHOOK, WEBHOOK_MESSAGE),
    shape("spec.notifications[].secretRef.name", NAME, NAME_MESSAGE),
    shape("spec.image.passwordSecretRef.name", NAME, NAME_MESSAGE),
    shape(
        "spec.image",
        "!has(self.comparePassword) || !self.comparePassword || has(self.passwordSecretRef)",
        "`comparePassword` must be left out where no `passwordSecretRef` names a password",
    ),
    shape(
        "spec.destination",
        "!has(self.compression) || !has(self.format) || self.format == 'QCOW2'",
        "`compression` must be left out where `format` is another than QCOW2",
    ),
    shape(
        "spec.destination.url",
        "self.matches('^(s3|oss|cos)://[^/?#@[:cntrl:]]+/([^/?#[:cntrl:]][^?#[:cntrl:]]*)?$')",
        "must be s3://bucket/prefix/ (or oss://, cos://), to which a name is added, or s3://bucket/key, which must not exist",
    ),
    shape(
        "spec",
        "!has(self.destination) || self.destination.url != self.source.url \
         || has(self.source.endpoint) != has(self.destination.endpoint) \
         || (has(self.source.endpoint) && self.source.endpoint != self.destination.endpoint)",
        "`destination.url` must not be the source itself",
    ),
    shape(
        "spec",
        "!has(self.dataDisks) || self.dataDisks.size() == 0 || !has(self.destination) || self.destination.url.endsWith('/')",
        "`destination.url` must end with `/` where there are data disks: each gets a name of its own",
    ),
    shape(
        "spec.dataDisks[].name",
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "must be a DNS label: lower-case letters, digits and `-`, with a letter or digit at both ends",
    ),
    shape("spec.dataDisks[].name", "self != 'system'", "must be another than `system`, which is `spec.source`'s"),
    shape(
        "spec.customImageName",
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "must be a DNS label: lower-case letters, digits and `-`, with a letter or digit at both ends",
    ),
    shape(
        "spec.waivers[].rule",
        "self.matches('^[A-Z][A-Za-z0-9]*$')",
        "must be the name of a rule, as in Ext4Without64Bit: `image-import rules` lists them",
    ),
    shape(
        "spec.waivers[].expirationTime",
        "self >= timestamp('1970-01-01T00:00:00Z') && self < timestamp('9999-01-01T00:00:00Z')",
        "must lie in this age: leave it out for a waiver that never expires",
    ),
    shape(
        "spec.waivers[].justification",
        r"self.matches('[^[:space:]]')",
        "must say why the rule may fail, for whoever audits the import",
    ),
    Check {
        kinds: &["CustomImage"],
        at: "",
        rule: "self.spec == oldSelf.spec",
        message: "must not change: a CustomImage records what was imported; create a new ImageImport",
        field: Some(".spec"),
    },
    Check {
        kinds: &["ImportProfile"],
        at: "spec.limits.systemDiskGiB",
        rule: "self.min <= self.max",
        message: "`min` must be at most `max`",
        field: None,
    },
    Check {
        kinds: &["ImportProfile"],
        at: "spec.limits.dataDiskGiB",
        rule: "self.min <= self.max",
        message: "`min` must be at most `max`",
        field: None,
    },
];

//! `ImportProfile`: a cloud's published import rules as data.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Acknowledgement, OsType};
use crate::inspect::password;

/// The import rules of one cloud, as one of its documents states them on one date.
/// New content is a new name; a higher revision mends our own mistakes.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "imageimport.dev",
    version = "v1alpha1",
    kind = "ImportProfile",
    shortname = "improfile",
    category = "images",
    status = "ImportProfileStatus",
    derive = "PartialEq",
    doc = "A cloud's published import rules as data: what an image must be to be imported there.",
    printcolumn(name = "TITLE", type_ = "string", json_path = ".spec.title"),
    printcolumn(name = "REVISION", type_ = "integer", json_path = ".spec.revision"),
    printcolumn(name = "READY", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ImportProfileSpec {
    /// What it is, in one line.
    pub title: String,
    /// Revision of this text of the profile. The operator puts its own back unless a higher one is there.
    pub revision: i32,
    /// The object store that the cloud imports from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<CloudStore>,
    /// Container formats that are accepted, as `QCOW2`.
    pub formats: Vec<String>,
    /// Container formats that are accepted once a ticket allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ticket_formats: Vec<String>,
    /// Container formats that are recommended because they leave out what is empty; empty where the cloud names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preferred_formats: Vec<String>,
    /// Sizes.
    #[serde(default)]
    pub limits: Limits,
    /// Partition tables that are accepted: `MBR`, `GPT`.
    pub partition_tables: Vec<String>,
    /// Filesystems that are accepted for a Linux guest's own mounts; empty where the cloud names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linux_filesystems: Vec<String>,
    /// Filesystems that are accepted for the volume that holds a Windows system; empty where the cloud names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows_filesystems: Vec<String>,
    /// The document takes nothing else on any volume of a Windows disk. Otherwise another volume is only warned about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub windows_filesystems_only: bool,
    /// Operating systems that are accepted.
    pub operating_systems: Vec<OperatingSystem>,
    /// Platforms for systems outside that list, such as `Others Linux`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_platforms: Vec<String>,
    /// Where the document says so: `S0 L103`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_platforms_cite: Vec<String>,
    /// Platforms that the cloud's import form offers; empty: any is free.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platform_choices: Vec<PlatformChoice>,
    /// Platforms that are refused, though any other is free: those of another cloud.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_platforms: Vec<String>,
    /// A system whose `ID_LIKE` names a listed one counts as listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub derivatives: bool,
    /// Whose drivers a guest must start with.
    #[serde(default)]
    pub hypervisors: Hypervisors,
    /// The cloud's own datasource of cloud-init.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datasource: Option<String>,
    /// First version of cloud-init that has it without being told. Default: every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datasource_since: Option<String>,
    /// What the cloud asks of the password of root or Administrator. Default: nothing that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<PasswordPolicy>,
    /// What has to be done with the cloud before an import, and no byte of an image shows.
    #[schemars(length(max = 16))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<Prerequisite>,
    /// What the cloud itself says about its error codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handling: Vec<Handling>,
    /// The rules that are applied, in no particular order.
    #[schemars(length(min = 1, max = 128))]
    pub rules: Vec<ProfileRule>,
}

/// A cloud's object store.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudStore {
    /// Alibaba Cloud's.
    #[serde(rename = "OSS")]
    Oss,
    /// Tencent Cloud's.
    #[serde(rename = "COS")]
    Cos,
}

/// Sizes that a cloud states.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Largest virtual size of the system disk, in GiB.
    #[serde(default, rename = "virtualSizeGiB", skip_serializing_if = "Option::is_none")]
    pub virtual_size_gib: Option<i32>,
    /// Largest file, the image converted to QCOW2, in GiB.
    #[serde(default, rename = "fileSizeGiB", skip_serializing_if = "Option::is_none")]
    pub file_size_gib: Option<i32>,
    /// System disk of an instance, in GiB.
    #[serde(default, rename = "systemDiskGiB", skip_serializing_if = "Option::is_none")]
    pub system_disk_gib: Option<SizeRange>,
    /// Data disk of an instance, in GiB.
    #[serde(default, rename = "dataDiskGiB", skip_serializing_if = "Option::is_none")]
    pub data_disk_gib: Option<SizeRange>,
}

/// A range of sizes, both ends included.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
pub struct SizeRange {
    /// Smallest.
    pub min: i32,
    /// Largest.
    pub max: i32,
    /// One of the documents gives the same figures in GB: a size that fits only in GiB is warned about.
    #[serde(default, rename = "statedInGB", skip_serializing_if = "std::ops::Not::not")]
    pub stated_in_gb: bool,
}

/// Something that has to be done with the cloud before an import.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct Prerequisite {
    /// What to do: `Activate OSS`.
    #[schemars(length(min = 1, max = 256))]
    pub text: String,
    /// With this acknowledgement it counts as done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<Acknowledgement>,
    /// Where the document says so: `S3 L15`.
    pub cite: Vec<String>,
}

/// What a cloud says about one of its error codes, letter by letter.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Handling {
    /// The code: `VirtioNotInstall`.
    pub code: String,
    /// The cause in Chinese, as published.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause_zh: String,
    /// The same in English.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause_en: String,
    /// The suggested handling in Chinese, as published.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Where it is printed: `S4 L132`.
    pub cite: Vec<String>,
}

impl Handling {
    /// All of it in one clause: cause, handling, where it is printed.
    pub fn text(&self) -> String {
        let cause = [&self.cause_zh, &self.cause_en].map(String::as_str).join(" / ");
        let cause = if self.cause_zh.is_empty() { String::new() } else { format!("{cause}: ") };
        format!("{cause}{} {} ({})", self.zh, self.en, self.cite.join("; "))
    }
}

/// An operating system that is accepted.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct OperatingSystem {
    /// Name as the document spells it.
    pub name: String,
    /// Other names that the cloud's form has for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// `ID`s of os-release that are it.
    pub ids: Vec<String>,
    /// Versions as the document lists them; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// How a version is compared.
    #[serde(default)]
    pub compare: VersionMatch,
    /// Where it is listed: `S0 L91`.
    pub cite: Vec<String>,
}

impl OperatingSystem {
    /// Whether the cloud's documents mean it by `name`, in letters of any case.
    pub fn is_called(&self, name: &str) -> bool {
        called(&self.name, &self.platforms, name)
    }
}

/// A platform of the cloud's import form.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PlatformChoice {
    /// Name as the form has it: `CentOS`.
    pub name: String,
    /// Other spellings of it in the cloud's documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The family it is offered for.
    pub os_type: OsType,
    /// Where it is listed: `S3 L38`.
    pub cite: Vec<String>,
    /// Where it is not, though another document in force lists it: who declares it is warned. Default: it is offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_in: Vec<String>,
    /// What to declare in the place of one that is not offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<String>,
}

impl PlatformChoice {
    /// Whether it is meant by `name`, in letters of any case.
    pub fn is_called(&self, name: &str) -> bool {
        called(&self.name, &self.also, name)
    }

    /// Whether the form has it.
    pub fn is_offered(&self) -> bool {
        self.not_in.is_empty()
    }
}

fn called(own: &str, others: &[String], name: &str) -> bool {
    others.iter().map(String::as_str).chain([own]).any(|known| known.eq_ignore_ascii_case(name))
}

/// How a guest's version is compared with the listed ones.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionMatch {
    /// By the part before the first dot.
    #[default]
    Major,
    /// As a whole.
    Exact,
    /// At least the listed one, part by part.
    AtLeast,
}

/// Whose drivers a guest must start with.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hypervisors {
    /// KVM: virtio.
    #[default]
    Kvm,
    /// Xen or KVM.
    XenOrKvm,
    /// Xen and KVM.
    XenAndKvm,
}

/// One rule in one cloud's eyes.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ProfileRule {
    /// Name of the rule: `VirtioInstalled`.
    pub name: String,
    /// How much this cloud cares at most.
    pub action: Action,
    /// The reason when it fails; default: the rule's own.
    #[schemars(length(max = 64), extend("pattern" = "^[A-Z][A-Za-z0-9]*$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The guests it is for.
    #[serde(default)]
    pub guests: Guests,
    /// Whether what it looks for shall be there. Only for rules on agents.
    #[schemars(with = "Expect")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// What a declared platform lowers the action to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<PlatformAction>,
    /// The strongest action under a forced import (`spec.image.force`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Action>,
    /// Where the document says so: `S4 L98-100`.
    pub cite: Vec<String>,
}

/// How much a cloud cares, strongest first.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The import is refused.
    Require,
    /// The import goes on, the user is warned.
    Warn,
    /// A recommendation.
    Advise,
    /// Not looked at.
    Ignore,
}

/// Guests a rule is for.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guests {
    /// Every guest.
    #[default]
    All,
    /// Linux, and what the documents list beside it.
    Linux,
    /// Windows.
    Windows,
}

/// What a cloud asks of a password, beside 8 to 30 letters, digits and special characters of its list.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// Three of four: capital letters, small letters, digits, special characters.
    ThreeClasses,
    /// Letters, digits and special characters; letters of one case are warned about.
    LetterDigitSpecial,
}

impl PasswordPolicy {
    /// Its name among the facts.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThreeClasses => password::THREE_CLASSES,
            Self::LetterDigitSpecial => password::LETTER_DIGIT_SPECIAL,
        }
    }
}

/// Whether an agent shall be there.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It shall.
    Present,
    /// It shall not.
    Absent,
    /// Either.
    Any,
}

/// What a declared platform makes of a rule.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PlatformAction {
    /// The platform, as `spec.image.platform` names it.
    pub platform: String,
    /// The strongest action there.
    pub action: Action,
    /// What the user has to know instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whether this version can apply the profile.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ImportProfileStatus {
    /// Generation of the spec this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: False with reason UnknownRule or TooManyRules.
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

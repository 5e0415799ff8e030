//! Facts and a profile to verdicts: one file a rule, all of them pure.
//!
//! A rule says how bad its finding is (the [`Grade`]); the profile says how much that cloud cares (its action). The
//! weaker of the two is what happens, see [`crate::report`].

use crate::api::{ImportProfileSpec, Waiver};
use crate::inspect::Facts;
use crate::inspect::facts::Trouble;

/// A rule of the catalogue.
pub struct Rule {
    /// Catalogue id, kept for ever: `DRV-01`.
    pub id: &'static str,
    /// Condition type, positive: `VirtioInstalled`.
    pub name: &'static str,
    /// Reason when False, unless the profile names its own: `VirtioNotInstall`.
    pub code: &'static str,
    /// How much of it can be verified from bytes or metadata.
    pub verifiable: Verifiable,
    /// Damage that no waiver lowers.
    pub structural: bool,
    /// The rule's own source, whose `//!` comment has the four headings What it checks, Why, How it is found, How to mend it.
    pub source: &'static str,
    /// Judges.
    pub check: fn(&Case) -> Verdict,
}

/// How much of a rule can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verifiable {
    /// All of it: `Unknown` makes a report Undetermined where the profile requires the rule.
    Fully,
    /// Partly: `Unknown` is listed and blocks nothing.
    Partly,
}

/// All that a rule may look at.
pub struct Case<'a> {
    /// What was found.
    pub facts: &'a Facts,
    /// The cloud's rules.
    pub profile: &'a ImportProfileSpec,
    /// How this profile wants this rule.
    pub wanted: &'a crate::api::ProfileRule,
    /// What the user asked for.
    pub request: &'a Request,
}

/// What the user asked for: the part of an `ImageImport`'s spec, or of `inspect`'s flags, that rules read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Address of the source, without query.
    pub url: String,
    /// Declared format: `QCOW2`.
    pub format: Option<String>,
    /// Declared platform.
    pub platform: Option<String>,
    /// Asked size of the system disk.
    pub system_disk_size_gib: Option<i32>,
    /// Tencent Cloud's forced import.
    pub force: bool,
    /// Waivers that count now: the caller has left out the expired ones.
    pub waivers: Vec<Waiver>,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// In order.
    Pass(Finding),
    /// Not in order, and how bad that is.
    Fail(Grade, Finding),
    /// Could not be decided, and why.
    Unknown(Why),
    /// The rule has nothing to say here, and why.
    NotApplicable(String),
}

/// How bad a finding is: B, W and A of the catalogue. Strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The import fails, or the machine does not start.
    Breach,
    /// Asked for without naming a failure, or the evidence is indirect.
    Doubt,
    /// A recommendation.
    Note,
}

/// What was found, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// One sentence that names the thing. Shown as it is.
    pub message: String,
    /// Narrows the code, as S4's texts do: `NoTable`, `OtherRegion`.
    pub sub: Option<&'static str>,
    /// Where it was seen.
    pub evidence: Vec<Evidence>,
    /// The exact command or setting that mends it; `None`: the rule's own "How to mend it".
    pub remedy: Option<String>,
    /// Weaker findings of the same rule, worst first.
    pub notes: Vec<(Grade, String)>,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// What.
    pub what: String,
    /// Path in the guest, volume, or layer.
    pub place: String,
    /// Byte offset, where that helps.
    pub offset: Option<u64>,
}

/// Why a rule could not decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Stable reason: `VolumeEncrypted`, `NotReadYet`, `LimitExceeded`, `NeedsFullRead`, `FactMissing`.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
}

impl From<&Trouble> for Why {
    fn from(trouble: &Trouble) -> Self {
        use crate::inspect::facts::TroubleKind;
        let reason = match trouble.kind {
            TroubleKind::Encrypted => "VolumeEncrypted",
            TroubleKind::Limit => "LimitExceeded",
            TroubleKind::Unsupported => "NotReadYet",
            TroubleKind::NotFound | TroubleKind::Corrupt | TroubleKind::Other => "FactMissing",
        };
        let at = trouble.at.map(|at| format!(" (at byte {at:#x})")).unwrap_or_default();
        Self { reason, message: format!("{}: {}{at}", trouble.layer, trouble.what) }
    }
}

//! What a rule can answer.

use crate::inspect::facts::{Trouble, TroubleKind};

/// What to do about damage below the rule that meets it.
const DAMAGED: &str =
    "See that the upload is complete; otherwise repair the disk where it runs, and make the image again.";

/// A rule's answer; `Err` ends the judging early with `?`, and is an answer all the same.
pub type Judged = Result<Verdict, Box<Verdict>>;

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
    /// Weaker findings of the same rule.
    pub notes: Vec<(Grade, String)>,
    /// Damage that no waiver lowers, though the rule's other findings can be waived.
    pub structural: bool,
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

impl Finding {
    /// A finding with its sentence only.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// With a narrower code.
    #[must_use]
    pub fn narrowed(mut self, sub: &'static str) -> Self {
        self.sub = Some(sub);
        self
    }

    /// With one more thing that was seen.
    #[must_use]
    pub fn seen(mut self, what: impl Into<String>, place: impl Into<String>) -> Self {
        self.evidence.push(Evidence { what: what.into(), place: place.into(), offset: None });
        self
    }

    /// With one more thing that was seen at a byte.
    #[must_use]
    pub fn seen_at(mut self, what: impl Into<String>, place: impl Into<String>, offset: u64) -> Self {
        self.evidence.push(Evidence { what: what.into(), place: place.into(), offset: Some(offset) });
        self
    }

    /// With what mends it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// With a weaker finding of the same rule.
    #[must_use]
    pub fn note(mut self, grade: Grade, message: impl Into<String>) -> Self {
        self.notes.push((grade, message.into()));
        self
    }

    /// In order.
    pub fn pass(self) -> Verdict {
        Verdict::Pass(self)
    }

    /// Not in order.
    pub fn fail(self, grade: Grade) -> Verdict {
        Verdict::Fail(grade, self)
    }
}

impl Verdict {
    /// In order, in one sentence.
    pub fn passed(message: impl Into<String>) -> Self {
        Self::Pass(Finding::new(message))
    }

    /// Nothing to say here.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::NotApplicable(why.into())
    }

    /// The facts at hand do not tell.
    pub fn missing(what: impl std::fmt::Display) -> Self {
        Self::Unknown(Why { reason: "FactMissing", message: format!("{what}") })
    }

    /// This version does not read what would tell.
    pub fn not_read(message: impl Into<String>) -> Self {
        Self::Unknown(Why { reason: "NotReadYet", message: message.into() })
    }

    /// What is not known of an image that was not read to the end is not known because of that.
    #[must_use]
    pub fn for_want_of_budget(self) -> Self {
        match self {
            Self::Unknown(Why { reason: "FactMissing" | "NotReadYet", message }) => Self::Unknown(Why {
                reason: "LimitExceeded",
                message: format!("{message}; reading the image took more than it may"),
            }),
            other => other,
        }
    }

    /// What a fact that could not be had makes of a rule that needs it: damage fails it, everything else is `Unknown`.
    pub fn of_trouble(what: &str, trouble: &Trouble) -> Self {
        if trouble.kind == TroubleKind::Corrupt {
            let finding =
                Finding::new(format!("{what} cannot be read, the image is damaged: {}", Why::from(trouble).message))
                    .remedy(DAMAGED);
            let evidence = Evidence { what: trouble.what.clone(), place: trouble.layer.clone(), offset: trouble.at };
            return Self::Fail(Grade::Breach, Finding { evidence: vec![evidence], ..finding });
        }
        let why = Why::from(trouble);
        Self::Unknown(Why { message: format!("{what} could not be read: {}", why.message), ..why })
    }
}

impl From<&Trouble> for Why {
    fn from(trouble: &Trouble) -> Self {
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

//! All that a rule may look at, and the questions that many rules ask first.

use super::disks::{Disks, looks_at};
use super::{Judged, Verdict, data_disks, volumes};
use crate::api::{
    Acknowledgement, Action, Architecture, ImportProfileSpec, OsType, PlatformChoice, ProfileRule, Waiver,
};
use crate::disk::container::{Class, descriptor};
use crate::inspect::Facts;
use crate::inspect::facts::{
    Access, Container, Fact, Family, Guest, Linux, PartitionTable, Release, TroubleKind, Volume,
};
use crate::source::link::SignedLink;

/// All that a rule may look at.
pub struct Case<'a> {
    /// What was found.
    pub facts: &'a Facts,
    /// The cloud's rules.
    pub profile: &'a ImportProfileSpec,
    /// How this profile wants this rule.
    pub wanted: &'a ProfileRule,
    /// What the user asked for.
    pub request: &'a Request,
    /// The data disks beside the system disk.
    pub data_disks: &'a [DataDisk],
    /// The one that is judged; `None`: the system disk is. Facts, address and declared format are then its own.
    pub data_disk: Option<&'a DataDisk>,
}

/// A data disk of an import, and what was found of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DataDisk {
    /// Its name in the import.
    pub name: String,
    /// What was found.
    pub facts: Facts,
    /// Address of its source, without query.
    pub url: String,
    /// Region of its bucket, as its source has it.
    pub bucket_region: Option<String>,
    /// Declared format: `QCOW2`.
    pub format: Option<String>,
    /// Asked size, in GiB.
    pub size_gib: Option<i32>,
}

/// What the user asked for: the part of an `ImageImport`'s spec, or of `inspect`'s flags, that rules read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Address of the source, without query.
    pub url: String,
    /// What its query says, where it is a signed link.
    pub link: Option<SignedLink>,
    /// Region of its bucket, as `spec.source.region` has it.
    pub bucket_region: Option<String>,
    /// Declared format: `QCOW2`.
    pub format: Option<String>,
    /// Region of the cloud in which the image shall be.
    pub image_region: Option<String>,
    /// Name that the image shall have in the cloud.
    pub image_name: Option<String>,
    /// Its description there.
    pub description: Option<String>,
    /// Declared family of the system.
    pub os_type: Option<OsType>,
    /// Declared platform.
    pub platform: Option<String>,
    /// Declared machine.
    pub architecture: Option<Architecture>,
    /// Asked size of the system disk.
    pub system_disk_size_gib: Option<i32>,
    /// Tencent Cloud's forced import.
    pub force: bool,
    /// What was settled with the cloud beforehand.
    pub acknowledgements: Vec<Acknowledgement>,
    /// Rules that may fail; a waiver counts until it expires.
    pub waivers: Vec<Waiver>,
    /// The moment that waivers are held against.
    pub now: jiff::Timestamp,
}

/// What an object is to a rule about disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A disk image, whether this version reads it or not.
    Image,
    /// An installation medium.
    Iso,
    /// Anything else.
    Other,
}

/// What a container format is. A word this version does not know is no disk image.
pub fn kind(format: &str) -> Kind {
    match descriptor(format).map(|format| format.class) {
        Some(Class::Image) => Kind::Image,
        Some(Class::Medium) => Kind::Iso,
        Some(Class::Other) | None => Kind::Other,
    }
}

impl<'a> Case<'a> {
    /// Whether the profile refuses an image that fails that rule, and the disk at hand is held to it.
    pub fn requires(&self, rule: &str) -> bool {
        self.is_held_to(rule) && self.profile.rules.iter().any(|r| r.name == rule && r.action == Action::Require)
    }

    /// Whether the profile applies that rule to the disk at hand at all.
    pub fn applies(&self, rule: &str) -> bool {
        self.is_held_to(rule) && self.profile.rules.iter().any(|r| r.name == rule && r.action != Action::Ignore)
    }

    fn is_held_to(&self, rule: &str) -> bool {
        self.data_disk.is_none() || looks_at(rule) != Disks::System
    }

    /// Not applicable because another rule already fails; `Unknown` where the profile does not require that one.
    pub fn blocked_by(&self, rule: &str, why: &str) -> Verdict {
        if self.requires(rule) { Verdict::not_applicable(format!("{why}: see {rule}")) } else { Verdict::missing(why) }
    }

    /// Whether the declared platform is one for systems outside the cloud's list.
    pub fn custom_platform(&self) -> Option<&'a str> {
        let declared = self.request.platform.as_deref()?;
        self.profile.custom_platforms.iter().find(|p| p.eq_ignore_ascii_case(declared)).map(String::as_str)
    }

    /// What the declared platform is in the profile's form.
    pub fn platform_choice(&self) -> Option<&'a PlatformChoice> {
        let declared = self.request.platform.as_deref()?;
        self.profile.platform_choices.iter().find(|choice| choice.is_called(declared))
    }

    /// The pass that an acknowledgement makes of this rule, where the user gave it.
    pub fn acknowledged(&self, what: Acknowledgement, of: &str) -> Option<Verdict> {
        let given = self.request.acknowledgements.contains(&what);
        given.then(|| Verdict::passed(format!("{of}, acknowledged: {what:?}")))
    }

    /// Where the document says what this rule asks: `S0 L83; S1 L83`.
    pub fn cited(&self) -> String {
        self.wanted.cite.join("; ")
    }

    /// The container, whatever it is.
    pub fn container(&self) -> Result<&'a Container, Box<Verdict>> {
        match &self.facts.container {
            Some(container) if !container.format.is_empty() => Ok(container),
            Some(Container { trouble: Some(trouble), .. }) => Err(Box::new(Verdict::of_trouble("the object", trouble))),
            _ => Err(Box::new(match self.facts.source.access {
                Access::NotFound => self.blocked_by("SourcePresent", "the object does not exist"),
                Access::Forbidden => self.blocked_by("SourceReadable", "the object may not be read"),
                Access::Reached | Access::Other => Verdict::missing("no byte of the object was read"),
            })),
        }
    }

    /// The format that the object's name ends with. No verdict rests on it but where the bytes say nothing.
    pub fn named_format(&self) -> Option<&'static str> {
        let (_, ending) = self.request.url.rsplit_once('.')?;
        ["RAW", "VHD", "QCOW2", "VMDK", "VHDX", "VDI"].into_iter().find(|format| format.eq_ignore_ascii_case(ending))
    }

    /// The container of a disk image.
    pub fn image(&self) -> Result<&'a Container, Box<Verdict>> {
        let container = self.container()?;
        let format = &container.format;
        match kind(format) {
            Kind::Image => Ok(container),
            Kind::Iso if self.requires("NotIsoImage") => Err(Box::new(self.blocked_by("NotIsoImage", "an ISO image"))),
            Kind::Iso => Err(Box::new(self.blocked_by("ImageFormatAccepted", "an ISO image"))),
            Kind::Other => Err(Box::new(self.blocked_by("ImageFormatAccepted", &format!("{format} is no disk image")))),
        }
    }

    /// The container of a disk image whose disk could be looked at.
    pub fn disk(&self) -> Result<&'a Container, Box<Verdict>> {
        let container = self.image()?;
        if !container.unsafe_references.is_empty() {
            return Err(Box::new(
                self.blocked_by("ImageSelfContained", "the image leads outside of itself and was not opened"),
            ));
        }
        if let Some(trouble) = &container.trouble {
            if self.incomplete(container) {
                return Err(Box::new(self.blocked_by("UploadComplete", "the object is not complete")));
            }
            if trouble.kind == TroubleKind::Corrupt {
                return Err(Box::new(self.blocked_by("ImageFormatAccepted", "the container is damaged")));
            }
            return Err(Box::new(Verdict::of_trouble("the disk in the container", trouble)));
        }
        if container.virtual_size_bytes.is_none() {
            return Err(Box::new(Verdict::not_read(format!("{} is recognised but not read", container.format))));
        }
        Ok(container)
    }

    /// Whether the object lacks a part of what its container names, and a rule of its own says so.
    pub fn incomplete(&self, container: &Container) -> bool {
        container.missing.is_some() && self.requires("UploadComplete")
    }

    /// The partition table of a disk that is no installation medium, damage and all.
    pub fn table_or_damage(&self) -> Result<&'a PartitionTable, Box<Verdict>> {
        self.disk()?;
        if volumes::iso_inside(self.facts).is_some() {
            let rule = if self.applies("NotIsoImage") { "NotIsoImage" } else { "RootPartitionFound" };
            return Err(Box::new(self.blocked_by(rule, "an installation medium in a disk image")));
        }
        known(self.facts.table.as_ref(), "the partition table")
    }

    /// The partition table, for rules that do not judge it.
    pub fn table(&self) -> Result<&'a PartitionTable, Box<Verdict>> {
        self.table_or_damage().map_err(|verdict| match *verdict {
            Verdict::Fail(..) => Box::new(self.blocked_by("PartitionTablePresent", "the partition table is damaged")),
            _ => verdict,
        })
    }

    /// The volume that holds the system, for rules that do not judge whether there is one.
    pub fn root(&self) -> Result<&'a Volume, Box<Verdict>> {
        self.table()?;
        Err(Box::new(match volumes::root(self.facts) {
            volumes::Root::Found(volume) => return Ok(volume),
            volumes::Root::None(_) => self.blocked_by("RootPartitionFound", "no operating system was found"),
            volumes::Root::Undecided(verdict) => match *verdict {
                Verdict::Fail(..) => self.blocked_by("RootPartitionFound", "the filesystem is damaged"),
                undecided => undecided,
            },
        }))
    }

    /// The operating system, once its root was found. `Unknown` where a part of its files is on a data disk.
    pub fn guest(&self) -> Result<&'a Guest, Box<Verdict>> {
        let guest = self.on_system_disk()?;
        match data_disks::part_of_system(self) {
            Some(part) => Err(Box::new(Verdict::not_read(part))),
            None => Ok(guest),
        }
    }

    /// The same, for rules that ask for what is on the system disk in any case.
    fn on_system_disk(&self) -> Result<&'a Guest, Box<Verdict>> {
        self.root()?;
        self.facts.guest.as_ref().ok_or_else(|| Box::new(Verdict::missing("the operating system was not looked at")))
    }

    /// What only a Linux has. `Unknown` on FreeBSD: a rule that judges FreeBSD asks [`guest`](Self::guest).
    pub fn linux(&self) -> Result<&'a Linux, Box<Verdict>> {
        let guest = self.guest()?;
        match guest.family {
            Family::FreeBSD => Err(Box::new(Verdict::not_read("FreeBSD: these files are not read by this version"))),
            Family::Linux | Family::Windows | Family::Unknown => guest
                .linux
                .as_ref()
                .ok_or_else(|| Box::new(Verdict::missing("the files of the Linux system were not looked at"))),
        }
    }

    /// What the files of a Linux or a FreeBSD say, for rules that judge both.
    pub fn unix(&self) -> Result<&'a Linux, Box<Verdict>> {
        unix_of(self.guest()?)
    }

    /// The same, for what is on the system disk in any case, as `/etc/fstab`.
    pub fn unix_on_system_disk(&self) -> Result<&'a Linux, Box<Verdict>> {
        unix_of(self.on_system_disk()?)
    }

    /// Whether the guest is a FreeBSD.
    pub fn freebsd(&self) -> bool {
        self.facts.guest.as_ref().is_some_and(|g| g.family == Family::FreeBSD)
    }

    /// `ID` of the guest's os-release; empty when unknown.
    pub fn os_id(&self) -> &'a str {
        let release = self.facts.guest.as_ref().and_then(|g| g.release.as_ref()).and_then(Fact::known);
        release.map_or("", |r| r.id.as_str())
    }

    /// CoreOS and its kin, whose disks are laid out differently.
    pub fn coreos(&self) -> bool {
        matches!(self.os_id(), "coreos" | "flatcar")
    }

    /// Nothing when none of `lists` was cut to fit the worker's message, `Unknown` otherwise.
    pub fn complete(&self, lists: &[&str]) -> Result<(), Box<Verdict>> {
        match self.facts.truncated.iter().find(|cut| lists.contains(&cut.as_str())) {
            Some(cut) => Err(Box::new(Verdict::Unknown(super::Why {
                reason: "LimitExceeded",
                message: format!("the list of {cut} was too long and is not complete"),
            }))),
            None => Ok(()),
        }
    }

    /// `verdict` when it is bad news; `Unknown` instead of good news when a list was cut to fit the worker's message.
    pub fn unless_truncated(&self, lists: &[&str], verdict: Verdict) -> Judged {
        if matches!(verdict, Verdict::Pass(_)) {
            self.complete(lists)?;
        }
        Ok(verdict)
    }
}

/// The files of a Linux or a FreeBSD.
fn unix_of(guest: &Guest) -> Result<&Linux, Box<Verdict>> {
    match guest.family {
        Family::Windows => Err(Box::new(Verdict::not_applicable("a Windows system"))),
        Family::Linux | Family::FreeBSD | Family::Unknown => {
            guest.linux.as_ref().ok_or_else(|| Box::new(Verdict::missing("the files of the system were not looked at")))
        }
    }
}

/// A fact, or the verdict that its absence makes: damage fails, everything else is `Unknown`.
pub fn known<'a, T>(fact: Option<&'a Fact<T>>, what: &str) -> Result<&'a T, Box<Verdict>> {
    match fact {
        Some(Fact::Known(value)) => Ok(value),
        Some(Fact::Unreadable(trouble)) => Err(Box::new(Verdict::of_trouble(what, trouble))),
        None => Err(Box::new(Verdict::missing(format!("{what} was not looked at")))),
    }
}

/// What the release files say; `None` where no file says anything. While a volume is not read they may be on that.
pub fn release<'a>(case: &Case<'a>) -> Result<Option<&'a Release>, Box<Verdict>> {
    match case.guest()?.release.as_ref() {
        Some(Fact::Unreadable(trouble)) if trouble.kind == TroubleKind::NotFound => {
            match volumes::not_read(case.facts) {
                None => Ok(None),
                Some(unread) => Err(Box::new(Verdict::not_read(format!(
                    "no release file was found, and one may be on {}, which is not read",
                    unread.name
                )))),
            }
        }
        fact => known(fact, "the release file").map(Some),
    }
}

//! What a status holds of facts and report: names and numbers, no sentences.

use super::sanitise::clean;
use super::{OperatingSystem, Outcome, Report, ReportPrerequisite};
use crate::api::{ImageSummary, ReportSummary};
use crate::inspect::Facts;
use crate::inspect::facts::{BootMode, BootModes, Fact, Family, Scheme};

/// Longest string of a summary, in bytes.
const NAME_BYTES: usize = 128;

/// What the image is.
pub fn image_summary(facts: &Facts) -> ImageSummary {
    let container = facts.container.as_ref();
    let table = facts.table.as_ref().and_then(Fact::known);
    let guest = facts.guest.as_ref();
    ImageSummary {
        format: container.map(|c| clean(&c.format, NAME_BYTES)).filter(|f| !f.is_empty()),
        virtual_size_bytes: container.and_then(|c| c.virtual_size_bytes).and_then(|b| i64::try_from(b).ok()),
        partition_table: table.and_then(|t| match t.scheme {
            Scheme::Mbr => Some("MBR".to_owned()),
            Scheme::Gpt => Some("GPT".to_owned()),
            Scheme::None | Scheme::Other => None,
        }),
        boot_modes: facts.boot_modes.as_ref().and_then(Fact::known).map(boot_modes).unwrap_or_default(),
        architecture: guest.and_then(|g| g.architecture.as_ref()).map(|a| clean(&a.value, NAME_BYTES)),
        operating_system: guest.and_then(|g| operating_system(g.family, g.release.as_ref().and_then(Fact::known))),
    }
}

/// The firmwares that find a boot loader, in the clouds' spelling.
fn boot_modes(found: &BootModes) -> Vec<String> {
    let named = [(BootMode::Bios, "BIOS"), (BootMode::Uefi, "UEFI")];
    let finds = |mode| found.ways.iter().any(|way| way.mode == mode);
    named.into_iter().filter(|(mode, _)| finds(*mode)).map(|(_, name)| name.to_owned()).collect()
}

fn operating_system(family: Family, release: Option<&crate::inspect::facts::Release>) -> Option<OperatingSystem> {
    let family = match family {
        Family::Linux => Some("Linux".to_owned()),
        Family::Windows => Some("Windows".to_owned()),
        Family::FreeBSD => Some("FreeBSD".to_owned()),
        Family::Unknown => None,
    };
    let text = |s: &str| Some(clean(s, NAME_BYTES)).filter(|s| !s.is_empty());
    let os = OperatingSystem {
        family,
        id: release.and_then(|r| text(&r.id)),
        version: release.and_then(|r| text(&r.version_id)),
        pretty_name: release.and_then(|r| text(&r.pretty_name)),
    };
    (os != OperatingSystem::default()).then_some(os)
}

/// The verdict in figures. `profileGeneration`, `digest` and `stale` are the caller's to fill.
pub fn summary(report: &Report) -> ReportSummary {
    let ids = |outcome| report.rules.iter().filter(|r| r.result == outcome).map(|r| r.id.clone()).collect();
    ReportSummary {
        profile: report.profile.clone(),
        counts: report.counts,
        prerequisites: report.prerequisites.iter().map(ReportPrerequisite::line).collect(),
        failed: ids(Outcome::Fail),
        warned: ids(Outcome::Warn),
        undetermined: ids(Outcome::Unknown),
        waived: ids(Outcome::Waived),
        ..ReportSummary::default()
    }
}

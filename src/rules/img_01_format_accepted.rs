//! # What it checks
//! That the object is a disk image in one of the formats the cloud takes, and that its container is sound.
//!
//! # Why
//! Every cloud names the formats it takes and asks for all others to be converted first. Archives, packages and error
//! pages saved as an image are refused there only after the whole upload.
//!
//! # How it is found
//! By signatures, never by the object's name, which is only told where it says something else: `QFI\xfb`, the VHD footer, `KDMV`, `vhdxfile`, and those of archives,
//! packages, programs and documents. RAW is what none of them fits. An ISO image is judged by `NotIsoImage` where the
//! profile has it. A container that contradicts its own format fails here too, with the byte; a QCOW2
//! that QEMU marked as corrupt is warned about.
//!
//! # How to mend it
//! Unpack archives first. Convert other formats: `qemu-img convert -p -O qcow2 INPUT OUTPUT.qcow2` (VHD: `-O vpc -o
//! subformat=dynamic,force_size=on`). QCOW2 in 2018-06 takes a ticket, which `Qcow2TicketGranted` asks for (`spec.image.acknowledgements: [Qcow2Ticket]`).

use super::case::{Kind, kind};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, Why};
use crate::disk::container;
use crate::inspect::facts::{Container, TroubleKind};

/// IMG-01.
pub const RULE: Rule = Rule {
    id: "IMG-01",
    name: "ImageFormatAccepted",
    code: "ImageFormatNotSupported",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("img_01_format_accepted.rs"),
    check,
};

fn check(case: &Case) -> Judged {
    let container = case.container()?;
    let format = container.format.as_str();
    let kind = kind(format);
    if kind == Kind::Iso && case.requires("NotIsoImage") {
        return Ok(case.blocked_by("NotIsoImage", "an ISO image"));
    }
    let by_ticket = super::img_03_qcow2_ticket::by_ticket(case, format);
    let accepted = case.profile.formats.join(", ");
    if !by_ticket && !case.profile.formats.iter().any(|f| f.eq_ignore_ascii_case(format)) {
        let what = if kind == Kind::Image { "" } else { ", which is no disk image" };
        let is = match format {
            // What is left when nothing is recognised and RAW would be too little.
            "data" => format!("of {} bytes, too small for a disk image", case.facts.source.size_bytes),
            _ => format!("{format}{what}"),
        };
        let finding = Finding::new(format!("the object is {is}; accepted: {accepted} ({})", case.cited()));
        let finding = Finding { remedy: remedy(case, kind, format), structural: kind != Kind::Image, ..finding };
        return Ok(with_magic(finding.narrowed("Format"), container).fail(Grade::Breach));
    }
    match &container.trouble {
        // An object that was cut short is no damage of another kind: one rule says it.
        Some(trouble) if trouble.kind == TroubleKind::Corrupt && !case.incomplete(container) => {
            let what = format!("the object begins as {format} and is damaged: {}", Why::from(trouble).message);
            let finding = Finding { structural: true, ..Finding::new(what).narrowed("Format") };
            let finding = match trouble.at {
                Some(at) => finding.seen_at(trouble.what.clone(), trouble.layer.clone(), at),
                None => finding.seen(trouble.what.clone(), trouble.layer.clone()),
            };
            let remedy = "Make the image again, or upload it again; `qemu-img check IMAGE` tells whether the local file is sound.";
            Ok(with_magic(finding.remedy(remedy), container).fail(Grade::Breach))
        }
        _ if by_ticket => Ok(case.blocked_by("Qcow2TicketGranted", &format!("{format} is taken by ticket"))),
        _ => {
            let finding = with_magic(Finding::new(format!("{format} {}", container.detail).trim_end()), container);
            let finding = match case.named_format().filter(|named| *named != format) {
                Some(named) => finding.seen(format!("ends as that of a {named}"), "the object's name"),
                None => finding,
            };
            Ok(Verdict::Pass(if container.marked_corrupt { corrupt(finding) } else { finding }))
        }
    }
}

fn corrupt(finding: Finding) -> Finding {
    finding
        .note(Grade::Doubt, "QEMU found it damaged when it was last written, and opens it only to read")
        .remedy("Have it checked and mended: `qemu-img check -r all IMAGE`, or make the image again.")
}

fn with_magic(finding: Finding, container: &Container) -> Finding {
    if container.magic.is_empty() {
        return finding;
    }
    finding.seen_at(format!("first bytes {}", container.magic), "object", 0)
}

fn remedy(case: &Case, kind: Kind, format: &str) -> Option<String> {
    let target = ["QCOW2", "VHD", "RAW"].into_iter().find(|f| case.profile.formats.iter().any(|a| a == f))?;
    let output = match target {
        "QCOW2" => "-O qcow2 INPUT OUTPUT.qcow2",
        "VHD" => "-O vpc -o subformat=dynamic,force_size=on INPUT OUTPUT.vhd",
        _ => "-O raw INPUT OUTPUT.raw",
    };
    match kind {
        // Converted as it is it stays encrypted: QEMU decrypts LUKS1 alone, and only with a key.
        Kind::Image if format == container::LUKS => {
            container::descriptor(format).map(|found| format!("{}.", found.advice))
        }
        Kind::Image => Some(format!("Convert it: `qemu-img convert -p {output}`.")),
        Kind::Iso => Some(super::img_02_not_iso::remedy(case).to_owned()),
        Kind::Other => container::descriptor(format).map(|found| format!("{}.", found.advice)),
    }
}

//! # What it checks
//! That a ticket allows a format which the cloud takes by ticket only.
//!
//! # Why
//! In 2018-06 Alibaba Cloud took RAW and VHD, and QCOW2 only once a ticket had been granted.
//!
//! # How it is found
//! The format of the object is among those the profile takes by ticket, and `spec.image.acknowledgements` does not name
//! the ticket. Nothing in the image shows whether there is one.
//!
//! # How to mend it
//! Convert the image: `qemu-img convert -p -O vpc -o subformat=dynamic,force_size=on INPUT OUTPUT.vhd`. Or file the ticket,
//! and once it is granted set `spec.image.acknowledgements: [Qcow2Ticket]`.

use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};
use crate::api::Acknowledgement;

/// IMG-03.
pub const RULE: Rule = Rule {
    id: "IMG-03",
    name: "Qcow2TicketGranted",
    code: "Qcow2RequiresTicket",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("img_03_qcow2_ticket.rs"),
    check,
};

/// Whether the profile takes this format by ticket, and this rule says so.
pub fn by_ticket(case: &Case, format: &str) -> bool {
    case.applies(RULE.name) && case.profile.ticket_formats.iter().any(|f| f.eq_ignore_ascii_case(format))
}

fn check(case: &Case) -> Judged {
    let container = case.image()?;
    let format = &container.format;
    if !case.profile.ticket_formats.iter().any(|f| f.eq_ignore_ascii_case(format)) {
        return Ok(Verdict::not_applicable(format!("{format} needs no ticket")));
    }
    if let Some(pass) = case.acknowledged(Acknowledgement::Qcow2Ticket, format) {
        return Ok(pass);
    }
    Ok(Finding::new(format!("{format} is taken only once a ticket allows it ({})", case.cited()))
        .seen_at(format!("first bytes {}", container.magic), "object", 0)
        .fail(Grade::Breach))
}

//! Units that a unit demands: where one of them cannot be there, its own start fails (systemd.unit(5), "Requires").

use super::lookup::Named;
use super::unit::Unit;
use super::{Start, Units, place, sysv};
use crate::disk::Result;

/// Kinds of units that come from files alone. Mounts, devices, swaps and slices are made as the system runs.
const OF_FILES: &[&str] = &["service", "socket", "target", "timer", "path"];

/// Why a unit that is wanted does not start; `None` where all that it demands may be there. `depth`: how far units are
/// followed.
pub(super) fn keeps(units: &Units, unit: &Unit, depth: usize) -> Result<Option<Start>> {
    for key in ["Requires", "BindsTo", "Requisite"] {
        for (name, at) in unit.words("Unit", key) {
            let told = |what: &str| Start::Kept { by: format!("{}: {key}={name}, which {what}", place(at)) };
            let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
            if name.contains('%') || !OF_FILES.contains(&kind) {
                continue;
            }
            match units.find(name)?.1 {
                Named::Masked(_) => return Ok(Some(told("is masked"))),
                Named::Absent if !is_made(units, name)? => return Ok(Some(told("is not there"))),
                Named::Absent | Named::File(_) => {}
            }
            if key != "Requisite" || depth == 0 {
                continue;
            }
            let found = if kind == "target" {
                if units.boot()?.reached(&units.find(name)?.0) {
                    continue;
                }
                Start::Unknown { why: String::new() }
            } else {
                units.start_within(name, depth.saturating_sub(1))?
            };
            match found {
                Start::Disabled | Start::Kept { .. } => return Ok(Some(told("is not started"))),
                Start::Unknown { .. } | Start::OnDemand { .. } => {
                    let why = format!("{}: {key}={name}, and whether that is started is not known", place(at));
                    return Ok(Some(Start::Unknown { why }));
                }
                Start::Enabled { .. } | Start::Absent => {}
            }
        }
    }
    Ok(None)
}

/// Whether a unit without a file of its own can be there: an instance of a template, or what is made of a script.
fn is_made(units: &Units, name: &str) -> Result<bool> {
    if let Some((stem, rest)) = name.split_once('@') {
        let kind = rest.rsplit_once('.').map_or("", |(_, kind)| kind);
        return Ok(matches!(units.find(&format!("{stem}@.{kind}"))?.1, Named::File(_)));
    }
    let Some(script) = name.strip_suffix(".service") else { return Ok(false) };
    for script in [script.to_owned(), format!("{script}.sh")] {
        if sysv::find(units.tree, &script)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

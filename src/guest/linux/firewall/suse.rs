//! SuSEfirewall2: one file of shell assignments (its own comments are its manual).

use super::chains::{Fit, Outcome};
use super::packet::in_range;
use super::{setting, text_of};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::Passage;

const CONFIG: &str = "/etc/sysconfig/SuSEfirewall2";
/// Definitions of services, named by FW_CONFIGURATIONS_EXT.
const SERVICES: &str = "/etc/sysconfig/SuSEfirewall2.d/services";
/// Most services that are read.
const MAX_SERVICES: usize = 64;

/// What the external zone makes of SSH, which every interface is in that no other zone names.
pub(super) fn judge(tree: &Tree) -> Result<Outcome> {
    let text = text_of(tree, CONFIG)?;
    let value = |name: &str| setting(&text, CONFIG, name).unwrap_or_default();
    let (ports, place) = value("FW_SERVICES_EXT_TCP");
    let mut passes = Fit::any(ports.split_whitespace().map(|port| in_range(port, ':')));
    for service in value("FW_CONFIGURATIONS_EXT").0.split_whitespace().take(MAX_SERVICES) {
        if service.contains('/') {
            continue;
        }
        let file = format!("{SERVICES}/{service}");
        let (ports, _) = setting(&text_of(tree, &file)?, &file, "TCP").unwrap_or_default();
        passes = Fit::any([passes, Fit::any(ports.split_whitespace().map(|port| in_range(port, ':')))]);
    }
    if passes == Fit::Yes {
        return Ok((Passage::Passes, place));
    }
    // What else may let it through: other zones' interfaces, single nets, an administrator's own script.
    for name in ["FW_DEV_INT", "FW_DEV_DMZ", "FW_TRUSTED_NETS", "FW_SERVICES_ACCEPT_EXT", "FW_CUSTOMRULES", "FW_ZONES"]
    {
        let (set, place) = value(name);
        if !set.is_empty() {
            return Ok((Passage::Unknown, place));
        }
    }
    if text.is_empty() || passes == Fit::Maybe {
        return Ok((Passage::Unknown, CONFIG.to_owned()));
    }
    Ok((Passage::Blocked, if place.is_empty() { CONFIG.to_owned() } else { place }))
}

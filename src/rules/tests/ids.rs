//! Every id of the catalogue is exactly one thing: a rule, another rule under another code, a text, or what the product does.

use std::collections::BTreeSet;

use crate::rules::docs::ALIASES;
use crate::rules::find;

/// How many rows each family of the catalogue has.
const FAMILIES: &[(&str, u32)] = &[
    ("SRC", 12),
    ("IMG", 8),
    ("SIZ", 6),
    ("PAR", 8),
    ("FS", 6),
    ("OS", 11),
    ("LNX", 7),
    ("DRV", 4),
    ("SVC", 14),
    ("WIN", 3),
    ("FRM", 11),
    ("PRC", 15),
];
/// Texts of a report or a remedy.
const MESSAGES: &[&str] = &["IMG-06", "SIZ-06", "SVC-14", "WIN-03", "PRC-11", "PRC-13", "PRC-15"];
/// What the product does.
const BEHAVIOURS: &[&str] = &[
    "SRC-11", "SRC-12", "PAR-06", "SVC-04", "FRM-11", "PRC-01", "PRC-02", "PRC-03", "PRC-04", "PRC-05", "PRC-06",
    "PRC-07", "PRC-08", "PRC-09", "PRC-10", "PRC-14",
];
/// Aliases of the catalogue.
const OTHER_NAMES: &[&str] = &["IMG-08", "PAR-04", "FRM-02", "FRM-05", "FRM-06", "FRM-08", "FRM-10", "PRC-12"];
/// What this version does not have yet: taken off this list with the change that brings it.
const MISSING: &[&str] = &[
    "SRC-01", "SRC-03", "SRC-04", "SRC-05", "SRC-07", "SRC-08", "OS-02", "OS-03", "OS-04", "OS-05", "DRV-02", "DRV-03",
    "DRV-04", "SVC-03", "SVC-07", "SVC-09", "WIN-01", "WIN-02", // rules
    "FRM-02", // alias of a rule that is missing
];

#[test]
fn every_id_of_the_catalogue_is_one_thing_and_what_is_missing_is_named() {
    let ids: Vec<String> =
        FAMILIES.iter().flat_map(|(family, last)| (1..=*last).map(move |n| format!("{family}-{n:02}"))).collect();
    assert_eq!(ids.len(), 105);
    let mut missing = BTreeSet::new();
    let mut rules = 0;
    for id in &ids {
        let (message, behaviour) = (MESSAGES.contains(&&**id), BEHAVIOURS.contains(&&**id));
        let alias = OTHER_NAMES.contains(&&**id);
        let rule = !message && !behaviour && !alias;
        rules += u32::from(rule);
        assert_eq!(u32::from(message) + u32::from(behaviour) + u32::from(alias) + u32::from(rule), 1, "{id}");
        assert!(rule || find(id).is_none(), "{id} is a rule of its own");
        let there = match () {
            () if rule => find(id).is_some(),
            () if alias => ALIASES.iter().any(|(_, alias, _)| alias == id),
            () => true,
        };
        if !there {
            missing.insert(id.as_str());
        }
    }
    assert_eq!((rules, OTHER_NAMES.len(), MESSAGES.len(), BEHAVIOURS.len()), (74, 8, 7, 16));
    eprintln!("not there yet: {}", missing.iter().copied().collect::<Vec<_>>().join(" "));
    assert_eq!(missing, MISSING.iter().copied().collect());
}

#[test]
fn an_alias_leads_to_a_rule() {
    for (target, alias, _) in ALIASES {
        assert!(find(target).is_some() && OTHER_NAMES.contains(alias), "{alias} = {target}");
    }
}

//! Every id of the catalogue is exactly one thing: a rule, another rule under another code, a text, or what the product does.

use std::collections::BTreeSet;

use crate::rules::docs::{ALIASES, BEHAVIOURS, MESSAGES, MISSING, named, unruled};
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
/// Aliases of the catalogue.
const OTHER_NAMES: &[&str] = &["IMG-08", "PAR-04", "FRM-02", "FRM-05", "FRM-06", "FRM-08", "FRM-10", "PRC-12"];
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
fn an_id_that_is_no_rule_is_told_as_such() {
    let profiles = crate::profiles::built_in();
    assert!(named("par-04", &profiles).iter().any(|rule| rule.id == "PAR-01"));
    for id in MESSAGES.iter().chain(BEHAVIOURS).chain(MISSING) {
        assert!(named(id, &profiles).is_empty() && unruled(id).is_some(), "{id}");
    }
    assert_eq!((unruled("PAR-01"), unruled("NoSuchCode")), (None, None));
}

#[test]
fn an_alias_leads_to_a_rule() {
    for (target, alias, _) in ALIASES {
        assert!(find(target).is_some() && OTHER_NAMES.contains(alias), "{alias} = {target}");
    }
}

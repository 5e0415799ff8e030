//! # What it checks
//! That cloud-init asks the cloud's own datasource.
//!
//! # Why
//! Tencent Cloud asks for the configuration to be replaced so that a machine takes its data from the right source; it hands
//! them over on a ConfigDrive. Alibaba Cloud's source is AliYun. cloud-init that asks elsewhere does nothing.
//!
//! # How it is found
//! The effective `datasource_list`: the last one of `/etc/cloud/cloud.cfg`, `/etc/cloud/cloud.cfg.d/*.cfg` in order and the
//! kernel command line. Where ds-identify runs, as it reads them: a list on one line, `datasource:` in
//! `/etc/cloud/ds-identify.cfg` or `ci.ds=` on the kernel command line before it. Of a list of several it hands on what it
//! finds, and switches cloud-init off where it finds none. Without a list the one built into that version holds. Without
//! cloud-init there is nothing to judge.
//!
//! # How to mend it
//! Name the source: `echo 'datasource_list: [ ConfigDrive, None ]' > /etc/cloud/cloud.cfg.d/99-datasource.cfg` (Alibaba
//! Cloud: `AliYun`); of several files in that folder the one that sorts last decides. First take away what decides before
//! them: `datasource:` and `policy:` in `/etc/cloud/ds-identify.cfg`, `ds=`, `ci.ds=` and `ci.di.policy=` on the kernel
//! command line.

use super::version::{compare, numbers};
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable, commands, shown, svc_01_cloud_init};
use crate::inspect::facts::{CloudInit, Datasources};

/// SVC-02.
pub const RULE: Rule = Rule {
    id: "SVC-02",
    name: "CloudInitDatasourceSet",
    code: "CloudInitDatasource",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("svc_02_datasource.rs"),
    check,
};

/// The drop-in that is proposed, and one that sorts after those of most names.
const USUAL: &str = "99-datasource.cfg";
const LAST: &str = "zz-datasource.cfg";

fn check(case: &Case) -> Judged {
    let Some(wanted) = &case.profile.datasource else {
        return Ok(Verdict::not_applicable("the cloud names no datasource"));
    };
    let cloud_init = svc_01_cloud_init::found(case)?;
    case.linux()?;
    if cloud_init.installed.is_none() || cloud_init.disabled_by.is_some() || cloud_init.enabled_by.is_none() {
        return Ok(Verdict::not_applicable("cloud-init is not installed or does not start: see CloudInitInstalled"));
    }
    Ok(match &cloud_init.datasources {
        Some(set) if !set.list.is_empty() => named(case, set, wanted),
        unseen => builtin(case, cloud_init, wanted, unseen.as_ref()),
    })
}

/// Why cloud-init does not run in the profile's cloud, where ds-identify looks for other datasources alone.
pub fn switched_off(case: &Case) -> Option<String> {
    let wanted = case.profile.datasource.as_ref()?;
    let set = svc_01_cloud_init::found(case).ok()?.datasources.as_ref()?;
    (set.searched && !has(case, set, wanted)).then(|| {
        format!(
            "ds-identify switches cloud-init off where it finds none of {}, and {wanted} is not among them",
            list(set)
        )
    })
}

fn list(set: &Datasources) -> String {
    let names: Vec<String> = set.list.iter().map(|name| unquoted(name)).collect();
    format!("[{}]", super::text::join(&names, 8))
}

/// cloud-init takes names in any case since this version.
const ANY_CASE: &str = "23.2";

/// ds-identify looks for names as they are written, and so did cloud-init for long.
fn has(case: &Case, set: &Datasources, wanted: &str) -> bool {
    let version = svc_01_cloud_init::found(case).map_or("", |found| found.version.as_str());
    let exact = set.searched || (!numbers(version).is_empty() && compare(version, ANY_CASE).is_lt());
    set.list.iter().any(|name| if exact { name == wanted } else { name.eq_ignore_ascii_case(wanted) })
}

fn named(case: &Case, set: &Datasources, wanted: &str) -> Verdict {
    let list = list(set);
    let written = set.line.as_ref().map_or_else(|| format!("datasource_list: {list}"), |line| unquoted(line));
    let finding = Finding::default().seen(written, set.place.clone());
    if has(case, set, wanted) {
        return Finding { message: format!("{list} has {wanted}"), ..finding }.pass();
    }
    let nothing = set.list.iter().all(|name| name.eq_ignore_ascii_case("None"));
    let consequence = match () {
        () if nothing => "cloud-init will do nothing here".to_owned(),
        () if set.searched => {
            format!("{wanted} is not in it, and where ds-identify finds none of the list it switches cloud-init off")
        }
        () => format!("{wanted} is not in it"),
    };
    let message = match &set.line {
        Some(line) => format!("{} in {}: {consequence}", unquoted(line), set.place),
        None => format!("the datasource list is {list}: {consequence}"),
    };
    Finding { message, ..finding }.remedy(mended(case, set, wanted)).fail(Grade::Doubt)
}

/// What makes the wanted source count in place of what decides now.
fn mended(case: &Case, set: &Datasources, wanted: &str) -> String {
    let after = |first: String| format!("{first} {}", remedy(wanted, LAST));
    match (set.place.as_str(), &set.line) {
        ("kernel command line", line) => {
            let word = line.as_ref().map_or_else(|| "ds=".to_owned(), |line| unquoted(line));
            after(commands::off_the_line(case, &word))
        }
        ("/etc/cloud/ds-identify.cfg", line) => {
            let key = line.as_ref().and_then(|line| line.split(':').next()).unwrap_or("policy");
            after(format!("In the guest: `sed -i '/^[[:space:]]*{key}[[:space:]]*:/d' /etc/cloud/ds-identify.cfg`."))
        }
        (place, _) => match place.strip_prefix("/etc/cloud/cloud.cfg.d/") {
            // cloud-init takes the files of the folder in the order of their names, and the last one counts.
            Some(name) => match [USUAL, LAST].into_iter().find(|file| *file > name) {
                Some(file) => remedy(wanted, file),
                None => format!("In the guest, write `datasource_list: [ {wanted}, None ]` into {}.", unquoted(place)),
            },
            None => remedy(wanted, USUAL),
        },
    }
}

/// A string of the guest, escaped, without the quotes around it.
fn unquoted(text: &str) -> String {
    shown(text).trim_matches('"').to_owned()
}

/// `unseen` is a list that ds-identify does not read.
fn builtin(case: &Case, cloud_init: &CloudInit, wanted: &str, unseen: Option<&Datasources>) -> Verdict {
    let unset = match unseen {
        Some(set) => {
            format!(
                "ds-identify does not read the datasource list of {}, which is on no line of its own",
                shown(&set.place)
            )
        }
        None => "no datasource list is set".to_owned(),
    };
    let Some(since) = &case.profile.datasource_since else {
        return Verdict::passed(format!("{unset}; the built-in one has {wanted}"));
    };
    if numbers(&cloud_init.version).is_empty() {
        return Verdict::missing(format!("{unset}, and the version of cloud-init is not known"));
    }
    let version = shown(&cloud_init.version);
    if compare(&cloud_init.version, since).is_lt() {
        return Finding::new(format!("{unset}, and cloud-init {version} has no {wanted} before {since}"))
            .remedy(remedy(wanted, USUAL))
            .fail(Grade::Doubt);
    }
    Verdict::passed(format!("{unset}; the built-in one of {version} has {wanted}"))
}

fn remedy(wanted: &str, file: &str) -> String {
    format!("In the guest: `echo 'datasource_list: [ {wanted}, None ]' > /etc/cloud/cloud.cfg.d/{file}`.")
}

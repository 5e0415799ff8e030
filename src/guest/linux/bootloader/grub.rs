//! GRUB 2: what its configuration boots when nobody is at the keyboard.

mod bls;
mod commands;
mod env;
mod menu;
mod parse;
mod run;
mod state;
mod test;
#[cfg(test)]
mod tests;

use super::Found;
use super::place::Places;
use crate::disk::{Error, Result};
use run::Runner;
use state::{Arg, State};

/// Variables that any GRUB 2 since 2.00 sets to `y` (GRUB, normal/main.c).
const FEATURES: &[&str] = &[
    "feature_chainloader_bpb",
    "feature_ntldr",
    "feature_platform_search_hint",
    "feature_default_font_path",
    "feature_all_video_module",
    "feature_menuentry_id",
    "feature_menuentry_options",
    "feature_200_final",
    "feature_nativedisk_cmd",
    "feature_timeout_style",
];
/// Most entries that `fallback` names which are tried.
const MAX_FALLBACKS: usize = 8;
/// Variables that depend on the firmware, which is not known here.
const UNKNOWN: &[&str] = &["grub_platform", "grub_cpu", "cmdpath", "fw_path"];

/// What the configuration at `config` boots by default.
///
/// # Errors
/// `Unsupported`, with the line, where what decides is not understood; `Limit`; what the filesystem reports.
pub fn read(places: Places, config: &str) -> Result<Found> {
    let text = places.system.tree.read_text(config, commands::MAX_CONFIG)?;
    let block = parse::parse(&text)?;
    let mut state = State::default();
    let (device, prefix) = directory(places, config)
        .ok_or_else(|| Error::unsupported("grub.cfg", "it lies on a volume that is not mounted"))?;
    for (name, value) in [("root", device), ("prefix", prefix.clone()), ("config_directory", prefix)] {
        state.set(name, Arg::known(&value))?;
        state.export(name);
    }
    for name in FEATURES {
        state.set(name, Arg::known("y"))?;
        state.export(name);
    }
    for name in UNKNOWN {
        state.set(name, Arg { text: "".into(), whole: false })?;
        state.export(name);
    }
    let mut runner = Runner::new(places, config);
    runner.block(&block, &mut state, &[], 0)?;
    let waits = menu::waits(&state);
    let found = started(&mut runner, &state)?;
    Ok(Found { waits: found.waits.or(waits), ..found })
}

/// Where the configuration that is entered lies, as its commands see it (normal/main.c, `read_config_file`).
fn enter_directory(places: Places, config: &str, state: &mut State) -> Result<()> {
    let value = match directory(places, config) {
        Some((_, directory)) => Arg::known(&directory),
        None => Arg { text: "".into(), whole: false },
    };
    state.set("config_directory", value)
}

/// The device that holds a configuration, and the folder as GRUB spells it: `(DEVICE)/boot/grub`.
fn directory(places: Places, config: &str) -> Option<(String, String)> {
    let (device, path) = places.split(config.rsplit_once('/').map_or("/", |(directory, _)| directory))?;
    let directory = format!("({device}){}", path.trim_end_matches('/'));
    Some((device, directory))
}

/// What is started: the default entry or, where a file of it is missing, the first of those that `fallback` names of which
/// none is (normal/menu.c, `grub_menu_execute_with_fallback`). Where all fail, it is the default one.
fn started(runner: &mut Runner, menu: &State) -> Result<Found> {
    let first = chosen(runner, menu.clone())?;
    let fallback = menu.get("fallback");
    if fallback.value() == Some("") || !super::lacks_files(runner.places.system, &first)? {
        return Ok(first);
    }
    let Some(names) = fallback.value() else {
        let what = "what is started where the default entry fails depends on what is not known here";
        return Err(Error::unsupported("grub.cfg", what));
    };
    for name in names.split_whitespace().take(MAX_FALLBACKS).filter(|name| menu::has(menu, name)) {
        let mut state = menu.clone();
        state.set("default", Arg::known(name))?;
        let next = chosen(runner, state)?;
        if !super::lacks_files(runner.places.system, &next)? {
            return Ok(next);
        }
    }
    Ok(first)
}

/// What the default entry loads, in the guest's own paths.
fn chosen(runner: &mut Runner, mut state: State) -> Result<Found> {
    let alone = state.certain.is_none() && matches!(state.entries.as_slice(), [one] if !one.submenu);
    let (entry, loads) = menu::choose(runner, &mut state)?;
    let places = &runner.places;
    let place = entry.place.clone();
    let Some((root, kernel)) = loads.kernel else {
        let what = loads.other.unwrap_or_else(|| "no kernel".to_owned());
        let place = crate::guest::linux::cut(&place, 128);
        return Err(Error::unsupported("grub.cfg", format!("the default entry ({place}) starts {what}")));
    };
    let asked = state.get("superusers");
    let asked = asked.value().is_some_and(|users| !users.is_empty()) && entry.restricted;
    let guest = |device: &str, path: &str| {
        places.file(path, device).ok_or_else(|| {
            let what = format!("{} is not on a volume that the guest mounts", crate::guest::linux::cut(path, 64));
            Error::unsupported("grub.cfg", what)
        })
    };
    Ok(Found {
        loader: "grub2",
        title: entry.title.text.to_string(),
        place,
        kernel: guest(&root, &kernel)?,
        initrd: loads.initrd.iter().map(|(device, path)| guest(device, path)).collect::<Result<_>>()?,
        command_line: loads.command_line,
        hypervisor: loads.hypervisor,
        alone,
        waits: asked
            .then(|| "superusers is set, and the entry is not --unrestricted: GRUB asks for a password".to_owned()),
    })
}

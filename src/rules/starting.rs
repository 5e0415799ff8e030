//! What a person types so that a service starts at boot, for the init of the guest and for what keeps it from starting.

use super::text::{printable, shown_to};
use super::{Case, commands};
use crate::inspect::facts::Init;

/// Most characters of what keeps it: facts have no longer paths.
const MAX: usize = 256;

/// The init of the guest.
pub fn init(case: &Case) -> Init {
    case.unix().map(|linux| linux.init).unwrap_or_default()
}

/// The commands that have `names` start, which are units, scripts and jobs alike.
pub fn enable(case: &Case, names: &[&str]) -> String {
    let debian = matches!(case.os_id(), "debian" | "ubuntu");
    let each =
        |command: &dyn Fn(&str) -> String| names.iter().map(|name| command(name)).collect::<Vec<_>>().join(" && ");
    match init(case) {
        Init::Systemd | Init::Unknown => format!("systemctl enable {}", names.join(" ")),
        Init::OpenRc => each(&|name| format!("rc-update add {name} default")),
        Init::Upstart | Init::SystemV if debian => {
            each(&|name| format!("update-rc.d {name} defaults && update-rc.d {name} enable"))
        }
        Init::Upstart | Init::SystemV => each(&|name| format!("chkconfig {name} on")),
    }
}

/// What keeps a service, as a sentence may say it whole.
pub fn told(by: &str) -> String {
    shown_to(by, MAX)
}

/// How to take away what keeps `unit` from starting, as a sentence; `None` where it is not known.
pub fn release(case: &Case, by: &str, unit: &str) -> Option<String> {
    if let Some(path) = by.strip_suffix(" (masked)") {
        let name = path.rsplit('/').next().filter(|name| plain(name) && plain(path))?;
        return Some(if path.contains("-generators/") || !path.starts_with("/etc/") {
            format!("In the guest: `rm {path}`.")
        } else {
            format!("In the guest: `systemctl unmask {name}`.")
        });
    }
    if let Some(word) = by.strip_prefix("kernel command line: ") {
        return Some(off_the_line(case, word));
    }
    if by.ends_with(" is not reached") {
        return Some("In the guest: `systemctl set-default multi-user.target`.".to_owned());
    }
    if by.starts_with('/') && !by.contains(": ") {
        return Some(match by.rsplit_once(':') {
            Some((file, _)) if file.starts_with("/etc/init/") => format!("Remove the line `manual` at {}.", told(by)),
            None if plain(by) => format!("In the guest: `rm {by}`."),
            _ => format!("Remove {}.", told(by)),
        });
    }
    condition(case, by, unit).or_else(|| demand(by))
}

fn off_the_line(case: &Case, word: &str) -> String {
    commands::off_the_line(case, told(word).trim_matches('"'))
}

/// `/etc/x.conf:2: Requires=y.service, which is not there`.
fn demand(by: &str) -> Option<String> {
    let (place, line) = by.split_once(": ")?;
    let (line, _) = line.split_once(", which ")?;
    Some(format!("Remove the line {} at {}, or have that unit start, too.", told(line), told(place)))
}

/// `/etc/x.conf:3: ConditionPathExists=!/y`.
fn condition(case: &Case, by: &str, unit: &str) -> Option<String> {
    let (place, line) = by.split_once(": ")?;
    let (key, value) =
        line.split_once('=').filter(|(key, _)| key.starts_with("Condition") || key.starts_with("Assert"))?;
    let test = key.trim_start_matches("Condition").trim_start_matches("Assert");
    // A file that has to be away, and is there.
    if let Some(path) = value.trim_start_matches('|').strip_prefix('!') {
        match test {
            "PathExists" | "FileNotEmpty" | "FileIsExecutable" | "PathIsSymbolicLink" if plain(path) => {
                return Some(format!("In the guest: `rm {path}`."));
            }
            "KernelCommandLine" => return Some(off_the_line(case, path)),
            _ => {}
        }
    }
    Some(if place.starts_with("/etc/") {
        format!("Remove the line {} at {}.", told(line), told(place))
    } else {
        format!(
            "In the guest: `systemctl edit {unit}`, and under [Unit] the line `{key}=`, which takes back {}.",
            told(line)
        )
    })
}

/// Whether a string of the guest's may stand in a command: nothing in it means anything to a shell.
fn plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| printable(c) && (c.is_ascii_alphanumeric() || "/._-@+:".contains(c)))
}

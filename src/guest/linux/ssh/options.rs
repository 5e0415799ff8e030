//! Options that the service manager gives sshd, which count before its configuration (sshd(8)).

use super::config::{self, Config, port, text_of};
use super::listen;
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::cut;
use crate::guest::linux::services::Services;
use crate::guest::linux::services::systemd::unit::parse;
use crate::inspect::facts::Listen;

/// Files with options for the daemon, and the variable that holds them: Debian, Red Hat, SUSE, Alpine.
const DEFAULTS: &[(&str, &str)] = &[
    ("/etc/default/ssh", "SSHD_OPTS"),
    ("/etc/sysconfig/sshd", "OPTIONS"),
    ("/etc/sysconfig/ssh", "SSHD_OPTS"),
    ("/etc/conf.d/sshd", "SSHD_OPTS"),
];

/// Where the daemon listens; `Err` says why that is not known.
///
/// # Errors
/// What the filesystem reports.
pub fn listens(tree: &Tree, services: &Services, config: &Config) -> Result<std::result::Result<Vec<Listen>, String>> {
    let mut options = Vec::new();
    let mut started = Vec::new();
    if let Some(units) = services.systemd() {
        for name in super::DAEMON.units {
            let Some(unit) = units.read(name)? else { continue };
            for line in unit.list("Service", "ExecStart") {
                started.push((line.value.clone(), line.place.clone()));
            }
            break;
        }
    }
    for (file, variable) in DEFAULTS {
        let used = started.is_empty()
            || started
                .iter()
                .any(|(line, _)| line.contains(&format!("${variable}")) || line.contains(&format!("${{{variable}}}")));
        for entry in parse(&text_of(tree, file)?, file).into_iter().filter(|e| e.key == *variable && used) {
            options.push((entry.value.trim_matches(['"', '\'']).to_owned(), entry.place));
        }
    }
    // The last assignment of a variable is the one that is given.
    options = options.pop().into_iter().collect();
    options.extend(started.into_iter().map(|(line, place)| {
        let words: Vec<&str> = line.split_whitespace().skip(1).filter(|word| !word.starts_with('$')).collect();
        (words.join(" "), place)
    }));
    Ok(with(config, &options))
}

/// Where the daemon listens under such options, each with its line.
pub(super) fn with(config: &Config, options: &[(String, String)]) -> std::result::Result<Vec<Listen>, String> {
    if let Some(why) = &config.undecided {
        return Err(why.clone());
    }
    let mut ports = Vec::new();
    for (line, place) in options {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            let Some((flag, glued)) = word.strip_prefix('-').and_then(|rest| rest.split_at_checked(1)) else {
                continue;
            };
            let undecided = || Err(format!("{place}: sshd is given {}", cut(line, 80)));
            match flag {
                "p" => {
                    let named = if glued.is_empty() { words.next().unwrap_or_default() } else { glued };
                    match port(named) {
                        Some(port) => ports.push((port, place.clone())),
                        None => return undecided(),
                    }
                }
                // Another configuration file.
                "f" => {
                    let file = if glued.is_empty() { words.next().unwrap_or_default() } else { glued };
                    if file != config.file {
                        return undecided();
                    }
                }
                "o" => {
                    let set = if glued.is_empty() { words.next().unwrap_or_default() } else { glued };
                    let set = set.to_ascii_lowercase();
                    if ["port", "listenaddress", "addressfamily", "include"].iter().any(|key| set.contains(key)) {
                        return undecided();
                    }
                }
                _ if word.contains('$') => return undecided(),
                _ => {}
            }
        }
    }
    if config.file.is_empty() {
        return Err(format!("there is no {}", config::MISSING));
    }
    Ok(listen::listens(config, &ports))
}

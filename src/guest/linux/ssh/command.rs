//! The command that starts sshd: its program, and the words it is given.

use super::before;
use super::config::text_of;
use super::environment::{Environment, words};
use super::{DAEMON, SOCKETS};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::services::systemd::unit::Unit;
use crate::guest::linux::services::{Services, Start, is_program};
use crate::guest::linux::shell::Assignments;
use crate::guest::linux::{PATH_MAX, cut};

/// Files that scripts source for the daemon's options, and the variable that holds them: Debian, Red Hat, SUSE, Alpine.
const DEFAULTS: &[(&str, &str)] = &[
    ("/etc/default/ssh", "SSHD_OPTS"),
    ("/etc/sysconfig/sshd", "OPTIONS"),
    ("/etc/sysconfig/ssh", "SSHD_OPTS"),
    ("/etc/conf.d/sshd", "SSHD_OPTS"),
];
/// Where a program without a slash is looked for (systemd.service(5), "Command lines").
const PATH: &[&str] = &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Signs before a program: no error, another name, more rights (systemd.service(5), "Command lines").
pub(super) const SIGNS: [char; 6] = ['-', '@', ':', '+', '!', '|'];

/// How the daemon is run.
#[derive(Debug)]
pub enum Run {
    /// A program of that path, with these words; each has the place that it comes from.
    Program(String, Vec<(String, String)>),
    /// Not at all: what is wrong, and where.
    Refused(String, String),
    /// Not known, and why.
    Unknown(String),
}

/// The daemon's unit, where systemd runs one: an instance for each connection where a socket accepts them.
///
/// # Errors
/// What the filesystem reports.
pub fn unit(services: &Services, by_socket: bool) -> Result<Option<(String, Unit)>> {
    let Some(units) = services.systemd() else { return Ok(None) };
    let mut names: Vec<String> = DAEMON.units.iter().map(|name| (*name).to_owned()).collect();
    for name in SOCKETS.iter().filter(|_| by_socket) {
        let starts = !matches!(units.start(name)?, Start::Absent | Start::Disabled | Start::Kept { .. });
        let Some(socket) = units.read(name)?.filter(|_| starts) else { continue };
        let last = |key: &str| socket.list("Socket", key).last().map(|entry| entry.value.clone());
        let stem = name.trim_end_matches(".socket");
        let accepts = last("Accept").is_some_and(|word| matches!(word.as_str(), "yes" | "true" | "1" | "on"));
        let of_socket = if accepts { format!("{stem}@.service") } else { format!("{stem}.service") };
        names.insert(0, last("Service").filter(|_| !accepts).unwrap_or(of_socket));
        break;
    }
    for name in names {
        if let Some(unit) = units.read(&name)? {
            return Ok(Some((name, unit)));
        }
    }
    Ok(None)
}

/// What systemd runs of a unit.
///
/// # Errors
/// What the filesystem reports.
pub fn of_unit(tree: &Tree, name: &str, unit: &Unit) -> Result<Run> {
    let lines = unit.list("Service", "ExecStart");
    let oneshot = unit.list("Service", "Type").last().is_some_and(|entry| entry.value == "oneshot");
    let line = match lines.as_slice() {
        [] => {
            let emptied = unit.entries.iter().rev().find(|e| e.section == "Service" && e.key == "ExecStart");
            let place = emptied.map_or_else(|| name.to_owned(), |entry| entry.place.clone());
            return Ok(Run::Refused("no ExecStart= is left of its unit".to_owned(), place));
        }
        [.., last] if lines.len() > 1 && !oneshot => {
            return Ok(Run::Refused(
                "its unit has a second ExecStart=, which systemd refuses".to_owned(),
                last.place.clone(),
            ));
        }
        [.., last] => *last,
    };
    let environment = match Environment::of(tree, unit)? {
        Ok(environment) => environment,
        Err((what, place)) => return Ok(Run::Refused(format!("its unit asks for {what}"), place)),
    };
    if let Some(run) = before::stops(tree, unit)? {
        return Ok(run);
    }
    let renamed = line.value.chars().take_while(|c| SIGNS.contains(c)).any(|c| c == '@');
    let command = line.value.trim_start_matches(SIGNS);
    Ok(match environment.expand(command, &line.place) {
        Err(why) => Run::Unknown(why),
        Ok(found) => {
            let mut found = found.into_iter();
            let first = found.next().map(|(word, _)| word).unwrap_or_default();
            program(tree, &first, found.skip(usize::from(renamed)).collect(), &line.place)?
        }
    })
}

/// What a script, or a job of upstart, runs.
///
/// # Errors
/// What the filesystem reports.
pub fn of_script(tree: &Tree, path: &str, text: &str) -> Result<Run> {
    let lines = || text.lines().zip(1_u32..).filter(|(line, _)| !line.trim_start().starts_with('#'));
    let of_sshd = |word: &str| word.rsplit('/').next() == Some("sshd");
    let mut given = None;
    for (line, number) in lines() {
        let place = format!("{}:{number}", cut(path, PATH_MAX));
        let words = words(line);
        let mut rest = words.iter().map(String::as_str);
        match (rest.next(), rest.next()) {
            (Some("exec"), Some(first)) if of_sshd(first) => given = Some((words.clone(), place)),
            // The shell is not followed: a port that is named somewhere may be the one.
            _ if words.iter().any(|word| of_sshd(word)) && names_port(&words) => {
                return Ok(Run::Unknown(format!("{place}: {}", cut(line.trim(), 80))));
            }
            _ => {}
        }
    }
    let mut options = Vec::new();
    for (file, variable) in DEFAULTS {
        if text.contains(&format!("${variable}")) || text.contains(&format!("${{{variable}")) {
            let mut assigned = Assignments::default();
            assigned.source(&text_of(tree, file)?);
            let place = format!("{file}:{}", assigned.line(&[variable]));
            options.extend(words(assigned.get(variable)).into_iter().map(|word| (word, place.clone())));
        }
    }
    if let Some((words, place)) = given {
        let first = words.get(1).cloned().unwrap_or_default();
        let own = words.into_iter().skip(2).filter(|word| !word.starts_with('$')).map(|word| (word, place.clone()));
        options.extend(own);
        return program(tree, &first, options, &place);
    }
    let named = text.split(|c: char| c.is_whitespace() || "\"'{}()=;:-&|".contains(c));
    let first = named.into_iter().find(|word| word.starts_with('/') && word.ends_with("/sshd"));
    program(tree, first.unwrap_or("sshd"), options, path)
}

/// `-p 2222`, `-p2222`, `Port=2222`.
fn names_port(words: &[String]) -> bool {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let glued = words
        .iter()
        .any(|word| word.strip_prefix("-p").is_some_and(number) || word.to_ascii_lowercase().contains("port="));
    glued || words.iter().zip(words.iter().skip(1)).any(|(flag, value)| flag == "-p" && number(value))
}

/// The file of a program, where there is one that can run.
///
/// # Errors
/// What the filesystem reports.
pub(super) fn file_of(tree: &Tree, first: &str) -> Result<Option<String>> {
    let tried: Vec<String> = if first.starts_with('/') {
        vec![first.to_owned()]
    } else {
        PATH.iter().map(|dir| format!("{dir}/{first}")).collect()
    };
    for path in tried {
        if is_program(tree, &path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn program(tree: &Tree, first: &str, options: Vec<(String, String)>, place: &str) -> Result<Run> {
    let Some(path) = file_of(tree, first)? else {
        return Ok(Run::Refused(format!("{} is no program", cut(first, 64)), place.to_owned()));
    };
    Ok(match path.rsplit('/').next() {
        Some("sshd") => Run::Program(path, options),
        _ => Run::Unknown(format!("{place}: it is started by {}", cut(&path, 64))),
    })
}

//! The SSH server: whether it starts, whether it takes its configuration, and where it listens.

mod before;
mod command;
mod config;
mod environment;
mod forms;
mod keys;
mod keywords;
mod listen;
mod options;
mod ports;
mod separation;
mod socket;
#[cfg(test)]
mod tests;
mod values;

use super::packages::{Manager, Packages};
use super::services::rcconf::RcConf;
use super::services::{Service, Services, Start};
use super::{PATH_MAX, cut, names};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::{CloudInit, Evident, Listen, Ssh, When};
use command::Run;
use config::Config;
use keywords::Program;
use options::Given;

/// The daemon, by the names Debian and the others give it.
const DAEMON: Service<'static> = Service { units: &["ssh.service", "sshd.service"], scripts: &["ssh", "sshd"] };
/// The socket that starts it when somebody connects.
const SOCKETS: &[&str] = &["ssh.socket", "sshd.socket"];
/// Debian's scripts, jobs and units do nothing where it is there.
const NOT_TO_BE_RUN: &str = "/etc/ssh/sshd_not_to_be_run";
/// Where the program is the distribution's, and reads what lies in `/etc/ssh`.
const SYSTEM: &[&str] = &["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"];
/// Most addresses that are kept.
const MAX_LISTENS: usize = 8;

/// Reads all of it. `cloud_init` and `packages`, where they are known, save reads.
///
/// # Errors
/// What the filesystem reports.
pub fn read(
    tree: &Tree,
    services: &Services,
    cloud_init: Option<&CloudInit>,
    packages: Option<&Packages>,
) -> Result<Ssh> {
    let daemon = services.start(&DAEMON)?;
    let mut socket = Start::Absent;
    for unit in SOCKETS {
        socket = socket.or(services.start(&Service { units: &[unit], scripts: &[] })?);
    }
    let mut config = Config::read(tree)?;
    // The socket's own lines say where it listens, and it holds the port when the daemon starts beside it.
    let by_socket = matches!(socket, Start::Enabled { .. }) || (socket.clone().or(daemon.clone()) != daemon);
    let mut ssh = common(tree, &config)?;
    ssh.socket = by_socket;
    ssh.starts = if by_socket { socket } else { daemon.clone() }.into();
    if ssh.starts.when == When::Absent {
        return Ok(ssh);
    }
    let unit = command::unit(services, by_socket)?;
    // A unit that is masked hides the script of its name.
    let script = if unit.is_some() || matches!(daemon, Start::Kept { .. }) { None } else { script(services)? };
    let run = match (&unit, &script) {
        (Some((name, unit)), _) => command::of_unit(tree, name, unit)?,
        (None, Some((path, text))) => {
            if text.contains("sshd_not_to_be_run") && tree.exists(NOT_TO_BE_RUN)? {
                ssh.starts = Start::Kept { by: NOT_TO_BE_RUN.to_owned() }.into();
            }
            command::of_script(tree, path, text)?
        }
        (None, None) if by_socket && let Start::Kept { by } = &daemon => {
            Run::Refused("its socket is started, and the service behind it is not".to_owned(), by.clone())
        }
        (None, None) => Run::Unknown("neither a unit nor a script of it is there".to_owned()),
    };
    if matches!(&run, Run::Program(program, _) if program == keywords::PACKAGED) {
        let is_known = |name: &str| packages.is_some_and(|packages| keywords::packaged(name, packages));
        config.asked.retain(|(keyword, _)| !is_known(keyword));
        config.algorithms.retain(|(name, _)| !is_known(name));
    }
    let by_itself = settle(tree, &mut ssh, &config, &run)?;
    let listens = if by_socket {
        socket::listens(services, &config)?
    } else {
        by_itself.as_ref().map(|given| given.listens.clone()).map_err(Clone::clone)
    };
    ssh.family = by_itself.as_ref().ok().filter(|_| !by_socket).and_then(|given| alone(given.family.as_ref()?));
    told(&mut ssh, listens);
    let more = by_itself.map(|given| given.host_keys).unwrap_or_default();
    let unit = unit.as_ref().map(|(_, unit)| unit);
    let script = script.as_ref().map(|(_, text)| text.as_str());
    if ssh.refused.is_none()
        && let Some(lack) = keys::lacking(tree, &config, &more)?
    {
        if let Some((file, place)) =
            keys::never_made(&config, services, unit, script)?.filter(|_| more.is_empty() && lack.open.is_none())
        {
            let value = format!("its host key {} is not there", cut(file, 64));
            ssh.refused = Some(Evident { value, place: place.clone() });
        } else if !cloud_init.is_some_and(CloudInit::starts) && !keys::are_made(services, unit, script)? {
            // cloud-init makes host keys: what else does is spread over every unit and script that starts.
            match lack.open.filter(|_| cloud_init.is_some()) {
                Some((open, bits)) => {
                    let value = format!("its host key is open to others (mode {bits:04o}), and it takes none such");
                    ssh.refused = Some(Evident { value, place: cut(&open, PATH_MAX) });
                }
                None => ssh.keyless = true,
            }
        }
    }
    let of_distribution = packages.is_some_and(|packages| packages.manager != Manager::Apk);
    if ssh.refused.is_none()
        && of_distribution
        && matches!(&run, Run::Program(program, _) if program == keywords::PACKAGED)
        && separation::is_missed(tree, services, keywords::PACKAGED)?
    {
        let value = "the user sshd that it runs as is not there".to_owned();
        ssh.refused = Some(Evident { value, place: separation::PASSWD.to_owned() });
    }
    Ok(ssh)
}

/// The same of a FreeBSD, whose script makes host keys where there are none (rc.d/sshd).
///
/// # Errors
/// What the filesystem reports.
pub fn freebsd(tree: &Tree, conf: &RcConf) -> Result<Ssh> {
    let config = Config::read(tree)?;
    let mut ssh = common(tree, &config)?;
    ssh.starts = conf.start("sshd_enable").into();
    let (flags, place) = conf.value("sshd_flags").unwrap_or_default();
    let words = flags.split_whitespace().map(|word| (word.to_owned(), place.to_owned())).collect();
    let program = conf.value("sshd_program").map_or("/usr/sbin/sshd", |(program, _)| program);
    let given = settle(tree, &mut ssh, &config, &Run::Program(program.to_owned(), words))?;
    ssh.family = given.as_ref().ok().and_then(|given| alone(given.family.as_ref()?));
    told(&mut ssh, given.map(|given| given.listens));
    Ok(ssh)
}

/// What has it listen on IPv6 alone.
fn alone((family, place): &(String, String)) -> Option<Evident> {
    let value = match family.as_str() {
        "inet6" => "AddressFamily inet6",
        "-6" => "-6",
        _ => return None,
    };
    Some(Evident { value: value.to_owned(), place: place.clone() })
}

/// The job or script of the daemon, and its text.
fn script(services: &Services) -> Result<Option<(String, String)>> {
    for name in DAEMON.scripts {
        if let Some(found) = services.script(name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Whether the program starts with that configuration, and what of its own it listens on.
fn settle(tree: &Tree, ssh: &mut Ssh, config: &Config, run: &Run) -> Result<std::result::Result<Given, String>> {
    let mut refuse = |what: &str, place: &str| {
        ssh.refused = Some(Evident { value: cut(what, PATH_MAX), place: cut(place, PATH_MAX) });
    };
    let (program, words) = match run {
        Run::Refused(what, place) => {
            refuse(what, place);
            return Ok(options::with(config, &[]));
        }
        Run::Unknown(why) => return Ok(Err(why.clone())),
        Run::Program(program, words) => (program, words),
    };
    let given = options::with(config, words);
    match &given {
        // Another configuration.
        Err(_) if config.undecided.is_none() => return Ok(given),
        Ok(given) if !given.named && !SYSTEM.iter().any(|dir| program.starts_with(dir)) => {
            return Ok(Err(format!("which configuration {} reads is not known", cut(program, 64))));
        }
        _ => {}
    }
    if config.file.is_empty() && !any_exists(tree, config::ELSEWHERE)? {
        refuse("its configuration is not there", config::MISSING);
    } else if let Some((what, place)) = &config.refused {
        refuse(what, place);
    } else if let Some((_, place)) = config.asked.first().or(config.algorithms.first()).or(config.early.as_ref()) {
        match Program::read(tree, program)? {
            Err(why) => return Ok(Err(format!("{place}: whether it takes that line: {why}"))),
            Ok(program) => match takes(&program, config) {
                Ok(None) => {}
                Ok(Some((what, place))) => refuse(&what, &place),
                Err(why) => return Ok(Err(why)),
            },
        }
    }
    Ok(given)
}

/// The first of what is configured that the program does not take, and its line; `Err` where it does not tell.
fn takes(program: &Program, config: &Config) -> std::result::Result<Option<(String, String)>, String> {
    let unknown = |what: &str, asked: &[(String, String)]| {
        let (name, place) = asked.iter().find(|(name, _)| !program.holds(name))?;
        Some((format!("the {what} {} is unknown to it", cut(name, 64)), place.clone()))
    };
    let found = unknown("keyword", &config.asked).or_else(|| unknown("algorithm", &config.algorithms));
    match (found, &config.early, program.release()) {
        (None, Some((what, place)), None) => Err(format!("{place}: {what}, which not every release takes")),
        (None, Some(early), Some(release)) if release < keywords::OVERRIDES => Ok(Some(early.clone())),
        (found, ..) => Ok(found),
    }
}

fn any_exists(tree: &Tree, paths: &[&str]) -> Result<bool> {
    for path in paths {
        if tree.exists(path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn told(ssh: &mut Ssh, listens: std::result::Result<Vec<Listen>, String>) {
    match listens {
        Ok(found) => ssh.listens = found.into_iter().take(MAX_LISTENS).collect(),
        Err(why) => ssh.undecided = Some(cut(&why, 256)),
    }
}

/// What does not depend on how it starts.
fn common(tree: &Tree, config: &Config) -> Result<Ssh> {
    let root_login = config.root_login.clone().map(|(value, place)| Evident { value, place });
    let names = names(tree, "/etc/ssh")?;
    let keys = names.iter().filter_map(|name| name.strip_prefix("ssh_host_")?.strip_suffix("_key"));
    Ok(Ssh { root_login, host_keys: keys.take(8).map(|kind| cut(kind, 16)).collect(), ..Ssh::default() })
}

//! Options that sshd is given, which count before its configuration (sshd(8)).

use super::config::{Config, port};
use super::listen;
use crate::guest::linux::cut;
use crate::inspect::facts::Listen;

/// Options that take a value (sshd.c, `getopt`).
const VALUED: &str = "CEbcfghkopu";

/// What the options make of the configuration.
#[derive(Debug, Default)]
pub struct Given {
    /// Where it listens.
    pub listens: Vec<Listen>,
    /// `AddressFamily`, or the option that counts before it, and where it stands.
    pub family: Option<(String, String)>,
    /// `-h`: files of host keys.
    pub host_keys: Vec<String>,
    /// `-f`: the configuration is named.
    pub named: bool,
}

/// Where the daemon listens under such options, each with its place; `Err` says why that is not known.
pub fn with(config: &Config, words: &[(String, String)]) -> Result<Given, String> {
    if let Some(why) = &config.undecided {
        return Err(why.clone());
    }
    let mut config = config.clone();
    let mut ports = Vec::new();
    let mut given = Given::default();
    let mut words = words.iter();
    while let Some((word, place)) = words.next() {
        let undecided = || Err(format!("{place}: sshd is given {}", cut(word, 80)));
        let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty() && !flags.starts_with('-')) else {
            return undecided();
        };
        for (at, flag) in flags.char_indices() {
            if !VALUED.contains(flag) {
                match flag {
                    '4' => config.family = Some(("-4".to_owned(), place.clone())),
                    '6' => config.family = Some(("-6".to_owned(), place.clone())),
                    'D' | 'e' | 'i' | 'q' | 'r' | 'R' => {}
                    // Only a test, one connection, or no option at all.
                    _ => return undecided(),
                }
                continue;
            }
            let glued = flags.get(at.saturating_add(1)..).unwrap_or_default();
            let value = if glued.is_empty() { words.next().map_or("", |(word, _)| word) } else { glued };
            match flag {
                'p' => match port(value) {
                    Some(port) => ports.push((port, place.clone())),
                    None => return undecided(),
                },
                'h' => given.host_keys.push(value.to_owned()),
                // Another configuration file.
                'f' if value == config.file => given.named = true,
                'f' => return Err(format!("{place}: sshd is given -f {}", cut(value, 80))),
                'o' => {
                    let set = value.to_ascii_lowercase();
                    let key = set.split(['=', ' ', '\t']).next().unwrap_or_default();
                    if ["port", "listenaddress", "addressfamily", "include", "hostkey", "hostkeyagent"].contains(&key) {
                        return Err(format!("{place}: sshd is given -o {}", cut(value, 80)));
                    }
                }
                _ => {}
            }
            break;
        }
    }
    given.listens = listen::listens(&config, &ports);
    given.family = config.family;
    Ok(given)
}

//! ds-identify, which cloud-init's generator runs: it says which datasources cloud-init may use and whether it runs at all.
//!
//! It is a shell script that reads its configuration line by line, and cloud.cfg's too: what follows is its parsing
//! (cloud-init, `tools/ds-identify`), and no reader of YAML.

use super::datasource::files;
use super::{MAX_BYTES, optional};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::architecture;
use crate::guest::linux::services::{Services, is_program};

/// Where the distributions put the program.
const PROGRAMS: &[&str] = &["/usr/lib/cloud-init/ds-identify", "/usr/libexec/cloud-init/ds-identify"];
/// What runs it.
pub const GENERATOR: &str = "cloud-init-generator";
/// Its configuration.
pub const CONFIG: &str = "/etc/cloud/ds-identify.cfg";
pub const KERNEL_LINE: &str = "kernel command line";
/// Its policy on the kernel command line.
const POLICY: &str = "ci.di.policy";

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Switches cloud-init off.
    Disabled,
    /// Leaves cloud-init alone.
    Enabled,
    /// Looks for datasources, and hands on what it finds.
    Search,
    /// Looks for datasources, and leaves cloud-init alone.
    Report,
}

/// A setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What it is set to.
    pub value: String,
    /// As it is written: `policy: disabled`, `ci.ds=NoCloud`.
    pub line: String,
    /// The file, or `kernel command line`.
    pub place: &'static str,
}

/// ds-identify as it is configured.
#[derive(Debug)]
pub struct Identify {
    /// Whether the generator runs it. Without systemd this program does not follow what does.
    pub runs: bool,
    /// What it does.
    pub mode: Mode,
    /// Whether cloud-init is switched off where none is found.
    pub off_where_none: bool,
    /// What says so, where anything does.
    pub policy: Option<Setting>,
    /// The one datasource that it is told to name.
    pub datasource: Option<Setting>,
    /// `ds=nocloud`, by which versions before 23.2 find that one.
    pub nocloud: Option<Setting>,
}

impl Identify {
    /// Reads it. `None` where systemd is, and does not run it.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn read(tree: &Tree, services: &Services, command_line: &str) -> Result<Option<Self>> {
        let generator = match services.systemd() {
            Some(units) => units.generator(GENERATOR)?.is_some(),
            None => false,
        };
        let program = program(tree)?.filter(|_| generator);
        if program.is_none() && services.systemd().is_some() {
            return Ok(None);
        }
        let mut policy = None;
        let mut datasource = None;
        for (key, value) in pairs(&optional(tree.read_text(CONFIG, MAX_BYTES))?.unwrap_or_default()) {
            let setting = |value: String| Some(Setting { line: format!("{key}: {value}"), value, place: CONFIG });
            match key.as_str() {
                "policy" => policy = setting(value),
                "datasource" => datasource = setting(value),
                _ => {}
            }
        }
        // `ds=` is no word of its own to those before 23.2.
        let knows_ds = program.as_deref().is_some_and(|text| text.split_whitespace().any(|word| word == "ds)"));
        let mut nocloud = None;
        for word in command_line.split_ascii_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, word));
            // What follows may hold an address with a password.
            let value = value.split(';').next().unwrap_or_default().to_owned();
            let setting = Some(Setting { line: format!("{key}={value}"), value, place: KERNEL_LINE });
            match key {
                POLICY => policy = setting,
                "ci.ds" | "ci.datasource" => datasource = setting,
                "ds" if knows_ds => datasource = setting,
                "ds" if word.starts_with("ds=nocloud") => nocloud = setting,
                _ => {}
            }
        }
        let (mode, notfound) = parsed(policy.as_ref().map(|policy| policy.value.as_str()).unwrap_or_default());
        Ok(Some(Self {
            runs: program.is_some(),
            mode,
            off_where_none: match notfound {
                Some(disabled) => disabled,
                // Other machines need not tell by their firmware in which cloud they are.
                None => architecture::read(tree)?.is_none_or(|found| matches!(&*found.value, "i386" | "x86_64")),
            },
            policy,
            datasource: datasource.filter(|setting| !setting.value.is_empty()),
            nocloud,
        }))
    }
}

/// The text of the program, where it is there and can be run.
fn program(tree: &Tree) -> Result<Option<String>> {
    for path in PROGRAMS {
        if is_program(tree, path)? {
            return Ok(Some(optional(tree.read_text(path, MAX_BYTES))?.unwrap_or_default()));
        }
    }
    Ok(None)
}

/// A policy: the last mode in it, and whether it switches cloud-init off where nothing is found (`parse_policy`). A part
/// that is not one of its words counts for nothing, as ` disabled` behind a comma and a space.
fn parsed(policy: &str) -> (Mode, Option<bool>) {
    let (mut mode, mut off) = (Mode::Search, None);
    for part in policy.split(',') {
        match part {
            "disabled" => mode = Mode::Disabled,
            "enabled" => mode = Mode::Enabled,
            "search" => mode = Mode::Search,
            "report" => mode = Mode::Report,
            "notfound=disabled" => off = Some(true),
            "notfound=enabled" => off = Some(false),
            part if part.starts_with("notfound=") => off = None,
            _ => {}
        }
    }
    (mode, off)
}

/// The keys and values of its configuration (`_read_config`).
fn pairs(text: &str) -> Vec<(String, String)> {
    let split = |line: String| {
        let line = uncommented(&line);
        let (key, value) = line.split_once(':')?;
        Some((trimmed(key), unquoted(&trimmed(value)).to_owned()))
    };
    lines(text).filter_map(split).collect()
}

/// The `datasource_list` that it finds in cloud.cfg and its drop-ins, and the file; `None` where it goes by the list that is
/// built in. A list over several lines is none, a key of something else that has that name is one (`check_config`).
///
/// # Errors
/// As [`files`].
pub fn list(tree: &Tree) -> Result<Option<(Vec<String>, String)>> {
    let mut found = None;
    for path in files(tree)? {
        let hidden = path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
        let Some(text) = optional(tree.read_text(&path, MAX_BYTES))?.filter(|_| !hidden) else { continue };
        for line in lines(&text) {
            let value = uncommented(&line).strip_prefix("datasource_list:");
            if let Some(value) = value.filter(|value| value.is_empty() || value.starts_with(' ')) {
                found = Some((array(value.strip_prefix(' ').unwrap_or_default()), path.clone()));
            }
        }
    }
    Ok(found.filter(|(names, _)| !names.is_empty()))
}

/// The `datasource_list` of a `cc:` on the kernel command line, which counts before every file, for cloud-init as well.
pub fn on_kernel_line(line: &str) -> Option<Vec<String>> {
    let (_, rest) = line.split_once("cc:")?;
    let (_, value) = rest.rsplit_once("datasource_list")?;
    let value = value.split(']').next()?;
    Some(array(value.rsplit('[').next()?)).filter(|names| !names.is_empty())
}

/// A list on one line, with or without brackets (`parse_yaml_array`), and its words, by which the program goes on.
fn array(value: &str) -> Vec<String> {
    let value = value.strip_prefix('[').unwrap_or(value);
    let value = value.strip_suffix(']').unwrap_or(value);
    let items = value.split(',').map(|item| unquoted(&trimmed(item)).to_owned());
    items.flat_map(|item| words(&item).map(str::to_owned).collect::<Vec<_>>()).take(super::MAX_SOURCES).collect()
}

/// Lines as the shell's `read` takes them: without blanks around them, a backslash before any character taken away, and
/// nothing of a last one that has no end.
fn lines(text: &str) -> impl Iterator<Item = String> {
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    let mut lines = vec![String::new()];
    let mut escaped = false;
    for character in whole.chars() {
        let last = lines.last_mut();
        match (character, last) {
            ('\n', _) if !escaped => lines.push(String::new()),
            ('\\', _) if !escaped => {
                escaped = true;
                continue;
            }
            ('\n', _) | (_, None) => {}
            (character, Some(line)) => line.push(character),
        }
        escaped = false;
    }
    lines.into_iter().map(|line| line.trim_matches([' ', '\t']).to_owned())
}

fn uncommented(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

/// Words as the shell splits them: a carriage return is no blank.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n']).filter(|word| !word.is_empty())
}

fn trimmed(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

fn unquoted(text: &str) -> &str {
    let within = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

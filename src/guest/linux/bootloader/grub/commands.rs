//! GRUB's commands, as far as they change what is booted.

use std::rc::Rc;

use super::env;
use super::parse::{self, Block};
use super::run::{MAX_DEPTH, Runner, Status};
use super::state::{Arg, Entry, State};
use super::{bls, test};
use crate::disk::{Error, Result};
use crate::guest::linux::bootloader::place::own;
use crate::guest::linux::bootloader::{COMMAND_LINE, NO_VOLUME};
use crate::guest::linux::{cut, optional};

/// Largest configuration file that is read.
pub const MAX_CONFIG: usize = 1 << 20;

/// Commands that change nothing an unattended boot depends on. Whether they succeed is not known.
const WITHOUT_EFFECT: &[&str] = &[
    "insmod",
    "rmmod",
    "save_env",
    "loadfont",
    "terminal_input",
    "terminal_output",
    "terminal",
    "serial",
    "echo",
    "gettext",
    "background_image",
    "background_color",
    "color_normal",
    "play",
    "clear",
    "cls",
    "password",
    "password_pbkdf2",
    "authenticate",
    "sleep",
    "videoinfo",
    "lsfonts",
    "ls",
    "cat",
    "help",
    "cutmem",
    "badram",
    "acpi",
    "keymap",
    "trust",
    "distrust",
    "list_trusted",
    "verify_detached",
    "usb_keyboard",
    "nativedisk",
    "drivemap",
    "loadbios",
    "fix_video",
    "cmosdump",
    "hwmatch",
    "cpuid",
    "fwsetup",
    "loopback",
    "zfskey",
    "cryptomount",
    "debug",
    "at_keyboard",
    "ohci",
    "uhci",
    "net_bootp",
    "efi-watchdog",
    "uppermem",
    "setpci",
    "rdmsr",
    "wrmsr",
    "lsefi",
    "lsmmap",
    "lspci",
    "tpm",
];
/// Commands that put something into a variable this program does not know.
const SETS_UNKNOWN: &[&str] =
    &["probe", "smbios", "getenv", "regexp", "cmostest", "cmosclean", "date", "gptprio.next", "read"];

/// A command with what it was called with.
pub struct Call<'c> {
    /// Line of the configuration.
    pub line: u32,
    /// Its name.
    pub name: &'c str,
    /// Its arguments.
    pub args: &'c [Arg],
    /// The block that follows.
    pub block: Option<&'c Rc<Block>>,
    /// How deeply files and functions are nested.
    pub depth: u32,
}

/// Runs one command.
///
/// # Errors
/// `Limit`, and what reading the guest's files reports.
pub fn run(runner: &mut Runner, call: &Call, state: &mut State) -> Result<Status> {
    let &Call { line, name, args, depth, .. } = call;
    match name {
        "true" | ":" | "devicetree" | "setparams" | "savedefault" => Ok(Some(true)),
        // Nobody is at the keyboard.
        "false" | "keystatus" => Ok(Some(false)),
        "[" => test::evaluate(runner, args.split_last().map(|(_, rest)| rest).unwrap_or_default(), state),
        "test" => test::evaluate(runner, args, state),
        "set" => {
            for arg in args {
                match arg.text.split_once('=') {
                    Some((variable, value)) => state.set(variable, Arg { text: value.into(), whole: arg.whole })?,
                    None if arg.whole => {}
                    None => state.doubt(line, "a variable whose name is not known here"),
                }
            }
            Ok(Some(true))
        }
        "unset" => {
            for arg in args {
                state.variables.remove(&arg.text);
            }
            Ok(Some(true))
        }
        "export" => {
            for arg in args {
                state.export(&arg.text);
            }
            Ok(Some(true))
        }
        "increment" | "decrement" => {
            let variable = args.first().map(|arg| arg.text.clone()).unwrap_or_default();
            state.set(&variable, Arg { text: "".into(), whole: false })?;
            Ok(None)
        }
        "load_env" => env::load(runner.places, args, state),
        "menuentry" | "submenu" | "hiddenentry" => {
            menu_entry(&runner.file, call, state)?;
            Ok(Some(true))
        }
        "blscfg" => bls::add(runner.places, line, args, state),
        "source" | "." | "configfile" => file(runner, line, name, args, state, depth),
        "linux" | "linux16" | "linuxefi" => Ok(load_kernel(line, args, state)),
        "initrd" | "initrd16" | "initrdefi" => Ok(load_initrd(line, args, state)),
        "multiboot" | "multiboot2" | "xen_hypervisor" => {
            state.loads.hypervisor = true;
            Ok(Some(true))
        }
        "module" | "module2" | "xen_module" => Ok(load_module(line, args, state)),
        // From here on nothing of the configuration is run.
        "boot" if state.loads.kernel.is_some() => {
            (state.started, state.ended) = (Some(format!("{}:{line}", runner.file)), true);
            Ok(Some(true))
        }
        "boot" | "normal" | "exit" | "reboot" | "halt" => {
            state.doubt(line, name);
            Ok(None)
        }
        "chainloader" | "ntldr" | "appleloader" | "legacy_configfile" | "knetbsd" | "kfreebsd" => {
            state.loads.other = Some(name.to_owned());
            Ok(Some(true))
        }
        _ if name == "search" || name.starts_with("search.") || name.starts_with("search_fs") => {
            search(runner, line, name, args, state)
        }
        _ if SETS_UNKNOWN.contains(&name) => {
            unknown_variables(args, state)?;
            Ok(None)
        }
        _ if WITHOUT_EFFECT.contains(&name) => {
            if name == "hwmatch" {
                state.set("match", Arg { text: "".into(), whole: false })?;
            }
            Ok(None)
        }
        _ => {
            state.doubt(line, &format!("command {name}"));
            Ok(None)
        }
    }
}

/// What `--set NAME`, `--set=NAME` and `-s NAME` name is not known from here on.
fn unknown_variables(args: &[Arg], state: &mut State) -> Result<()> {
    let mut next = false;
    for arg in args {
        let text = arg.text.strip_prefix("--set=");
        if let Some(name) = text.or((next && !arg.text.starts_with('-')).then_some(&*arg.text)) {
            // regexp writes --set=1:name.
            let name = name.rsplit(':').next().unwrap_or(name);
            state.set(name, Arg { text: "".into(), whole: false })?;
        }
        next = matches!(&*arg.text, "--set" | "-s");
    }
    Ok(())
}

fn menu_entry(file: &str, call: &Call, state: &mut State) -> Result<()> {
    let &Call { line, name, args, block, .. } = call;
    let mut title = None;
    let mut id = None;
    let mut restricted = true;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match &*arg.text {
            "--id" => id = args.next().cloned(),
            "--class" | "--users" | "--hotkey" | "--source" => _ = args.next(),
            text if text.starts_with("--id=") => {
                id = Some(Arg { text: text.trim_start_matches("--id=").into(), whole: arg.whole });
            }
            "--unrestricted" => restricted = false,
            text if text.starts_with("--") => {}
            _ => title = title.or_else(|| Some(arg.clone())),
        }
    }
    let title = title.unwrap_or_else(|| Arg::known(""));
    let Some(body) = block else {
        state.doubt(line, "an entry without a block");
        return Ok(());
    };
    state.add(Entry {
        id: id.unwrap_or_else(|| title.clone()),
        title,
        body: body.clone(),
        submenu: name == "submenu",
        place: format!("{file}:{line}"),
        restricted,
        loads: None,
    })
}

fn file(runner: &mut Runner, line: u32, name: &str, args: &[Arg], state: &mut State, depth: u32) -> Result<Status> {
    if depth >= MAX_DEPTH {
        return Err(Error::limit("grub.cfg", "configurations include each other without end"));
    }
    let root = state.get("root");
    let path = match (args.first().and_then(Arg::value), root.value()) {
        (Some(path), Some(root)) => runner.places.file(path, root),
        _ => None,
    };
    let Some(path) = path else {
        state.doubt(line, "a file that this program does not find");
        return Ok(None);
    };
    let Some(text) = optional(runner.places.system.tree.read_text(&path, MAX_CONFIG))? else { return Ok(Some(false)) };
    let block = parse::parse(&text)?;
    if name == "configfile" {
        state.enter();
        super::enter_directory(runner.places, &path, state)?;
    }
    let outer = std::mem::replace(&mut runner.file, path);
    let status = runner.block(&block, state, &[], depth.saturating_add(1));
    runner.file = outer;
    state.ended |= name == "configfile";
    status
}

fn load_kernel(line: u32, args: &[Arg], state: &mut State) -> Status {
    let (Some((path, rest)), root) = (args.split_first(), state.get("root")) else { return Some(false) };
    let (Some(path), Some(root)) = (path.value(), root.value()) else {
        state.doubt(line, "a kernel that depends on what is not known here");
        return None;
    };
    let command_line: Vec<&str> = rest.iter().map(|arg| &*arg.text).filter(|text| !text.is_empty()).collect();
    // Unknown words (a video mode) are left out: what matters is asked of those that are known.
    let command_line = cut(&command_line.join(" "), COMMAND_LINE);
    state.loads.kernel = Some((root.to_owned(), path.to_owned()));
    state.loads.command_line = command_line;
    state.loads.initrd.clear();
    Some(true)
}

fn load_initrd(line: u32, args: &[Arg], state: &mut State) -> Status {
    let root = state.get("root");
    for arg in args {
        let (Some(path), Some(root)) = (arg.value(), root.value()) else {
            state.doubt(line, "an initial ramdisk that depends on what is not known here");
            return None;
        };
        if !path.starts_with("--") && state.loads.initrd.len() < 16 {
            state.loads.initrd.push((root.to_owned(), path.to_owned()));
        }
    }
    Some(true)
}

/// Under a hypervisor the first module is the kernel, the second its initial ramdisk.
fn load_module(line: u32, args: &[Arg], state: &mut State) -> Status {
    let args: Vec<Arg> = args.iter().filter(|arg| &*arg.text != "--nounzip").cloned().collect();
    if state.loads.kernel.is_none() {
        return load_kernel(line, &args, state);
    }
    load_initrd(line, args.get(..1).unwrap_or_default(), state)
}

fn search(runner: &mut Runner, line: u32, name: &str, args: &[Arg], state: &mut State) -> Result<Status> {
    let (mut by, mut variable, mut wanted) = ("file", None, None);
    let short = name.trim_start_matches("search").trim_start_matches(['.', '_']);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(text) = arg.value() else {
            state.doubt(line, "a search for what is not known here");
            return Ok(None);
        };
        match text {
            "-u" | "--fs-uuid" => by = "fs_uuid",
            "-l" | "--label" | "--fs-label" => by = "fs_label",
            "-f" | "--file" => by = "file",
            "--set" | "-s" => variable = variable.or_else(|| Some("root".to_owned())),
            "--hint" | "-h" => _ = args.next(),
            text if text.starts_with("--set=") => variable = Some(text.trim_start_matches("--set=").to_owned()),
            text if text.starts_with('-') => {}
            text if wanted.is_none() => wanted = Some(text.to_owned()),
            // search.fs_uuid UUID variable hints; search --set UUID has none.
            text if !short.is_empty() && variable.is_none() => variable = Some(text.to_owned()),
            _ => {}
        }
    }
    let by = if short.is_empty() { by } else { short };
    let Some(wanted) = wanted else { return Ok(Some(false)) };
    let devices = runner.places.system.devices;
    let found = match by {
        "fs_uuid" => devices.by_uuid(&wanted).map(|v| v.name.clone()),
        "fs_label" | "label" => devices.by_label(&wanted).map(|v| v.name.clone()),
        _ => with_file(runner, &wanted)?,
    };
    match (found, variable) {
        (Some(volume), Some(variable)) => {
            state.set(&variable, Arg::known(&own(&volume)))?;
            Ok(Some(true))
        }
        (Some(_), None) => Ok(Some(true)),
        (None, _) => {
            if by == "fs_uuid" && state.nowhere.is_none() {
                let uuid = cut(&wanted, 64);
                state.nowhere = Some(format!("line {line} of {}: {NO_VOLUME} {uuid}", cut(&runner.file, 64)));
            }
            Ok(Some(false))
        }
    }
}

/// The first mounted volume that has a file.
fn with_file(runner: &Runner, path: &str) -> Result<Option<String>> {
    for mount in runner.places.system.mounts {
        if let Some(guest) = runner.places.guest(&mount.volume, path)
            && runner.places.system.tree.exists(&guest)?
        {
            return Ok(Some(mount.volume.clone()));
        }
    }
    Ok(None)
}

//! What an initial ramdisk holds: drivers, and what blocks them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::BufReader;

use super::cpio::{self, Allowance, Member, Sink};
use super::shell::Assignments;
use super::stream::{Compression, FileStream, compression};
use super::{PATH_MAX, bootloader, cut, dracut, drivers};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::guest::boot::pe;
use crate::inspect::facts::{Dracut, Evident, Initramfs};

const LAYER: &str = "initramfs";
/// Largest initial ramdisk that is read, compressed or not.
const MAX_BYTES: u64 = 512 << 20;
/// Most parts (early archives, compressed parts) of one file.
const MAX_PARTS: u32 = 64;

/// What was found in an initial ramdisk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// What goes into the facts.
    pub facts: Initramfs,
    /// Drivers of [`drivers::all`] that it has for the kernel, each with its member's name.
    pub drivers: BTreeMap<&'static str, String>,
    /// Those of them that it does not load, each with what says so.
    pub blocked: BTreeMap<&'static str, String>,
}

/// Reads the initial ramdisks that are loaded one after another, for the kernel with this release.
///
/// # Errors
/// `NotFound` for a missing file, `Unsupported` for a compression that is not read, `Corrupt` for what the kernel could
/// not unpack either, `Limit`, and what the filesystem reports.
pub fn read(tree: &Tree, paths: &[String], release: &str) -> Result<Contents> {
    let mut listing = Listing { release, ..Listing::default() };
    let mut allowance = Allowance::default();
    let mut main = "none";
    for path in paths {
        let read = read_file(tree, path, &mut allowance, &mut listing);
        main = read.map_err(|error| told(path, error))?.unwrap_or(main);
    }
    let path = paths.last().map(|path| cut(path, PATH_MAX)).unwrap_or_default();
    if let Some(packed) = &listing.packed {
        return Err(Error::unsupported(LAYER, format!("{}: what is in {packed} is not read", cut(&path, 64))));
    }
    Ok(listing.contents(path, main))
}

/// The error with the file that it is about.
fn told(path: &str, error: Error) -> Error {
    let path = cut(path, 64);
    let what = if error.is_not_found() { format!("there is no {path}") } else { format!("{path}: {}", error.what) };
    Error { what, ..error }
}

/// The parts of one file, as Linux goes through them in init/initramfs.c; the compression of the last one, where any is.
fn read_file(
    tree: &Tree,
    path: &str,
    allowance: &mut Allowance,
    listing: &mut Listing,
) -> Result<Option<&'static str>> {
    if tree.stat(path)?.size > MAX_BYTES {
        return Err(Error::limit(LAYER, "it is larger than 512 MiB"));
    }
    // A unified kernel has it in a section.
    let sections = pe::of_first_profile(&pe::sections(tree, path)?);
    let mut stream = match sections.iter().find(|section| section.name == ".initrd") {
        Some(section) => FileStream::part(tree, path, section.at, section.len),
        None => FileStream::new(tree, path, 0),
    };
    let mut used = None;
    for part in 0_u32.. {
        skip_zeros(&mut stream)?;
        let at = stream.position();
        let head = stream.peek(6)?.to_vec();
        if head.is_empty() {
            if part == 0 {
                return Err(Error::corrupt(LAYER, 0, "the file is empty"));
            }
            break;
        }
        if part >= MAX_PARTS {
            return Err(Error::limit(LAYER, format!("more than {MAX_PARTS} parts")).at(at));
        }
        let done = if head.starts_with(b"07070") {
            cpio::read_one(&mut stream, allowance, listing)
        } else if let Some(kind) = compression(&head) {
            used = Some(kind.name());
            if kind == Compression::Xz {
                taken_by_linux(stream.peek(8)?).map_err(|error| error.at(at))?;
            }
            kind.decoder(&mut stream).and_then(|decoder| {
                cpio::read_all(&mut BufReader::with_capacity(64 * 1024, decoder), allowance, listing)
            })
        } else {
            let what = format!("what begins with {} is neither an archive nor a known compression", hex::encode(&head));
            Err(Error::unsupported(LAYER, what))
        };
        // A decoder may have put the filesystem's own error into words of its own.
        done.map_err(|error| stream.failure().unwrap_or(Error { layer: LAYER, at: Some(at), ..error }))?;
    }
    Ok(used)
}

/// Refuses an xz stream that Linux does. Its decoder knows no integrity check but CRC32, and takes none for good, too:
/// anything else ends in `XZ_OPTIONS_ERROR` (lib/xz/xz_dec_stream.c; Documentation/staging/xz.rst). `XZ_DEC_ANY_CHECK`,
/// which changes that, "is not used in the kernel" (include/linux/xz.h). The check's ID follows the magic and a zero
/// (the .xz file format, 2.1.1.2).
fn taken_by_linux(head: &[u8]) -> Result<()> {
    let name = match head.get(7) {
        None | Some(0 | 1) => return Ok(()),
        Some(4) => "CRC64",
        Some(10) => "SHA-256",
        Some(_) => "another one",
    };
    let what = format!("its xz check is {name}, and Linux unpacks only CRC32 (xz --check=crc32)");
    Err(Error::corrupt(LAYER, 0, what))
}

fn skip_zeros(stream: &mut FileStream) -> Result<()> {
    use std::io::BufRead;
    loop {
        let chunk = stream.peek(1)?;
        if chunk.first() != Some(&0) {
            return Ok(());
        }
        let zeros = stream.fill_buf().map_err(|e| super::from_io(LAYER, &e))?.iter().take_while(|b| **b == 0).count();
        stream.consume(zeros);
    }
}

/// Collects members.
#[derive(Default)]
struct Listing<'a> {
    release: &'a str,
    members: u32,
    /// Drivers for the release.
    drivers: BTreeMap<&'static str, String>,
    /// Drivers right under `/lib`, as mkinitrd of EL5 puts them.
    flat: BTreeMap<&'static str, String>,
    /// Small files by name.
    texts: BTreeMap<String, String>,
    tool: &'static str,
    host_only: bool,
    lvm: bool,
    /// What dracut's scripts wait for.
    awaits: Vec<String>,
    /// dracut's folder in `/lib`, which 004 does not have yet.
    folder: bool,
    /// udev's rule that starts every logical volume.
    every_volume: bool,
    /// The image that it is packed into.
    packed: Option<String>,
}

/// Names that show what made an initial ramdisk.
const TOOLS: &[(&str, &str)] = &[
    ("scripts/init-top", "initramfs-tools"),
    ("conf/initramfs.conf", "initramfs-tools"),
    ("usr/lib/dracut", "dracut"),
    ("lib/dracut", "dracut"),
    ("usr/share/dracut", "dracut"),
    ("sbin/dracut-lib.sh", "dracut"),
    ("lib/dracut-lib.sh", "dracut"),
    ("config/start.sh", "mkinitrd"),
    ("run_all.sh", "mkinitrd"),
    ("lib/mkinitrd", "mkinitrd"),
    ("buildconfig", "mkinitcpio"),
    ("sbin/nlplug-findfs", "mkinitfs"),
];

/// What dracut leaves in a ramdisk with the drivers of one machine, and images that it packs all else into.
const HOST_ONLY: &[&str] = &["hostonly-files", "hostonly-kernel-modules.txt", "hostonly-filesystems"];
/// What initramfs-tools' `init` sources, in this order, before it reads the kernel's command line.
const CONF: &str = "conf/initramfs.conf";
const CONF_D: &str = "conf/conf.d/";
/// Where dracut keeps what it was called with.
const PARAMETERS: &str = "lib/dracut/build-parameter.txt";
const PACKED: &[&str] = &["squash-root.img", "squashfs-root.img", "squash/root.img", "erofs-root.img"];
/// Where dracut has its own files.
const FOLDERS: &[&str] = &["usr/lib/dracut", "lib/dracut"];
/// Programs that start logical volumes.
const LVM: &[&str] = &["lvm", "vgchange", "lvchange"];

impl Sink for Listing<'_> {
    #[expect(clippy::case_sensitive_file_extension_comparisons, reason = "as modprobe and the scripts compare")]
    fn wants(&self, member: &Member) -> bool {
        let name = member.name.as_str();
        let modprobe = name.contains("modprobe.d/") && name.ends_with(".conf") || name == "etc/modprobe.conf";
        modprobe
            || matches!(name, "init" | "linuxrc" | "start.sh" | "run_all.sh" | "etc/cmdline")
            || name.ends_with(PARAMETERS)
            || (name.starts_with("etc/cmdline.d/") && name.ends_with(".conf"))
            || name == CONF
            || name.starts_with(CONF_D)
            || (name.starts_with("config/") && name.ends_with(".sh"))
    }

    fn take(&mut self, member: Member, content: Option<Vec<u8>>) {
        self.members = self.members.saturating_add(1);
        if let Some((_, tool)) = TOOLS.iter().find(|(name, _)| member.name == *name) {
            self.tool = tool;
        }
        let file = member.name.rsplit('/').next().unwrap_or_default();
        self.host_only |= HOST_ONLY.contains(&file);
        self.lvm |= LVM.contains(&file) && member.name.contains("bin/");
        self.folder |= FOLDERS.contains(&member.name.as_str());
        self.every_volume |= dracut::EVERY_VOLUME.contains(&file);
        if self.awaits.len() < dracut::MAX_AWAITED {
            self.awaits.extend(dracut::awaited(&member.name));
        }
        if PACKED.iter().any(|image| member.name.ends_with(image)) {
            self.packed = Some(cut(&member.name, PATH_MAX));
        }
        if let Some(content) = content {
            self.texts.insert(cut(&member.name, PATH_MAX), String::from_utf8_lossy(&content).into_owned());
        }
        let Some(driver) = drivers::of_file(&member.name).filter(|_| member.is_file()) else { return };
        let name = member.name.strip_prefix("usr/").unwrap_or(&member.name);
        let Some(under_lib) = name.strip_prefix("lib/") else { return };
        let shown = cut(&member.name, PATH_MAX);
        match under_lib.strip_prefix("modules/").and_then(|rest| rest.split_once('/')) {
            Some((release, _)) if release == self.release => _ = self.drivers.insert(driver, shown),
            None if !under_lib.contains('/') => _ = self.flat.insert(driver, shown),
            _ => {}
        }
    }
}

impl Listing<'_> {
    /// What dracut puts before the kernel's own line: `/etc/cmdline.d`, then `/etc/cmdline` (dracut-lib.sh, `getcmdline`).
    fn of_line(&self) -> impl DoubleEndedIterator<Item = (&String, &String)> {
        let all = || self.texts.iter();
        let folder = all().filter(|(name, _)| name.starts_with("etc/cmdline.d/"));
        folder.chain(all().filter(|(name, _)| *name == "etc/cmdline"))
    }

    /// What dracut's scripts do, where they made it.
    fn dracut(&self) -> Option<Dracut> {
        (self.tool == "dracut").then(|| Dracut {
            old: !self.folder,
            every_volume: self.every_volume,
            words: self.of_line().flat_map(|(_, text)| dracut::on_volumes(text)).take(dracut::MAX_WORDS + 1).collect(),
            awaits: self.awaits.clone(),
        })
    }

    /// The root that its scripts take where the kernel's command line has no `root=`.
    ///
    /// Of what dracut reads the last `root=` counts. initramfs-tools sources its configuration, then the line sets `ROOT`
    /// (`init`).
    fn root(&self) -> Option<Evident> {
        let within = |start: &'static str| self.texts.iter().filter(move |(name, _)| name.starts_with(start));
        let only = |name: &'static str| within(name).filter(move |(other, _)| *other == name);
        let found = match self.tool {
            "dracut" => self
                .of_line()
                .filter_map(|(file, text)| Some((file, bootloader::root_name(text)?.to_owned())))
                .next_back(),
            "initramfs-tools" => {
                let assigned = |text: &str| {
                    let mut file = Assignments::default();
                    file.source(text);
                    file.iter().find(|(name, ..)| *name == "ROOT").map(|(_, value, _)| value.to_owned())
                };
                let files = only(CONF).chain(within(CONF_D));
                files.filter_map(|(file, text)| Some((file, assigned(text)?))).next_back()
            }
            _ => None,
        };
        // What a shell would still have to expand is not known; `probe` was an order to mkinitramfs of old.
        let is_name = |root: &str| !root.is_empty() && root != "probe" && !root.contains(['$', '`']);
        let (file, root) = found.filter(|(_, root)| is_name(root))?;
        Some(Evident { value: cut(&root, PATH_MAX), place: cut(file, PATH_MAX) })
    }

    fn contents(mut self, path: String, compression: &str) -> Contents {
        let init = self.texts.get("init").or_else(|| self.texts.get("linuxrc")).cloned().unwrap_or_default();
        // nash is the shell of EL5's mkinitrd, and of nothing else. Whoever else puts modules there has no modprobe.
        let nash = init.lines().next().is_some_and(|line| line.contains("nash"));
        let flat = nash || (self.drivers.is_empty() && !self.flat.is_empty() && !init.is_empty());
        if flat {
            self.tool = "mkinitrd";
            self.drivers.append(&mut self.flat);
        }
        let mut blocked = BTreeMap::new();
        for (name, text) in &self.texts {
            if name.starts_with("etc/cmdline") {
                let words = drivers::blocked_on(text).into_iter();
                blocked.extend(words.map(|(driver, word)| (driver, format!("{path}: {name}: {word}"))));
            } else if name.contains("modprobe") {
                let lines = drivers::blocked_in(text).into_iter();
                blocked.extend(lines.map(|(driver, line)| (driver, format!("{path}: {name}: {line}"))));
            }
        }
        // mkinitrd's ramdisks load what their scripts name, and nothing else.
        if self.tool == "mkinitrd" {
            let scripts: Vec<&String> = self
                .texts
                .iter()
                .filter(|(name, _)| !name.contains('/') || name.starts_with("config/"))
                .map(|(_, text)| text)
                .collect();
            let named = |driver: &str| scripts.iter().any(|text| mentions(text, driver));
            // modprobe loads what another driver needs, insmod does not.
            let needed = |driver: &str| {
                !flat && matches!(driver, "virtio" | "virtio_ring") && (named("virtio_blk") || named("virtio_pci"))
            };
            for driver in self.drivers.keys() {
                if !named(driver) && !needed(driver) {
                    blocked.insert(driver, format!("{path}: {} {driver}", drivers::UNNAMED));
                }
            }
        }
        let facts = Initramfs {
            path,
            compression: compression.to_owned(),
            members: self.members,
            tool: self.tool.to_owned(),
            host_only: self.host_only
                || self.texts.iter().any(|(name, text)| name.ends_with(PARAMETERS) && asks_host_only(text)),
            lvm: self.lvm,
            root: self.root(),
            dracut: self.dracut(),
        };
        Contents { facts, drivers: self.drivers, blocked }
    }
}

/// Whether dracut was called with `--hostonly`: the last word of its kind counts.
fn asks_host_only(parameters: &str) -> bool {
    let mut words = parameters.split_whitespace().filter_map(|word| match word {
        "--hostonly" | "-H" | "--host-only" => Some(true),
        "--no-hostonly" | "-N" | "--no-host-only" => Some(false),
        _ => None,
    });
    words.next_back().unwrap_or_default()
}

/// Whether a script has the module's name as a word, or as the name of its file, other than to say so.
fn mentions(script: &str, driver: &str) -> bool {
    let lines = script.lines().filter(|line| !["#", "echo "].iter().any(|start| line.trim_start().starts_with(start)));
    lines
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '.')))
        .any(|word| drivers::same(word, driver) || drivers::of_file(word) == Some(driver))
}

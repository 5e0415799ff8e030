//! `/etc/fstab` (fstab(5)).

use super::device::Devices;
use super::escape::Escape;
use super::services::Services;
use super::services::systemd;
use super::services::systemd::mount::MountUnit;
use super::{PATH_MAX, cut, optional};
use crate::disk::filesystem::{NodeKind, Stat, Subvolume};
use crate::disk::{Error, Result};
use crate::guest::Tree;
use crate::inspect::facts::{Fstab, Mount, Volume};

const PATH: &str = "/etc/fstab";
/// Largest fstab that is read.
const MAX_BYTES: usize = 1 << 20;
/// Most entries of an fstab that is judged. One more is kept, so that it shows.
const MAX_ENTRIES: usize = 256;
/// White space in a field is written as `\040` and the like (fstab(5)).
const OCTAL: Escape = Escape { mark: "\\", digits: 3, radix: 8 };

/// Filesystems that have no device behind them (fstab(5), proc(5), `/proc/filesystems` "nodev").
const PSEUDO: &[&str] = &[
    "proc",
    "sysfs",
    "tmpfs",
    "devtmpfs",
    "devpts",
    "ramfs",
    "cgroup",
    "cgroup2",
    "securityfs",
    "debugfs",
    "tracefs",
    "configfs",
    "fusectl",
    "mqueue",
    "hugetlbfs",
    "pstore",
    "efivarfs",
    "binfmt_misc",
    "selinuxfs",
    "usbfs",
    "usbdevfs",
    "rpc_pipefs",
    "nfsd",
    "autofs",
    "bpf",
    "overlay",
    // FreeBSD's (fstab(5) there, mdmfs(8)).
    "devfs",
    "fdescfs",
    "linprocfs",
    "linsysfs",
    "mfs",
    "procfs",
    "none",
    "ignore",
];
/// Options that decide what a missing source does; `failok` is FreeBSD's `nofail`.
const DECIDING: &[&str] =
    &["noauto", "nofail", "failok", "ro", "bind", "rbind", "loop", "_netdev", "x-systemd.automount"];
/// Options, what takes each back, and whether every mount(8) sees it so, or systemd alone.
const OPPOSITES: &[(&str, &str, bool)] = &[("ro", "rw", true), ("noauto", "auto", false), ("nofail", "fail", false)];
/// Directories of which the running system makes the content.
const RUNNING: &[&str] = &["/dev", "/proc", "/sys", "/run", "/var/run", "/tmp"];

/// Reads it and resolves each source to a volume of this disk.
///
/// # Errors
/// What the filesystem reports; a missing file is a fact.
pub fn read(tree: &Tree, devices: &Devices) -> Result<Fstab> {
    let Some(text) = optional(tree.read_text(PATH, MAX_BYTES))? else {
        return Ok(Fstab { instead: instead(tree)?, ..Fstab::default() });
    };
    let mut entries = parse(&text, by_systemd(tree)?);
    let resolve = resolver(tree, devices)?;
    for entry in &mut entries {
        entry.volume = resolve(&entry.source).map(|v| v.name.clone());
    }
    let absent: Result<Vec<bool>> = entries.iter().map(|entry| lacks(tree, &entries, &entry.source)).collect();
    for (entry, absent) in entries.iter_mut().zip(absent?) {
        entry.absent = absent;
    }
    Ok(Fstab { present: true, entries, instead: None, names_root: false })
}

/// Whether systemd mounts what the table lists: of two options that contradict each other it takes the last
/// (systemd-fstab-generator(8)), where mount(8) looks for the one that it knows.
fn by_systemd(tree: &Tree) -> Result<bool> {
    systemd::is_there(tree)
}

/// Whether a source is a file that is not there. Below what only the running system has, or a line mounts that is not of this
/// disk, it may be.
fn lacks(tree: &Tree, entries: &[Mount], source: &str) -> Result<bool> {
    let below =
        |dir: &str| dir != "/" && source.strip_prefix(dir.trim_end_matches('/')).is_some_and(|r| r.starts_with('/'));
    let unread = entries.iter().any(|entry| entry.volume.is_none() && below(&entry.target));
    let path = source.starts_with('/') && !source.starts_with("//");
    Ok(path && !unread && !RUNNING.iter().any(|dir| below(dir)) && !tree.exists(source)?)
}

/// How the guest's own mount(8) finds a volume by its name: BusyBox' in whatever case an identifier is written (its
/// `get_devname.c`), any other as it is spelled.
fn resolver<'a>(tree: &Tree, devices: &Devices<'a>) -> Result<impl Fn(&str) -> Option<&'a Volume>> {
    let program = optional(tree.resolve("/bin/mount"))?.unwrap_or_default();
    let (busybox, devices) = (program.ends_with("/busybox"), *devices);
    Ok(move |spec: &str| if busybox { devices.resolve_in_any_case(spec) } else { devices.resolve(spec) })
}

/// What an entry puts at its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A volume of this disk by its name, or one of its subvolumes.
    Volume(String, Option<Subvolume>),
    /// What is at another path; with what is mounted below it, where the flag is set.
    Path(String, bool),
}

/// What is mounted where, of this disk: `(source, directory, whether only on request)`, in the order of the lines.
///
/// # Errors
/// What the filesystem reports; a missing file has no entries.
pub fn mounts(tree: &Tree, devices: &Devices) -> Result<Vec<(Source, String, bool)>> {
    let text = optional(tree.read_text(PATH, MAX_BYTES))?.unwrap_or_default();
    let (resolve, systemd) = (resolver(tree, devices)?, by_systemd(tree)?);
    let mounts = text.lines().filter_map(|line| {
        let fields = Fields::of(line)?;
        let source = source(&fields.source, &fields.options, &resolve)?;
        let on_request = in_force(&fields.options, systemd).contains(&"noauto");
        Some((source, fields.target, on_request)).filter(|(_, target, _)| target.starts_with('/'))
    });
    Ok(mounts.take(MAX_ENTRIES).collect())
}

/// What units of systemd mount of this disk beside what the table tells, as [`mounts`] gives it. Of a unit and a line for
/// one directory the line is taken.
///
/// # Errors
/// What the filesystem reports.
pub fn by_units(tree: &Tree, devices: &Devices) -> Result<Vec<(Source, String)>> {
    let services = Services::open(tree, None)?;
    let Some(units) = services.systemd() else { return Ok(Vec::new()) };
    let told = mounts(tree, devices)?;
    let is_told = |at: &str| told.iter().any(|(_, target, _)| target.trim_end_matches('/') == at);
    let mut units = units.mounts()?;
    units.retain(|unit| !is_told(unit.at.trim_end_matches('/')));
    let source = |unit: &MountUnit| source(&unit.what, &unit.options, &|spec| devices.resolve(spec));
    Ok(units.into_iter().filter_map(|unit| Some((source(&unit)?, unit.at))).collect())
}

fn source<'a>(what: &str, options: &str, resolve: &impl Fn(&str) -> Option<&'a Volume>) -> Option<Source> {
    let option = |name: &str| options.split(',').any(|option| option == name);
    Some(if option("bind") || option("rbind") {
        Source::Path(what.to_owned(), option("rbind"))
    } else {
        Source::Volume(resolve(what)?.name.clone(), subvolume(options))
    })
}

/// The subvolume that mount options name (btrfs(5)). Both words may be there, and name the same one then.
pub fn subvolume(options: &str) -> Option<Subvolume> {
    let value = |name: &str| options.split(',').filter_map(|option| option.strip_prefix(name)).next_back();
    let by_path = value("subvol=").map(|path| Subvolume::Path(path.to_owned()));
    by_path.or_else(|| Some(Subvolume::Id(value("subvolid=")?.parse().ok()?)))
}

/// The same fstab, where all its entries were kept: of a part no rule can say that every mount is in order.
///
/// # Errors
/// `Limit` where there are more.
pub fn whole(fstab: Fstab) -> Result<Fstab> {
    if fstab.entries.len() > MAX_ENTRIES {
        return Err(Error::limit("fstab", format!("{PATH} has more than {MAX_ENTRIES} entries")));
    }
    Ok(fstab)
}

/// What is there where there is no file to read.
fn instead(tree: &Tree) -> Result<Option<String>> {
    let kind = |found: Option<Stat>| found.map(|stat| stat.kind);
    let what = match (kind(optional(tree.stat(PATH))?), kind(optional(tree.stat_link(PATH))?)) {
        (Some(NodeKind::Directory), _) => "a folder",
        (Some(NodeKind::Special), _) => "a device, a socket or a pipe",
        (None, Some(NodeKind::Link)) => "a symbolic link that leads to no file",
        _ => return Ok(None),
    };
    Ok(Some(what.to_owned()))
}

/// The entries of an fstab, pseudo filesystems left out, sources unresolved.
/// `systemd`: it mounts them.
pub fn parse(text: &str, systemd: bool) -> Vec<Mount> {
    let lines = text.lines().zip(1_u32..);
    lines.filter_map(|(line, number)| entry(line, number, systemd)).take(MAX_ENTRIES.saturating_add(1)).collect()
}

/// The fields of a line, unescaped.
struct Fields {
    source: String,
    target: String,
    type_id: String,
    options: String,
}

impl Fields {
    fn of(line: &str) -> Option<Self> {
        let line = line.trim_start();
        if line.starts_with('#') {
            return None;
        }
        let mut fields = line.split([' ', '\t']).filter(|field| !field.is_empty());
        let (source, target) = (OCTAL.undo(fields.next()?), OCTAL.undo(fields.next()?));
        // util-linux takes a line of two fields, too: the type is then found by probing.
        let type_id = OCTAL.undo(fields.next().unwrap_or("auto"));
        let options = OCTAL.undo(fields.next().unwrap_or("defaults"));
        Some(Self { source, target, type_id, options })
    }
}

/// The options that decide, without those that a later one takes back: `ro,rw` is for writing to everyone.
fn in_force(options: &str, systemd: bool) -> Vec<&str> {
    let options: Vec<&str> = options.split(',').collect();
    let last = |words: &[&str]| options.iter().rev().find(|option| words.contains(option)).copied();
    let is_taken_back = |option: &str| {
        OPPOSITES.iter().any(|(word, opposite, by_all)| {
            (*by_all || systemd) && option == *word && last(&[word, opposite]) == Some(*opposite)
        })
    };
    let decides = |option: &&str| DECIDING.contains(option) && !is_taken_back(option);
    options.iter().copied().filter(decides).collect()
}

fn entry(line: &str, number: u32, systemd: bool) -> Option<Mount> {
    let Fields { source, target, type_id, options } = Fields::of(line)?;
    if PSEUDO.contains(&type_id.as_str()) && !source.starts_with("/dev/") {
        return None;
    }
    let options = in_force(&options, systemd).into_iter().map(str::to_owned).collect();
    let (source, target) = (cut(&source, PATH_MAX), cut(&target, PATH_MAX));
    Some(Mount { line: number, source, target, type_id: cut(&type_id, 64), options, volume: None, absent: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn entries_carry_line_names_and_the_options_that_decide() {
        let text = "# /etc/fstab\n\
            UUID=0a1b /            ext4 errors=remount-ro 0 1\n\
            LABEL=a\\040b  /mnt/my\\040disk\txfs  defaults,nofail,_netdev\n\
            proc /proc proc defaults 0 0\n\
            \n\
              tmpfs /tmp tmpfs nosuid\n\
            /swapfile none swap sw 0 0\n\
            /dev/sda9 /data\n\
            broken\n";
        let entries = parse(text, true);
        let shown: Vec<_> =
            entries.iter().map(|m| (m.line, &*m.source, &*m.target, &*m.type_id, m.options.join(","))).collect();
        assert_eq!(
            shown,
            [
                (2, "UUID=0a1b", "/", "ext4", String::new()),
                (3, "LABEL=a b", "/mnt/my disk", "xfs", "nofail,_netdev".into()),
                (7, "/swapfile", "none", "swap", String::new()),
                (8, "/dev/sda9", "/data", "auto", String::new()),
            ]
        );
    }

    /// What systemd-fstab-generator(8) puts into `local-fs.target.requires`; mount(8) `-a` passes `noauto` over.
    #[test]
    fn of_options_that_contradict_each_other_the_last_counts() {
        for (options, by_systemd, by_others) in [
            ("noauto,auto", "", "noauto"),
            ("auto,noauto", "noauto", "noauto"),
            ("nofail,fail", "", "nofail"),
            ("fail,nofail", "nofail", "nofail"),
            ("ro,rw", "", ""),
            ("rw,ro", "ro", "ro"),
            ("ro,noauto,rw,nofail", "noauto,nofail", "noauto,nofail"),
        ] {
            let of = |systemd| parse(&format!("UUID=0a1b /a ext4 {options}\n"), systemd)[0].options.join(",");
            assert_eq!((of(true).as_str(), of(false).as_str()), (by_systemd, by_others), "{options}");
        }
        let text = "UUID=dead /data ext4 noauto,auto 0 0\n";
        let fs = MemoryFs::of_texts(&[("/etc/fstab", text), ("/usr/lib/systemd/system/default.target", "[Unit]\n")]);
        let found = read(&fs.tree(), &Devices::new(&[], None)).unwrap().entries;
        assert!(found[0].options.is_empty(), "{found:?}");
    }

    #[test]
    fn sources_are_resolved_to_volumes_of_the_disk() {
        let volumes = [Volume { name: "p1".into(), uuid: "0a1b".into(), ..Volume::default() }];
        let fs = MemoryFs::of_texts(&[("/etc/fstab", "UUID=0a1b / ext4\nUUID=ffff /a ext4\nUUID=0A1B /b ext4\n")]);
        let found = |fs: MemoryFs| {
            let fstab = read(&fs.tree(), &Devices::new(&volumes, None)).unwrap();
            assert!(fstab.present);
            fstab.entries.into_iter().map(|entry| entry.volume).collect::<Vec<_>>()
        };
        assert_eq!(found(fs.clone()), [Some("p1".to_owned()), None, None]);
        let busybox = fs.file("/bin/busybox", "").link("/bin/mount", "/bin/busybox");
        assert_eq!(found(busybox), [Some("p1".to_owned()), None, Some("p1".to_owned())]);
    }

    #[test]
    fn a_source_that_is_a_file_is_looked_for() {
        let text = "/srv/a.img /a ext4 loop\n/srv/b.img /b ext4 loop\n/run/c /c none bind\n/d/x /x ext4 loop\n/e/x /y xfs\n\
                    //host/z /z cifs\n/dev/vdz1 /w ext4\nUUID=ffff /d ext4\nUUID=0a1b /e ext4\n";
        let tree = MemoryFs::of_texts(&[("/etc/fstab", text), ("/srv/a.img", "")]).tree();
        let volumes = [Volume { name: "p1".into(), uuid: "0a1b".into(), ..Volume::default() }];
        let found = read(&tree, &Devices::new(&volumes, None)).unwrap().entries;
        let absent: Vec<_> = found.iter().filter(|entry| entry.absent).map(|entry| entry.target.as_str()).collect();
        assert_eq!(absent, ["/b", "/y"], "what may come with another disk is not missed");
    }

    #[test]
    fn what_is_no_file_is_said_and_a_long_one_is_read() {
        let devices = Devices { volumes: &[], partitions: &[] };
        for (fs, what) in [
            (MemoryFs::new().dir("/etc/fstab"), "a folder"),
            (MemoryFs::new().special("/etc/fstab"), "a device"),
            (MemoryFs::new().link("/etc/fstab", "fstab"), "a symbolic link that leads to no file"),
            (MemoryFs::new().link("/etc/fstab", "/nowhere"), "a symbolic link that leads to no file"),
        ] {
            let found = read(&fs.tree(), &devices).unwrap();
            assert!(!found.present && found.instead.as_ref().unwrap().starts_with(what), "{found:?}");
        }
        let long = format!("{}/dev/vda1 / ext4\n", "# a comment\n".repeat(25_000));
        assert!(long.len() > 300_000);
        let found = read(&MemoryFs::of_texts(&[("/etc/fstab", &long)]).tree(), &devices).unwrap();
        assert_eq!(found.entries.len(), 1);
    }

    #[test]
    fn no_file_is_a_fact_and_hostile_text_is_cut() {
        let devices = Devices { volumes: &[], partitions: &[] };
        assert_eq!(read(&MemoryFs::new().tree(), &devices).unwrap(), Fstab::default());
        let long = format!("/dev/{} /\\777\u{1b}[2J ext4\n", "x".repeat(100_000));
        let entry = &parse(&long, true)[0];
        assert_eq!(entry.source.len(), PATH_MAX);
        assert!(!entry.target.contains('\u{1b}'));
        let of = |count| {
            whole(Fstab {
                present: true,
                entries: parse(&"a /b ext4\n".repeat(count), true),
                instead: None,
                names_root: false,
            })
        };
        assert_eq!(of(MAX_ENTRIES).unwrap().entries.len(), MAX_ENTRIES);
        assert_eq!(of(9999).unwrap_err().what, "/etc/fstab has more than 256 entries");
    }
}

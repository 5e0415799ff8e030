//! # What it checks
//! That every filesystem `/etc/fstab` demands at boot is in the image, under a name that still holds in the cloud.
//!
//! # Why
//! A required mount that cannot be found stops a Linux in emergency mode: Alibaba Cloud says the instance cannot start.
//! Disks change names on the way: `/dev/sda` and `/dev/nvme0n1` are `/dev/vda` on virtio.
//!
//! # How it is found
//! Each line's source (UUID, LABEL, PARTUUID, PARTLABEL, device-mapper and LVM names, `/dev/disk/by-*`, `/dev/sdX`) is
//! looked up among the partitions and volumes of the image, and so are FreeBSD's (`/dev/gpt`, `/dev/gptid`, `/dev/ufs`,
//! `/dev/ufsid`, `/dev/ada0p2`), as it is spelled: `UUID=0A1B` is not found where `blkid` prints 0a1b. The file of a loop
//! mount is looked for. Not judged: `noauto`, `nofail`, `failok` (of `nofail,fail` systemd takes the last), pseudo filesystems, bind mounts, swap files, removable
//! media, `/dev/root` for the root itself (of Linux the root is what the boot entry says, of FreeBSD what this table does, unless
//! loader.conf has `vfs.root.mountfrom`); nothing at all where the kernel line says `fstab=no` to systemd. While a volume cannot be read, a name that is found nowhere is Unknown. Data disks
//! are searched as well, by what is written on them: in which order a machine has them, and in which slots, is not known.
//!
//! # How to mend it
//! Name filesystems by UUID (`blkid` prints them) and by the type that is there, and add `nofail` to what the system can
//! start without. FreeBSD: by `/dev/gpt/NAME` (`gpart show -l` prints them), with `failok`.

use super::volumes::{filesystem, in_another_case, unknown_content};
use super::{Case, DataDisk, Finding, Grade, Judged, Rule, Verdict, Verifiable, case::known, data_disks, shown};
use crate::guest::linux::device::is_written;
use crate::guest::linux::services::systemd::condition::boolean;
use crate::inspect::facts::{Fstab, Init, Mount, Volume, VolumeClass};

/// LNX-04.
pub const RULE: Rule = Rule {
    id: "LNX-04",
    name: "FstabResolvable",
    code: "FstabInvalid",
    verifiable: Verifiable::Fully,
    structural: false,
    source: include_str!("lnx_04_fstab.rs"),
    check,
};

/// What one line amounts to.
struct Line<'a> {
    grade: Grade,
    mount: &'a Mount,
    what: String,
    fault: Fault,
}

/// The field that is to be changed.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Source,
    Type,
    Both,
}

fn check(case: &Case) -> Judged {
    let fstab = known(case.unix_on_system_disk()?.fstab.as_ref(), "/etc/fstab")?;
    if !fstab.present {
        if case.coreos() {
            return Ok(Verdict::passed("CoreOS mounts without /etc/fstab"));
        }
        let what = fstab.instead.as_ref().map_or_else(
            || "there is no /etc/fstab".to_owned(),
            |instead| format!("/etc/fstab is no file but {instead}"),
        );
        return Ok(Finding::new(format!("{what}; root is found by the kernel command line or by partition type"))
            .remedy(format!("Write /etc/fstab with {}", root_line(case)))
            .fail(Grade::Doubt));
    }
    if let Some(word) = left_alone(case) {
        return Ok(Verdict::passed(format!("the kernel line says {word}: systemd mounts nothing of /etc/fstab")));
    }
    let mut lines: Vec<Line> = fstab.entries.iter().filter_map(|mount| judge(case, fstab, mount)).collect();
    lines.sort_by_key(|line| line.grade);
    let dangling = |line: &Line| line.grade == Grade::Breach && line.mount.volume.is_none() && !line.mount.absent;
    if let Some(unread) = unknown_content(case.facts).filter(|_| lines.iter().any(dangling)) {
        let line = lines.iter().find(|l| dangling(l)).map_or(0, |l| l.mount.line);
        return Ok(Verdict::not_read(format!(
            "line {line}: its source may be on {}, which cannot be read",
            unread.name
        )));
    }
    let open = |line: &Line| if dangling(line) { data_disks::may_hold(case, &line.mount.source) } else { None };
    if let Some((line, place)) = lines.iter().find_map(|line| Some((line, open(line)?)))
        && !lines.iter().any(|line| line.grade == Grade::Breach && open(line).is_none())
    {
        return Ok(Verdict::not_read(format!("line {}: its source may be on {place}", line.mount.line)));
    }
    lines.retain(|line| open(line).is_none());
    let mut finding = Finding::default();
    for line in lines.iter().take(8) {
        let text = format!("{} {} {}", shown(&line.mount.source), shown(&line.mount.target), line.what);
        finding = finding.seen(text, format!("/etc/fstab:{}", line.mount.line));
    }
    let no_root = (!case.coreos() && !fstab.entries.iter().any(|m| m.target == "/"))
        .then(|| "there is no line for /; root is found by the kernel command line or by partition type".to_owned());
    let Some(worst) = lines.first() else {
        return match no_root {
            Some(message) => {
                let remedy = format!("Add to /etc/fstab {}", root_line(case));
                Ok(Finding { message, ..finding }.remedy(remedy).fail(Grade::Doubt))
            }
            None => case.unless_truncated(
                &["fstab.entries"],
                Finding::new(format!("every source that is looked for is in {}", image(case))).pass(),
            ),
        };
    };
    let mut same = lines.iter().filter(|l| l.grade == worst.grade);
    let named = same.by_ref().take(3).map(|l| {
        format!("line {} ({} on {}): {}", l.mount.line, shown(&l.mount.source), shown(&l.mount.target), l.what)
    });
    let mut message = named.collect::<Vec<_>>().join("; ");
    let more = same.count();
    if more > 0 {
        message = format!("{message}; and {more} more");
    }
    // From the last one on: what is removed moves the lines below it.
    let mut mended: Vec<&Line> = lines.iter().filter(|l| l.grade == worst.grade).take(3).collect();
    mended.sort_by_key(|line| std::cmp::Reverse(line.mount.line));
    let remedies: Vec<String> = mended.into_iter().map(|line| remedy(case, line)).collect();
    finding = Finding { message, remedy: Some(remedies.join(" ")), ..finding };
    finding.notes = lines
        .iter()
        .filter(|l| l.grade > worst.grade)
        .take(3)
        .map(|l| (l.grade, format!("line {}: {}", l.mount.line, l.what)))
        .collect();
    finding.notes.extend(no_root.map(|note| (Grade::Doubt, note)));
    Ok(finding.fail(worst.grade))
}

/// The last `fstab=` of the kernel line, where by it systemd leaves the table alone (systemd-fstab-generator(8)).
fn left_alone<'a>(case: &Case<'a>) -> Option<&'a str> {
    let linux = case.linux().ok().filter(|linux| linux.init == Init::Systemd)?;
    let words = linux.boot.as_ref()?.known()?.command_line.split_whitespace();
    let mut said = words.filter_map(|word| Some((word, word.strip_prefix("fstab=")?)));
    said.next_back().filter(|(_, value)| boolean(&value.to_ascii_lowercase()) == Some(false)).map(|(word, _)| word)
}

/// What is wrong with one line; `None` when nothing is, or it is not judged.
fn judge<'a>(case: &Case, fstab: &Fstab, mount: &'a Mount) -> Option<Line<'a>> {
    let has = |option: &str| mount.options.iter().any(|o| o == option);
    let source = mount.source.as_str();
    let swap = mount.type_id == "swap";
    let path = source.starts_with('/') && !source.starts_with("/dev/") && !source.starts_with("//");
    let removable = ["/dev/fd", "/dev/sr", "/dev/cd", "/dev/dvd"].iter().any(|p| source.starts_with(p));
    let optional = ["noauto", "nofail", "failok", "bind", "rbind", "x-systemd.automount"].into_iter().any(has);
    let line = |grade, what: String| Some(Line { grade, mount, what, fault: Fault::Source });
    if path && !optional && mount.absent && is_image(mount) {
        return line(Grade::Breach, "the file is not there".to_owned());
    }
    // What systemd takes for no device: the root that is mounted, whatever it is (Yocto, Buildroot).
    let root = mount.target == "/";
    if optional || path || removable || (root && source == "/dev/root") {
        return None;
    }
    if is_network(mount) {
        return line(Grade::Doubt, "a network mount without nofail".to_owned());
    }
    if let Some((disk, volume)) = on_data_disk(case, mount) {
        let place = data_disks::on(disk, volume);
        let what = typed(mount, volume, &place)?;
        return Some(Line { grade: Grade::Doubt, mount, what, fault: Fault::Type });
    }
    let Some(name) = &mount.volume else {
        let spelled = in_another_case(case.facts, source).map(|volume| {
            format!("differs from the name of {} by capitals and small letters, and is not found", volume.name)
        });
        let nowhere = |what: &str| {
            spelled.clone().unwrap_or_else(|| format!("{what}in no partition or volume of {}", image(case)))
        };
        return match () {
            () if swap => line(Grade::Doubt, nowhere("the swap is ")),
            () if by_hardware(source) && of_system_disk(fstab, mount) => {
                line(Grade::Doubt, "named by the hardware of another machine".to_owned())
            }
            // What is mounted is mounted anew, and not looked for under that name.
            () if root && source.starts_with("/dev/") && !(fstab.names_root && of_freebsd(source)) => {
                line(Grade::Doubt, nowhere(""))
            }
            () if by_hardware(source) => line(Grade::Breach, "named by the hardware of another disk".to_owned()),
            () if by_order(source).is_some_and(|place| (1..=case.data_disks.len()).contains(&place)) => {
                line(Grade::Doubt, "names a data disk by its place among them, which an instance decides".to_owned())
            }
            () if source.starts_with("/dev/") && !is_written(source) && !case.data_disks.is_empty() => {
                line(Grade::Breach, "names a disk by its place, and is not on the system disk".to_owned())
            }
            () => line(Grade::Breach, nowhere("")),
        };
    };
    let volume = case.facts.volumes.iter().find(|v| v.name == *name)?;
    let named = (by_position(source) || by_hardware(source))
        .then(|| "the name of the disk changes with the machine".to_owned());
    let typed = typed(mount, volume, name);
    let fault = match (&named, &typed) {
        (Some(_), Some(_)) => Fault::Both,
        (_, Some(_)) => Fault::Type,
        (_, None) => Fault::Source,
    };
    let what = [named, typed].into_iter().flatten().collect::<Vec<_>>().join(", and ");
    (!what.is_empty()).then_some(Line { grade: Grade::Doubt, mount, what, fault })
}

/// The data disk and the volume that the source of a line is, where it is none of the system disk's.
fn on_data_disk<'a>(case: &Case<'a>, mount: &Mount) -> Option<(&'a DataDisk, &'a Volume)> {
    data_disks::holder(case, &mount.source).filter(|_| mount.volume.is_none())
}

/// Where sources are looked for.
fn image(case: &Case) -> &'static str {
    if case.data_disks.is_empty() { "the image" } else { "the image and its data disks" }
}

/// What a line says of the type, where another is on the volume; `place`: that volume.
fn typed(mount: &Mount, volume: &Volume, place: &str) -> Option<String> {
    let what = || format!("the type is {} here and {} on {place}", shown(&mount.type_id), filesystem(volume));
    (!same_type(&mount.type_id, volume)).then(what)
}

/// Whether a source that is a path is the image of a filesystem, and no directory or swap file.
fn is_image(mount: &Mount) -> bool {
    const ON_DISKS: &[&str] =
        &["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "msdos", "iso9660", "udf", "squashfs", "erofs"];
    mount.options.iter().any(|option| option == "loop") || ON_DISKS.contains(&mount.type_id.as_str())
}

fn is_network(mount: &Mount) -> bool {
    const NETWORK: &[&str] = &[
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "glusterfs",
        "lustre",
        "gfs2",
        "ocfs2",
        "9p",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
    ];
    NETWORK.contains(&mount.type_id.as_str())
        || mount.options.iter().any(|o| o == "_netdev")
        || mount.source.starts_with("//")
        || mount.source.contains(":/")
}

/// Names that count disks: the kernel of another machine counts differently. `/dev/vdX` is what virtio has.
fn by_position(source: &str) -> bool {
    const COUNTED: &[&str] = &["sd", "hd", "xvd", "nvme", "mmcblk", "nbd", "loop", "ada", "da", "nda", "nvd"];
    source.strip_prefix("/dev/").is_some_and(|name| COUNTED.iter().any(|kind| name.starts_with(kind)))
}

/// The place of the disk that a virtio name counts: 0 for `/dev/vda`, the system disk's.
fn by_order(source: &str) -> Option<usize> {
    let letter = source.strip_prefix("/dev/vd")?.bytes().next().filter(u8::is_ascii_lowercase)?;
    letter.checked_sub(b'a').map(usize::from)
}

/// Names of FreeBSD that tell what they are; others may be of mirrors, or encrypted.
fn of_freebsd(source: &str) -> bool {
    const NAMES: &[&str] = &["gpt/", "gptid/", "ufs/", "ufsid/", "vtbd", "ada", "da", "nda", "nvd"];
    let name = source.strip_prefix("/dev/").unwrap_or_default();
    NAMES.iter().any(|start| name.starts_with(start)) && !name.contains('.')
}

/// Names made of a disk's slot or serial number.
fn by_hardware(source: &str) -> bool {
    ["/dev/disk/by-path/", "/dev/disk/by-id/", "/dev/diskid/"].iter().any(|start| source.starts_with(start))
}

/// Whether a hardware name is that of the disk `/` is on.
fn of_system_disk(fstab: &Fstab, mount: &Mount) -> bool {
    let disk = |source: &str| source.rsplit_once("-part").map_or(source, |(disk, _)| disk).to_owned();
    let root = fstab.entries.iter().find(|m| m.target == "/");
    mount.target == "/" || root.is_some_and(|root| disk(&root.source) == disk(&mount.source))
}

/// Whether the driver that a line names mounts what is on the volume.
fn same_type(asked: &str, volume: &Volume) -> bool {
    let found = filesystem(volume);
    // What could not be read, as a logical volume of which a part is missing, has a kind and no filesystem's type.
    found.is_empty()
        || matches!(volume.class, VolumeClass::Unrecognised | VolumeClass::Other)
        || asked.split(',').any(|one| match one {
            "" | "auto" => true,
            "ext4" => matches!(found, "ext4" | "ext3" | "ext2"),
            "ext2fs" => matches!(found, "ext4" | "ext3" | "ext2"),
            "ext3" => found == "ext3",
            "vfat" | "msdos" | "msdosfs" | "fat" => matches!(found, "vfat" | "msdos" | "fat"),
            "ntfs" | "ntfs3" | "ntfs-3g" => found == "ntfs",
            other => other == found,
        })
}

/// The line for / that is missing, as the end of a sentence.
pub(super) fn root_line(case: &Case) -> String {
    if case.freebsd() {
        return "the line `/dev/gpt/NAME / ufs rw 1 1` (`gpart show -l` prints the names).".to_owned();
    }
    match case.root().ok().filter(|volume| !volume.uuid.is_empty()) {
        Some(volume) => {
            format!("the line `UUID={} / {} defaults 0 1`.", shown(&volume.uuid).trim_matches('"'), filesystem(volume))
        }
        None => "a line for / by UUID (`blkid` prints them).".to_owned(),
    }
}

fn remedy(case: &Case, line: &Line) -> String {
    let mount = line.mount;
    let volume = mount.volume.as_ref().and_then(|name| case.facts.volumes.iter().find(|v| v.name == *name));
    let root = || case.root().ok().filter(|_| mount.target == "/");
    let volume = volume.or_else(|| root().filter(|_| case.freebsd()));
    if case.freebsd() {
        return match volume.filter(|v| v.type_id == "ufs" && !v.uuid.is_empty()) {
            Some(ufs) => format!(
                "In line {} of /etc/fstab write /dev/ufsid/{} for the source.",
                mount.line,
                shown(&ufs.uuid).trim_matches('"')
            ),
            None => format!(
                "In line {} of /etc/fstab write /dev/gpt/NAME for the source (`gpart show -l` prints the names), or add the option failok.",
                mount.line
            ),
        };
    }
    let volume = volume.or_else(|| on_data_disk(case, mount).map(|(_, volume)| volume));
    let volume = volume.or_else(|| in_another_case(case.facts, &mount.source)).or_else(root);
    if let Some(volume) = volume.filter(|_| line.fault != Fault::Source) {
        return retyped(line, volume);
    }
    match volume.filter(|v| !v.uuid.is_empty()) {
        Some(volume) => format!(
            "In line {} of /etc/fstab write UUID={} ({}) for the source.",
            mount.line,
            shown(&volume.uuid).trim_matches('"'),
            filesystem(volume)
        ),
        None if mount.target == "/" => {
            format!("In line {} of /etc/fstab name the root (`blkid` prints the UUIDs).", mount.line)
        }
        None => format!(
            "Remove line {} of /etc/fstab, correct its source (`blkid` prints the UUIDs), or add the option nofail.",
            mount.line
        ),
    }
}

/// The remedy of a line whose type is not what is on its volume.
fn retyped(line: &Line, volume: &Volume) -> String {
    let (number, found) = (line.mount.line, filesystem(volume));
    if line.mount.type_id == "swap" {
        return format!(
            "In line {number} of /etc/fstab name a swap partition (`blkid -t TYPE=swap` prints them), or remove the line: {} holds {found}.",
            volume.name
        );
    }
    let uuid = shown(&volume.uuid);
    match line.fault {
        Fault::Both if !volume.uuid.is_empty() => format!(
            "In line {number} of /etc/fstab write UUID={} for the source and {found} for the type.",
            uuid.trim_matches('"')
        ),
        _ => format!("In line {number} of /etc/fstab write {found} for the type."),
    }
}

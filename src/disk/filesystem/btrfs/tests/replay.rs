//! Volumes copied while they were mounted, just after something was synced: what is read of them is what the kernel
//! shows once it has mounted them, which replays the log.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::compare::compare;
use super::source::{self, noise, text};
use super::{btrfs, make, mount, open};
use crate::disk::testkit::{Dice, Mounted, run};

/// A mounted filesystem on which no commit happens but those asked for.
struct Running {
    dir: tempfile::TempDir,
    image: PathBuf,
    mounted: Mounted,
    copies: Vec<PathBuf>,
}

impl Running {
    /// `None` where nothing can be mounted.
    fn new(mkfs: &str, options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let image = make(dir.path(), mkfs, 128 << 20, None);
        let mounted = mount(&image, &format!("commit=300,{options}"))?;
        Some(Self { dir, image, mounted, copies: Vec::new() })
    }

    fn commit(&self) {
        btrfs(&format!("filesystem sync {}", self.mounted.join("").display()));
    }

    /// Keeps a copy of the volume as it is now. True where it has a log.
    fn crash(&mut self) -> bool {
        let copy = self.dir.path().join(format!("crashed-{}", self.copies.len()));
        let [from, to] = [&self.image, &copy].map(|path| path.to_str().unwrap());
        run("coreutils", "cp", &["--sparse=always", from, to]);
        let mut log_root = [0; 8];
        File::open(&copy).unwrap().read_exact_at(&mut log_root, 0x1_0060).unwrap();
        self.copies.push(copy);
        log_root != [0; 8]
    }

    /// Compares each copy with what the kernel makes of it. The number of entries in all of them.
    fn compare(self) -> usize {
        let Self { dir: _dir, mounted, copies, .. } = self;
        drop(mounted);
        copies.iter().map(|copy| reads_as_the_kernel_replays(copy)).sum()
    }
}

fn reads_as_the_kernel_replays(crashed: &Path) -> usize {
    let fs = open(crashed).unwrap_or_else(|error| panic!("{}: {error}", crashed.display()));
    let replayed = crashed.with_extension("replayed");
    run("coreutils", "cp", &["--sparse=always", crashed.to_str().unwrap(), replayed.to_str().unwrap()]);
    // Else an older copy of a filesystem that was seen before is refused.
    btrfs("device scan --forget");
    let mounted = mount(&replayed, "rw").expect("the kernel replays the log");
    let entries = compare(fs.as_ref(), fs.root(), &mounted.join(""));
    drop(mounted);
    fs::remove_file(&replayed).unwrap();
    entries
}

/// Opens and syncs.
fn sync(path: PathBuf) {
    File::open(path).unwrap().sync_all().unwrap();
}

fn write_at(path: PathBuf, at: u64, content: &[u8]) {
    File::options().write(true).create(true).truncate(false).open(path).unwrap().write_all_at(content, at).unwrap();
}

/// What there is before, what happens after the last commit; the latter ends in a sync.
type Case = (&'static str, fn(&Path), fn(&Path));

const CASES: &[Case] = &[
    (
        "a new file",
        |_| {},
        |dir| {
            fs::write(dir.join("new"), text(100_000)).unwrap();
            sync(dir.join("new"));
        },
    ),
    (
        "a new file in a new directory",
        |_| {},
        |dir| {
            fs::create_dir_all(dir.join("a/b")).unwrap();
            fs::write(dir.join("a/b/new"), "inline").unwrap();
            fs::write(dir.join("a/unsynced"), text(9000)).unwrap();
            sync(dir.join("a/b/new"));
        },
    ),
    (
        "appended",
        |dir| fs::write(dir.join("file"), text(50_000)).unwrap(),
        |dir| {
            write_at(dir.join("file"), 50_000, &noise(70_000, 2));
            sync(dir.join("file"));
        },
    ),
    (
        "inline, then long",
        |dir| fs::write(dir.join("file"), "short").unwrap(),
        |dir| {
            write_at(dir.join("file"), 5, &noise(30_000, 2));
            sync(dir.join("file"));
        },
    ),
    (
        "written over in the middle",
        |dir| fs::write(dir.join("file"), text(500_000)).unwrap(),
        |dir| {
            write_at(dir.join("file"), 123_456, &noise(70_000, 2));
            sync(dir.join("file"));
        },
    ),
    (
        "cut",
        |dir| fs::write(dir.join("file"), text(500_000)).unwrap(),
        |dir| {
            File::options().write(true).open(dir.join("file")).unwrap().set_len(123_456).unwrap();
            sync(dir.join("file"));
        },
    ),
    (
        "emptied and written anew",
        |dir| fs::write(dir.join("file"), text(500_000)).unwrap(),
        |dir| {
            fs::write(dir.join("file"), "anew").unwrap();
            sync(dir.join("file"));
        },
    ),
    (
        "renamed",
        |dir| fs::write(dir.join("old"), text(5000)).unwrap(),
        |dir| {
            fs::rename(dir.join("old"), dir.join("new")).unwrap();
            sync(dir.join("new"));
        },
    ),
    (
        "renamed over another, as editors save",
        |dir| fs::write(dir.join("file"), text(5000)).unwrap(),
        |dir| {
            fs::write(dir.join("file.tmp"), text(6000)).unwrap();
            sync(dir.join("file.tmp"));
            fs::rename(dir.join("file.tmp"), dir.join("file")).unwrap();
            sync(dir.join(""));
        },
    ),
    (
        "two names exchanged",
        |dir| {
            fs::write(dir.join("one"), text(5000)).unwrap();
            fs::write(dir.join("two"), text(6000)).unwrap();
        },
        |dir| {
            fs::rename(dir.join("one"), dir.join("third")).unwrap();
            fs::rename(dir.join("two"), dir.join("one")).unwrap();
            fs::rename(dir.join("third"), dir.join("two")).unwrap();
            sync(dir.join("one"));
        },
    ),
    (
        "moved to another directory",
        |dir| {
            fs::create_dir(dir.join("from")).unwrap();
            fs::create_dir(dir.join("to")).unwrap();
            fs::write(dir.join("from/file"), text(5000)).unwrap();
        },
        |dir| {
            fs::rename(dir.join("from/file"), dir.join("to/file")).unwrap();
            sync(dir.join("to/file"));
        },
    ),
    (
        "unlinked, directory synced",
        |dir| {
            fs::create_dir(dir.join("many")).unwrap();
            (0..300).for_each(|n| fs::write(dir.join(format!("many/{n}")), "x").unwrap());
        },
        |dir| {
            (0..300).step_by(3).for_each(|n| fs::remove_file(dir.join(format!("many/{n}"))).unwrap());
            (300..320).for_each(|n| fs::write(dir.join(format!("many/{n}")), "new").unwrap());
            sync(dir.join("many"));
        },
    ),
    (
        "a directory and all in it removed",
        |dir| {
            fs::create_dir_all(dir.join("gone/deep/er")).unwrap();
            fs::write(dir.join("gone/deep/file"), "x").unwrap();
        },
        |dir| {
            fs::remove_dir_all(dir.join("gone")).unwrap();
            sync(dir.join(""));
        },
    ),
    (
        "hard links",
        |dir| {
            fs::create_dir(dir.join("d")).unwrap();
            fs::write(dir.join("one"), text(5000)).unwrap();
            fs::write(dir.join("other"), "other").unwrap();
        },
        |dir| {
            (0..60).for_each(|n| fs::hard_link(dir.join("one"), dir.join(format!("d/link-{n}"))).unwrap());
            fs::hard_link(dir.join("other"), dir.join("d/other")).unwrap();
            sync(dir.join("one"));
        },
    ),
    (
        "more hard links than fit in one item",
        |dir| {
            fs::create_dir(dir.join("d")).unwrap();
            fs::write(dir.join("one"), text(5000)).unwrap();
            let name = |n: usize| dir.join(format!("d/{}-{n}", "n".repeat(200)));
            (0..100).for_each(|n| fs::hard_link(dir.join("one"), name(n)).unwrap());
        },
        |dir| {
            let name = |n: usize| dir.join(format!("d/{}-{n}", "n".repeat(200)));
            (0..100).step_by(7).for_each(|n| fs::remove_file(name(n)).unwrap());
            (100..150).for_each(|n| fs::hard_link(dir.join("one"), name(n)).unwrap());
            write_at(dir.join("one"), 0, b"changed");
            sync(dir.join("one"));
        },
    ),
    (
        "a hard link removed",
        |dir| {
            fs::write(dir.join("one"), text(5000)).unwrap();
            fs::hard_link(dir.join("one"), dir.join("two")).unwrap();
            fs::hard_link(dir.join("one"), dir.join("three")).unwrap();
        },
        |dir| {
            fs::remove_file(dir.join("two")).unwrap();
            write_at(dir.join("one"), 10, b"changed");
            sync(dir.join("one"));
        },
    ),
    (
        "a name given to another file",
        |dir| {
            fs::write(dir.join("one"), text(5000)).unwrap();
            fs::write(dir.join("two"), text(7000)).unwrap();
        },
        |dir| {
            fs::remove_file(dir.join("one")).unwrap();
            fs::hard_link(dir.join("two"), dir.join("one")).unwrap();
            sync(dir.join("one"));
        },
    ),
    (
        "links, pipes, modes, owners and flags",
        |dir| {
            fs::write(dir.join("file"), "x").unwrap();
            fs::write(dir.join("flagged"), "x").unwrap();
        },
        |dir| {
            symlink("t".repeat(700), dir.join("link")).unwrap();
            run("coreutils", "mkfifo", &[dir.join("pipe").to_str().unwrap()]);
            fs::set_permissions(dir.join("file"), Permissions::from_mode(0o4750)).unwrap();
            std::os::unix::fs::chown(dir.join("file"), Some(70_000), Some(3)).unwrap();
            run("e2fsprogs", "chattr", &["+a", dir.join("flagged").to_str().unwrap()]);
            sync(dir.join("file"));
            sync(dir.join("flagged"));
            sync(dir.join(""));
        },
    ),
    (
        "holes and allocations",
        |dir| fs::write(dir.join("file"), text(500_000)).unwrap(),
        |dir| {
            let file = dir.join("file");
            let file = file.to_str().unwrap();
            run("util-linux", "fallocate", &["-p", "-o", "5000", "-l", "90000", file]);
            run("util-linux", "fallocate", &["-o", "480000", "-l", "90000", file]);
            run("util-linux", "fallocate", &["-n", "-o", "600000", "-l", "90000", file]);
            run("util-linux", "fallocate", &["-l", "1M", dir.join("allocated").to_str().unwrap()]);
            write_at(dir.join("allocated"), 300_000, &text(9000));
            sync(dir.join("file"));
            sync(dir.join("allocated"));
        },
    ),
    (
        "cut and grown again",
        |dir| fs::write(dir.join("file"), text(500_000)).unwrap(),
        |dir| {
            let file = File::options().write(true).open(dir.join("file")).unwrap();
            file.set_len(100_001).unwrap();
            file.set_len(400_000).unwrap();
            file.write_all_at(b"end", 399_000).unwrap();
            file.sync_all().unwrap();
        },
    ),
    (
        "shared extents",
        |dir| fs::write(dir.join("file"), text(500_000)).unwrap(),
        |dir| {
            let [from, to] = ["file", "copy"].map(|name| dir.join(name));
            run("coreutils", "cp", &["--reflink=always", from.to_str().unwrap(), to.to_str().unwrap()]);
            write_at(to.clone(), 200_000, &noise(9000, 3));
            sync(to);
            fs::write(dir.join("fresh"), noise(300_000, 4)).unwrap();
            let [from, to] = ["fresh", "fresh-copy"].map(|name| dir.join(name));
            run("coreutils", "cp", &["--reflink=always", from.to_str().unwrap(), to.to_str().unwrap()]);
            sync(to);
        },
    ),
    (
        "a whole tree",
        |dir| source::write(dir, 30),
        |dir| {
            fs::create_dir(dir.join("second")).unwrap();
            source::write(&dir.join("second"), 200);
            run("coreutils", "sync", &[dir.join("second/many/file-7").to_str().unwrap()]);
            for entry in fs::read_dir(dir.join("second")).unwrap().map(|entry| entry.unwrap()) {
                if entry.file_type().unwrap().is_file() {
                    sync(entry.path());
                }
            }
        },
    ),
    (
        "several subvolumes",
        |dir| {
            let at = dir.display();
            btrfs(&format!("subvolume create {at}/@"));
            btrfs(&format!("subvolume create {at}/@/home"));
            fs::write(dir.join("@/file"), text(9000)).unwrap();
            fs::write(dir.join("@/home/file"), text(9000)).unwrap();
            fs::write(dir.join("top"), text(9000)).unwrap();
        },
        |dir| {
            for name in ["@/file", "@/home/file", "top"] {
                write_at(dir.join(name), 4000, b"changed");
                sync(dir.join(name));
            }
            fs::write(dir.join("@/home/new"), text(5000)).unwrap();
            sync(dir.join("@/home/new"));
            fs::rename(dir.join("@/file"), dir.join("@/file2")).unwrap();
            sync(dir.join("@/file2"));
        },
    ),
    (
        "synced more than once",
        |dir| fs::write(dir.join("file"), text(500_000)).unwrap(),
        |dir| {
            for n in 0..20_u64 {
                write_at(dir.join("file"), n * 17_001, &noise(6000, n + 1));
                fs::write(dir.join(format!("file-{n}")), noise(6000, n + 1)).unwrap();
                sync(dir.join("file"));
                if n % 3 == 0 {
                    sync(dir.join(format!("file-{n}")));
                }
            }
        },
    ),
];

const WAYS: [(&str, &str); 5] = [
    ("", ""),
    ("--nodesize 4096 -m single", "compress-force=zstd"),
    ("-O ^no-holes,^extref --csum sha256", ""),
    ("--mixed", "compress=lzo"),
    ("", "nodatacow"),
];

#[test]
fn each_kind_of_change_is_replayed_as_the_kernel_replays_it() {
    let (mut logs, mut all) = (0, 0);
    for (mkfs, options) in WAYS {
        for (what, before, after) in
            CASES.iter().filter(|(what, ..)| !mkfs.contains("^extref") || !what.contains("fit"))
        {
            let Some(mut running) = Running::new(mkfs, options) else { return };
            before(&running.mounted.join(""));
            running.commit();
            after(&running.mounted.join(""));
            let is_logged = running.crash();
            logs += usize::from(is_logged);
            all += 1;
            println!("{mkfs} {options}: {what}, {}", if is_logged { "logged" } else { "committed" });
            running.compare();
        }
    }
    println!("{logs} of {all} had a log");
    assert!(logs * 3 > all * 2, "{logs} of {all} had a log");
}

/// Does anything to any of a few files, over and over, and syncs now and then.
fn roll(dir: &Path, dice: &mut Dice) -> bool {
    let name = |dice: &mut Dice| {
        let folder = ["", "a/", "a/b/", "c/"][usize::try_from(dice.below(4)).unwrap()];
        dir.join(format!("{folder}{}", dice.below(9)))
    };
    let (one, other) = (name(dice), name(dice));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let quietly = |program: &str, args: &[&str]| {
        let _ = std::process::Command::new(program).args(args).stderr(std::process::Stdio::null()).status();
    };
    let (at, len) = (dice.below(200_000), usize::try_from(dice.below(50_000)).unwrap());
    // What cannot be done is not done: a file in the place of a directory, a name that is not there.
    match dice.below(16) {
        0 | 1 if !one.is_dir() => fs::write(&one, noise(len, at + 1)).unwrap(),
        2 if !one.is_dir() && !one.is_symlink() => write_at(one, at, &noise(len, at + 1)),
        3 => drop(fs::remove_file(one)),
        4 => drop(fs::rename(one, other)),
        5 => drop(fs::hard_link(one, other)),
        6 => drop(fs::create_dir(one)),
        7 => drop(fs::remove_dir_all(one)),
        8 => drop(symlink("somewhere", one)),
        9 if one.is_file() => File::options().write(true).open(one).unwrap().set_len(at).unwrap(),
        10 => quietly("fallocate", &["-p", "-o", &at.to_string(), "-l", "30000", &text(&one)]),
        11 => quietly("fallocate", &["-l", &(at + 1).to_string(), &text(&one)]),
        12 => quietly("cp", &["--reflink=always", &text(&one), &text(&other)]),
        13 => drop(fs::set_permissions(one, Permissions::from_mode(u32::try_from(at).unwrap() & 0o777 | 0o400))),
        // Opening a pipe would wait, but there is none.
        _ => {
            return File::open(if dice.below(4) == 0 { dir.join("a") } else { one })
                .is_ok_and(|f| f.sync_all().is_ok());
        }
    }
    false
}

#[test]
fn whatever_was_synced_is_read_as_the_kernel_replays_it() {
    let (mut logs, mut copies, mut entries) = (0, 0, 0);
    for seed in 1..=6_u64 {
        let (mkfs, options) = WAYS[usize::try_from(seed).unwrap() % WAYS.len()];
        let Some(mut running) = Running::new(mkfs, options) else { return };
        let at = running.mounted.join("");
        for folder in ["a/b", "c"] {
            fs::create_dir_all(at.join(folder)).unwrap();
        }
        let mut dice = Dice(seed * 7919);
        for n in 0..400 {
            let is_synced = roll(&at, &mut dice);
            if n % 90 == 60 {
                running.commit();
            }
            if is_synced && dice.below(4) == 0 {
                logs += usize::from(running.crash());
            }
        }
        copies += running.copies.len();
        entries += running.compare();
    }
    println!("{logs} of {copies} copies had a log; {entries} entries");
    assert!(logs > 15, "{logs} of {copies} copies had a log");
}

//! What the kernel writes, where it mounts: fragments, holes, large directories, and logs that were left dirty.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::{Body, Found, PACKAGE, Tree, assert_same, open, tree_of};
use crate::disk::testkit::{Dice, Mounted, run};
use crate::inspect::facts::SignKind;

/// An image mounted by the kernel.
pub(super) fn mount(image: &Path) -> Option<Mounted> {
    Mounted::new("xfs", "", image)
}

fn made(dir: &Path, options: &str) -> PathBuf {
    let image = dir.join("image");
    let _ = fs::remove_file(&image);
    File::create(&image).unwrap().set_len(320 << 20).unwrap();
    let mut args = vec!["-q", "--unsupported"];
    args.extend(options.split_whitespace());
    args.push(image.to_str().unwrap());
    run(PACKAGE, "mkfs.xfs", &args);
    image
}

/// A tree as the kernel shows it.
fn tree_of_directory(path: &Path) -> Tree {
    let mut tree = Tree::new();
    descend(path, String::new(), &mut tree);
    tree
}

fn descend(path: &Path, name: String, tree: &mut Tree) {
    let stat = fs::symlink_metadata(path).unwrap();
    let body = if stat.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            descend(&entry.path(), format!("{name}/{}", String::from_utf8_lossy(entry.file_name().as_bytes())), tree);
        }
        Body::Directory
    } else if stat.is_symlink() {
        Body::Link(String::from_utf8_lossy(fs::read_link(path).unwrap().as_os_str().as_bytes()).into_owned())
    } else if stat.is_file() {
        Body::File(fs::read(path).unwrap())
    } else {
        Body::Special
    };
    tree.insert(name, Found { mode: stat.mode() & 0o7777, uid: stat.uid(), gid: stat.gid(), body });
}

/// Files, directories and links of every form.
fn populate(root: &Path) {
    let at = |path: &str| root.join(path);
    fs::create_dir_all(at("large/directory")).unwrap();
    for number in 0..6000 {
        File::create(at(&format!("large/directory/an-entry-of-some-length-{number}-{}", "x".repeat(number % 60))))
            .unwrap();
    }
    for number in (0..6000).step_by(3) {
        fs::remove_file(at(&format!("large/directory/an-entry-of-some-length-{number}-{}", "x".repeat(number % 60))))
            .unwrap();
    }
    // More extents than the inode holds, and more than one block of the tree.
    let fragments = File::create(at("fragments")).unwrap();
    for number in 0..700_u64 {
        fragments.write_all_at(&number.to_be_bytes().repeat(100), number * 16_384).unwrap();
    }
    for size in [300, 700, 1023] {
        symlink("t".repeat(size), at(&format!("link-{size}"))).unwrap();
    }
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "latin-1").unwrap();
    let words = ["-f", "-c", "falloc 0 400k", "-c", "pwrite -q -S 0x41 8k 20k"];
    run(PACKAGE, "xfs_io", &[&words[..], &[at("reserved").to_str().unwrap()]].concat());
    let words = ["-f", "-c", "pwrite -q -S 0x42 0 1m", "-c", "fpunch 100k 300k", "-c", "truncate 2m"];
    run(PACKAGE, "xfs_io", &[&words[..], &[at("punched").to_str().unwrap()]].concat());
}

/// Makes, renames and removes this and that.
pub(super) fn churn(root: &Path, seed: u64, count: u64) {
    let mut dice = Dice(seed);
    let mut files: Vec<PathBuf> = Vec::new();
    let mut dirs = vec![root.to_owned()];
    for number in 0..count {
        let dir = dirs[dice.below(dirs.len() as u64) as usize].clone();
        let old = (!files.is_empty()).then(|| dice.below(files.len() as u64) as usize);
        let fresh = dir.join(format!("{seed}-{number}"));
        match (dice.below(10), old) {
            (0, _) => {
                fs::create_dir(&fresh).unwrap();
                dirs.push(fresh);
            }
            (1, Some(old)) => fs::remove_file(files.swap_remove(old)).unwrap(),
            (2, Some(old)) => {
                fs::rename(&files[old], &fresh).unwrap();
                files[old] = fresh;
            }
            (3, Some(old)) => {
                let file = File::options().write(true).open(&files[old]).unwrap();
                file.write_all_at(b"more", dice.below(100) * 4096).unwrap();
                if dice.below(4) == 0 {
                    file.sync_all().unwrap();
                }
            }
            (4, _) => symlink("s".repeat(1 + dice.below(900) as usize), &fresh).unwrap(),
            _ => {
                fs::write(&fresh, vec![number as u8; dice.below(9000) as usize]).unwrap();
                files.push(fresh);
            }
        }
    }
}

#[test]
fn what_the_kernel_wrote_is_read() {
    for options in ["", "-b size=1024 -n size=4096", "-m rmapbt=1 -i nrext64=1,size=1024 -n size=16384"] {
        let dir = tempfile::tempdir().unwrap();
        let image = made(dir.path(), options);
        let wanted = {
            let Some(mounted) = mount(&image) else { return };
            populate(mounted.path());
            churn(mounted.path(), 7, 300);
            tree_of_directory(mounted.path())
        };
        assert!(wanted.len() > 4000);
        let fs = open(&image).unwrap();
        assert_same(&tree_of(fs.as_ref()), &wanted, options);
        assert_eq!(fs.signs(), Ok(Vec::new()), "{options}");
    }
}

#[test]
fn flags_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let image = made(dir.path(), "");
    {
        let Some(mounted) = mount(&image) else { return };
        for (name, flags) in [("immutable", "i"), ("append", "a"), ("plain", "")] {
            let file = mounted.path().join(name);
            fs::write(&file, name).unwrap();
            if !flags.is_empty() {
                run(PACKAGE, "xfs_io", &["-r", "-c", &format!("chattr +{flags}"), file.to_str().unwrap()]);
            }
        }
    }
    let fs = open(&image).unwrap();
    let flags = |name| {
        let stat = fs.stat(fs.lookup(fs.root(), name).unwrap()).unwrap();
        (stat.immutable, stat.append_only)
    };
    assert_eq!(flags("immutable"), (true, false));
    assert_eq!(flags("append"), (false, true));
    assert_eq!(flags("plain"), (false, false));
}

/// What the kernel makes of an image, log and all.
fn tree_after_mount(image: &Path, dir: &Path) -> Option<Tree> {
    let copy = dir.join("copy");
    run("coreutils", "cp", &["--sparse=always", image.to_str().unwrap(), copy.to_str().unwrap()]);
    let mounted = mount(&copy)?;
    Some(tree_of_directory(mounted.path()))
}

#[test]
fn a_filesystem_that_was_not_unmounted_is_read_as_the_kernel_would_after_it_replayed_the_log() {
    for (options, before, rounds) in [("-l size=6m", 2000, 4), ("-b size=2048 -i size=1024 -l size=24m", 500, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let image = made(dir.path(), options);
        let stopped = dir.path().join("stopped");
        {
            let Some(mounted) = mount(&image) else { return };
            churn(mounted.path(), 3, before);
            // The log is gone round, and what is in place is of several ages.
            for round in 0..rounds {
                run("coreutils", "sync", &["-f", mounted.path().to_str().unwrap()]);
                churn(mounted.path(), 11 + round, 700);
            }
            run(PACKAGE, "xfs_io", &["-x", "-c", "shutdown -f", mounted.path().to_str().unwrap()]);
        }
        fs::rename(&image, &stopped).unwrap();
        let fs = open(&stopped).unwrap();
        let found = tree_of(fs.as_ref());
        let kinds: Vec<_> = fs.signs().unwrap().iter().map(|sign| sign.kind).collect();
        assert_eq!(kinds, [SignKind::LogNeedsReplay], "{options}");
        let Some(wanted) = tree_after_mount(&stopped, dir.path()) else { return };
        assert!(wanted.len() > 500, "{options}: {}", wanted.len());
        assert_same(&found, &wanted, options);
    }
}

//! Fast commits: after each of many changes the image is copied, and the copy read as the kernel finds it.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use super::dirty::{fsync, kernel, mount};
use super::{open, run, tree};
use crate::disk::testkit::Mounted;
use crate::inspect::facts::SignKind;

/// A change, and what it is.
type Step = (&'static str, Box<dyn Fn(&Mounted)>);

/// Changes, each committed for itself.
fn steps() -> Vec<Step> {
    fn step(name: &'static str, work: impl Fn(&Mounted) + 'static) -> Step {
        (name, Box::new(work))
    }
    let write = |mount: &Mounted, path: &str, at: u64, content: &[u8]| {
        let file = File::options().create(true).truncate(false).write(true).open(mount.join(path)).unwrap();
        file.write_all_at(content, at).unwrap();
        file.sync_all().unwrap();
    };
    vec![
        step("a new file", move |m| write(m, "d/new", 0, &[1; 5000])),
        step("it grows", move |m| write(m, "d/new", 5000, &[2; 50_000])),
        step("another beside it", move |m| write(m, "d/other", 0, &[3; 9000])),
        step("a hole is left", move |m| write(m, "d/other", 200_000, &[4; 9000])),
        step("and is filled", move |m| write(m, "d/other", 100_000, &[5; 30_000])),
        step("an old file is cut", |m| {
            let file = File::options().write(true).open(m.join("d/old-1")).unwrap();
            file.set_len(5000).unwrap();
            file.sync_all().unwrap();
        }),
        step("and grows again", move |m| write(m, "d/old-1", 40_000, &[6; 10])),
        step("renamed", |m| {
            std::fs::rename(m.join("d/old-2"), m.join("d/renamed")).unwrap();
            fsync(&m.join("d/renamed"));
        }),
        step("renamed over another", |m| {
            std::fs::rename(m.join("d/old-3"), m.join("d/old-4")).unwrap();
            fsync(&m.join("d/old-4"));
        }),
        step("a second name", |m| {
            std::fs::hard_link(m.join("d/old-5"), m.join("d/second")).unwrap();
            fsync(&m.join("d/second"));
        }),
        step("the first one goes", |m| {
            std::fs::remove_file(m.join("d/old-5")).unwrap();
            fsync(&m.join("d/second"));
        }),
        step("a file goes", move |m| {
            std::fs::remove_file(m.join("d/old-6")).unwrap();
            write(m, "d/new", 0, &[9; 10]);
        }),
        step("a new directory", |m| {
            std::fs::create_dir(m.join("d/sub")).unwrap();
            let mut file = File::create(m.join("d/sub/file")).unwrap();
            file.write_all(b"in it").unwrap();
            file.sync_all().unwrap();
        }),
        step("a link", |m| {
            symlink("old-7", m.join("d/link")).unwrap();
            symlink("t".repeat(200), m.join("d/long")).unwrap();
            fsync(&m.join("d/old-7"));
        }),
        step("many in pieces", |m| {
            let file = File::create(m.join("d/pieces")).unwrap();
            for n in 0..30 {
                file.write_all_at(&[7; 100], n * 12_000).unwrap();
            }
            file.sync_all().unwrap();
        }),
    ]
}

fn fast_commits(dir: &Path) -> Option<usize> {
    let image = dir.join("image");
    run(
        "mke2fs",
        &["-q", "-F", "-t", "ext4", "-O", "fast_commit", "-E", "lazy_itable_init=0", image.to_str().unwrap(), "32M"],
    );
    let mut compared = 0;
    {
        let mounted = mount(&image, "")?;
        std::fs::create_dir(mounted.join("d")).unwrap();
        for n in 0..10 {
            std::fs::write(mounted.join(&format!("d/old-{n}")), vec![n; 30_000]).unwrap();
        }
        // Everything so far is in whole transactions, without which there is no fast commit.
        run("sync", &[]);
        for (name, step) in steps() {
            step(&mounted);
            let copy = dir.join("copy");
            mounted.copy(&image, &copy);
            let fs = open(&copy).unwrap_or_else(|e| panic!("{name}: {e}"));
            let expected = kernel(&copy)?;
            tree::assert_same(&tree::read(fs.as_ref()), &expected, name);
            let replay =
                fs.signs().unwrap().iter().find(|sign| sign.kind == SignKind::LogNeedsReplay).unwrap().value.clone();
            println!("{name}: {} entries; {replay}", expected.len());
            compared += usize::from(!replay.ends_with(", 0 fast commit records"));
        }
    }
    Some(compared)
}

#[test]
fn what_fast_commits_noted_is_read_as_the_kernel_replays_it() {
    let dir = tempfile::tempdir().unwrap();
    let Some(compared) = fast_commits(dir.path()) else { return };
    println!("{compared} compared");
    // A kernel of its own mind may make whole commits of some.
    assert!(compared >= 5, "{compared} states with fast commits");
}

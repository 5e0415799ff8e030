//! Disks of systems that are laid out in their own way, made by the usual tools, and what every rule says about them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::testkit::{open, run};
use crate::inspect::facts::{Access, Source};
use crate::inspect::inspect;
use crate::report::{Outcome, RuleResult, judge};
use crate::rules::Request;
use crate::source::{Meter, Opened};

const MIB: u64 = 1 << 20;

/// One partition of a GPT, as sgdisk(8) makes it.
pub struct Part {
    pub number: u32,
    pub kind: &'static str,
    pub name: &'static str,
    /// Further options of sgdisk: its UUID, its attributes.
    pub more: Vec<String>,
    pub content: Content,
}

/// What is in it.
pub enum Content {
    Nothing,
    File(PathBuf),
}

/// A disk with these partitions.
pub fn disk(dir: &Path, parts: &[Part]) -> PathBuf {
    let image = dir.join("disk.raw");
    let size = |part: &Part| match &part.content {
        Content::Nothing => MIB,
        Content::File(file) => std::fs::metadata(file).unwrap().len().next_multiple_of(MIB),
    };
    let total: u64 = parts.iter().map(size).sum();
    std::fs::File::create(&image).unwrap().set_len(total + 4 * MIB).unwrap();
    let mut args = vec!["-a".to_owned(), "2048".to_owned()];
    let mut at = MIB;
    for part in parts {
        let (first, last) = (at / 512, (at + size(part)) / 512 - 1);
        args.extend(["-n".into(), format!("{}:{first}:{last}", part.number)]);
        args.extend(["-t".into(), format!("{}:{}", part.number, part.kind)]);
        args.extend(["-c".into(), format!("{}:{}", part.number, part.name)]);
        args.extend(part.more.iter().cloned());
        if let Content::File(file) = &part.content {
            run(
                "coreutils",
                "dd",
                &[
                    &format!("if={}", file.display()),
                    &format!("of={}", image.display()),
                    "bs=1M",
                    &format!("seek={}", at / MIB),
                    "conv=notrunc,sparse",
                    "status=none",
                ],
            );
        }
        at += size(part);
    }
    args.push(image.to_str().unwrap().to_owned());
    run("gdisk", "sgdisk", &args.iter().map(String::as_str).collect::<Vec<_>>());
    image
}

/// Puts a file below a folder.
pub fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Puts a symbolic link below a folder.
pub fn link(root: &Path, path: &str, target: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(target, path).unwrap();
}

/// An ext4 with the files of a folder, without the feature that Alibaba Cloud does not take.
pub fn ext4(dir: &Path, tree: &str, label: &str, mib: u64) -> PathBuf {
    let (image, tree) = (dir.join(format!("{tree}.ext4")), dir.join(tree));
    std::fs::create_dir_all(&tree).unwrap();
    std::fs::File::create(&image).unwrap().set_len(mib * MIB).unwrap();
    let (at, from) = (image.to_str().unwrap(), tree.to_str().unwrap());
    run("e2fsprogs", "mke2fs", &["-q", "-F", "-t", "ext4", "-O", "^64bit,^metadata_csum", "-L", label, "-d", from, at]);
    image
}

/// An EFI system partition with these files beside a loader that grub-mkimage makes.
pub fn esp(dir: &Path, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let (image, loader) = (dir.join("esp.vfat"), dir.join("bootx64.efi"));
    std::fs::File::create(&image).unwrap().set_len(40 * MIB).unwrap();
    let (at, efi) = (image.to_str().unwrap(), loader.to_str().unwrap());
    run("dosfstools", "mkfs.vfat", &["-F", "32", "-n", "EFI-SYSTEM", at]);
    run(
        "grub-common, grub-efi-amd64-bin",
        "grub-mkimage",
        &["-O", "x86_64-efi", "-p", "/", "-o", efi, "part_gpt", "fat"],
    );
    let mut files: Vec<(&str, Vec<u8>)> = files.to_vec();
    files.push(("EFI/BOOT/BOOTX64.EFI", std::fs::read(&loader).unwrap()));
    let mut made = std::collections::BTreeSet::new();
    for (path, content) in files {
        let mut folder = String::new();
        for name in path.split('/').take(path.matches('/').count()) {
            folder = format!("{folder}/{name}");
            if made.insert(folder.clone()) {
                run("mtools", "mmd", &["-i", at, &format!("::{folder}")]);
            }
        }
        let file = dir.join("file");
        std::fs::write(&file, content).unwrap();
        run("mtools", "mcopy", &["-i", at, file.to_str().unwrap(), &format!("::/{path}")]);
    }
    image
}

/// What every rule of a profile says about an image, by catalogue id.
pub fn judged(image: &Path, profile: &str) -> BTreeMap<String, RuleResult> {
    let bytes = open(image);
    let facts = Source { access: Access::Reached, size_bytes: bytes.len(), ..Source::default() };
    let facts = inspect(&Opened { facts, bytes: Some(bytes), meter: Arc::new(Meter::default()) }).unwrap();
    let spec = crate::profiles::get(profile).unwrap().spec;
    let request = Request { url: "disk.raw".into(), ..Request::default() };
    judge(&facts, profile, &spec, &request).rules.into_iter().map(|rule| (rule.id.clone(), rule)).collect()
}

/// Asserts rows of (profile, rule, outcome).
pub fn assert_rows(image: &Path, rows: &[(&str, &str, Outcome)]) {
    let mut reports = BTreeMap::new();
    for (profile, rule, wanted) in rows {
        let report = reports.entry(*profile).or_insert_with(|| judged(image, profile));
        let found = report.get(*rule).unwrap_or_else(|| panic!("{profile} has no {rule}"));
        assert_eq!(found.result, *wanted, "{profile} {rule}: {}", found.message);
    }
}

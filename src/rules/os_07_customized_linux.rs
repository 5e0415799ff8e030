//! # What it checks
//! That an image declared as `Customized Linux` is prepared for it.
//!
//! # Why
//! Alibaba Cloud hands the settings of an instance of `Customized Linux` over in a folder of the first partition, and a
//! script of the image's own has to apply them at boot. (The cloud's page on it, to which its document leads.)
//!
//! # How it is found
//! The first partition holds ext2, ext3, ext4, FAT32 or UFS with the folder `/aliyun_custom_image`, and the disk is larger
//! than 5 GiB. Whether a script applies the settings cannot be seen.
//!
//! # How to mend it
//! In the guest: `mkdir /aliyun_custom_image` on the first partition, and a script at boot that reads the files the cloud
//! puts there. A first partition with another filesystem has to be made anew.

use super::text::GIB;
use super::volumes::filesystem;
use super::{Case, Finding, Grade, Judged, Rule, Verdict, Verifiable};

/// OS-07.
pub const RULE: Rule = Rule {
    id: "OS-07",
    name: "CustomizedLinuxPrepared",
    code: "CustomizedLinux",
    verifiable: Verifiable::Partly,
    structural: false,
    source: include_str!("os_07_customized_linux.rs"),
    check,
};

/// The platform's name in the documents.
const PLATFORM: &str = "Customized Linux";
/// Filesystems the cloud writes to.
const WRITABLE: &[&str] = &["ext2", "ext3", "ext4", "vfat", "ufs"];
/// The disk has to be larger.
const LARGER_THAN: u64 = 5 * GIB;

fn check(case: &Case) -> Judged {
    if case.custom_platform().is_none_or(|platform| platform != PLATFORM) {
        return Ok(Verdict::not_applicable(format!("not declared as {PLATFORM}")));
    }
    let container = case.disk()?;
    case.table()?;
    let Some(first) = case.facts.volumes.iter().find(|volume| volume.partition.is_some()) else {
        return Ok(Verdict::not_applicable("there is no partition: see PartitionTablePresent"));
    };
    let found = filesystem(first);
    let mut wrong = Vec::new();
    if WRITABLE.contains(&found) {
        match case.guest()?.custom_folder {
            Some(true) => {}
            Some(false) => wrong.push(format!("there is no folder /aliyun_custom_image on {}", first.name)),
            None => return Ok(Verdict::missing(format!("the folders of {} were not looked at", first.name))),
        }
    } else {
        let found = if found.is_empty() { "nothing that is known" } else { found };
        wrong.push(format!("the first partition ({}) holds {found}", first.name));
    }
    if container.virtual_size_bytes.is_some_and(|size| size <= LARGER_THAN) {
        wrong.push("the disk is not larger than 5 GiB".to_owned());
    }
    let finding = Finding::default().seen(found, first.name.clone());
    if wrong.is_empty() {
        let message = "the first partition is prepared; whether a script applies what the cloud puts there is not seen";
        return Ok(Finding { message: message.to_owned(), ..finding }.pass());
    }
    Ok(Finding { message: wrong.join("; "), ..finding }.fail(Grade::Doubt))
}

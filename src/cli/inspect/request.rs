//! Flags to what rules read: the request, the profiles, the waivers.

use super::{Args, Refused, exit};
use crate::api::{Addressing, ImportProfile, SYSTEM_DISK, Waiver};
use crate::profiles;
use crate::rules::{self, Request};
use crate::source::link;

/// What the user asks of the image.
pub fn request(args: &Args) -> Request {
    Request {
        url: crate::source::redacted(&args.target),
        link: link::signed(&args.target),
        bucket_region: args.region.clone(),
        image_region: args.image_region.clone(),
        format: args.format.as_ref().map(|f| f.to_uppercase()),
        image_name: args.image_name.clone(),
        description: args.description.clone(),
        os_type: args.os_type,
        platform: args.platform.clone(),
        architecture: args.architecture,
        system_disk_size_gib: args.system_disk_size_gib,
        force: args.force,
        acknowledgements: args.acknowledgements.clone(),
        waivers: args.waivers.clone(),
        now: jiff::Timestamp::now(),
    }
}

/// The profiles that are named, or every built-in one.
pub fn profiles(names: &[String]) -> Result<Vec<ImportProfile>, Refused> {
    if names.is_empty() {
        return Ok(profiles::built_in());
    }
    names.iter().map(|name| profile(name)).collect()
}

fn profile(name: &str) -> Result<ImportProfile, Refused> {
    if let Some(profile) = profiles::get(name) {
        return Ok(profile);
    }
    let wrong = |why: String| Refused::new(exit::USAGE, why);
    let Ok(text) = std::fs::read_to_string(name) else {
        let known: Vec<&str> = profiles::PROFILES.iter().map(|p| p.name).collect();
        return Err(wrong(format!("no profile {name:?}: built in are {}; a file may be named too", known.join(", "))));
    };
    profiles::parse(name, &text).map_err(wrong)
}

/// A data disk as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDiskArg {
    /// Its name in the import.
    pub name: String,
    /// Size of the disk that instances get, in GiB.
    pub size_gib: Option<i32>,
    /// A file, or an address.
    pub target: String,
}

/// `NAME=TARGET` or `NAME:GIB=TARGET`.
pub fn data_disk(text: &str) -> Result<DataDiskArg, String> {
    let (name, target) = text.split_once('=').filter(|(_, target)| !target.is_empty()).ok_or("NAME=TARGET")?;
    let (name, size) = name.split_once(':').map_or((name, None), |(name, size)| (name, Some(size)));
    let size_gib =
        size.map(|size| size.parse().ok().filter(|gib| *gib > 0).ok_or("NAME:GIB=TARGET, GIB a whole number"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 32 || name == SYSTEM_DISK || !name.chars().all(plain) {
        return Err(format!(
            "{name:?} is no name of a data disk: at most 32 of a-z, 0-9 and -, other than {SYSTEM_DISK}"
        ));
    }
    Ok(DataDiskArg { name: name.to_owned(), size_gib: size_gib.transpose()?, target: target.to_owned() })
}

/// Names that stand twice.
pub fn check_data_disks(disks: &[DataDiskArg]) -> Result<(), Refused> {
    let twice = disks.iter().enumerate().find(|(at, disk)| disks.iter().take(*at).any(|other| other.name == disk.name));
    twice.map_or(Ok(()), |(_, disk)| Err(Refused::new(exit::USAGE, format!("two data disks are called {}", disk.name))))
}

/// `RULE=WHY`, the rule by its name or catalogue id.
pub fn waiver(text: &str) -> Result<Waiver, String> {
    let (rule, why) = text.split_once('=').filter(|(_, why)| !why.trim().is_empty()).ok_or("say why: RULE=WHY")?;
    let rule = rules::waivable(rule)?;
    Ok(Waiver { rule: rule.name.to_owned(), justification: why.trim().to_owned(), expiration_time: None })
}

/// `VirtualHosted` or `Path`, in any case.
pub fn addressing(text: &str) -> Result<Addressing, String> {
    match text.to_lowercase().as_str() {
        "virtualhosted" => Ok(Addressing::VirtualHosted),
        "path" => Ok(Addressing::Path),
        _ => Err("VirtualHosted or Path".to_owned()),
    }
}

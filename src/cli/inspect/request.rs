//! Flags to what rules read: the request, the profiles, the waivers.

use super::{Args, Refused, exit};
use crate::api::{Addressing, ImportProfile, Waiver};
use crate::profiles;
use crate::rules::{self, Request};

/// What the user asks of the image.
pub fn request(args: &Args) -> Request {
    Request {
        url: crate::source::redacted(&args.target),
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

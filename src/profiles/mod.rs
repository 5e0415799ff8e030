//! The clouds' published rules, as YAML in the binary.

mod check;
pub mod docs;
mod file;

use kube::ResourceExt;

use crate::api::ImportProfile;

pub use check::{MAX_RULES, Problem, problem};
pub use file::parse;

/// Label of the built-in profiles: the chart's admission policy lets nobody but the operator change what has it.
pub const BUILT_IN: &str = "imageimport.dev/built-in";

#[cfg(test)]
mod tests;

/// A profile that comes with the program.
pub struct Builtin {
    /// Its name: `tencent-cvm`.
    pub name: &'static str,
    /// The `ImportProfile`, as it can be applied to a cluster.
    pub yaml: &'static str,
}

/// Every built-in profile. To add one: a file here and a line in this slice.
pub const PROFILES: &[Builtin] = &[
    Builtin { name: "tencent-cvm", yaml: include_str!("tencent-cvm.yaml") },
    Builtin { name: "alibaba-ecs-2020-12", yaml: include_str!("alibaba-ecs-2020-12.yaml") },
    Builtin { name: "alibaba-ecs-2018-12", yaml: include_str!("alibaba-ecs-2018-12.yaml") },
    Builtin { name: "alibaba-ecs-2018-06", yaml: include_str!("alibaba-ecs-2018-06.yaml") },
];

impl Builtin {
    /// The profile as an object.
    ///
    /// # Errors
    /// When the YAML is not an `ImportProfile`: a defect of the program, which a test rules out.
    pub fn parse(&self) -> Result<ImportProfile, serde_yaml::Error> {
        let mut profile: ImportProfile = serde_yaml::from_str(self.yaml)?;
        profile.labels_mut().insert(BUILT_IN.to_owned(), "true".to_owned());
        Ok(profile)
    }
}

/// Every built-in profile, in the order of [`PROFILES`].
pub fn built_in() -> Vec<ImportProfile> {
    PROFILES.iter().filter_map(|profile| profile.parse().ok()).collect()
}

/// The built-in profile of that name.
pub fn get(name: &str) -> Option<ImportProfile> {
    PROFILES.iter().find(|profile| profile.name == name)?.parse().ok()
}

//! SELinux: its file, the kernel line, and whether the default kernel has it on.

use super::{PATH_MAX, cut, image, optional};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::{Kernel, SeLinux, SeLinuxMode, SecurityModule};

const CONFIG: &str = "/etc/selinux/config";
const RELABEL: &str = "/.autorelabel";
const KERNEL_LINE: &str = "kernel command line";
/// Largest file and kernel configuration that are read.
const MAX_BYTES: usize = 64 * 1024;
const MAX_CONFIG: usize = 4 << 20;
/// Modules of which a kernel starts one only, the first of its list (`LSM_FLAG_EXCLUSIVE` in Linux).
const EXCLUSIVE: &[&str] = &["selinux", "apparmor", "smack"];

/// Reads it. `command_line` is the default entry's, where it is known, and `kernel` what that starts.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree, command_line: Option<&str>, kernel: Option<&Kernel>) -> Result<SeLinux> {
    let line = command_line.unwrap_or_default();
    let text = optional(tree.read_text(CONFIG, MAX_BYTES))?;
    let (mode, place) = mode(text.as_deref(), line);
    let mut found = SeLinux { mode, place, ..SeLinux::default() };
    // What is off anyway needs no kernel to be.
    if mode == SeLinuxMode::Disabled {
        return Ok(found);
    }
    found.autorelabel = tree.exists(RELABEL)?;
    let config = match kernel.filter(|kernel| kernel.default) {
        Some(kernel) => kernel_config(tree, kernel)?,
        None => None,
    };
    let (text, place) = config.unwrap_or_default();
    (found.module, found.because) = module(&text, &place, line);
    Ok(found)
}

/// What the file and the kernel line make it, as libselinux's `selinux_init_load_policy` reads them: `disabled` in the file
/// holds against the line; otherwise `enforcing=` counts, then the file, and without either it is permissive.
fn mode(text: Option<&str>, line: &str) -> (SeLinuxMode, String) {
    // Without its file there is no policy that could be loaded.
    let Some(text) = text else { return (SeLinuxMode::Disabled, String::new()) };
    let in_file = from_file(text);
    if let Some((SeLinuxMode::Disabled, number)) = in_file {
        return (SeLinuxMode::Disabled, format!("{CONFIG}:{number}"));
    }
    if let Some(word) = line.split_whitespace().find(|word| word.starts_with("enforcing=")) {
        let on = word.strip_prefix("enforcing=").is_some_and(|n| n.starts_with(|c: char| ('1'..='9').contains(&c)));
        let mode = if on { SeLinuxMode::Enforcing } else { SeLinuxMode::Permissive };
        return (mode, format!("{KERNEL_LINE}: {}", cut(word, 32)));
    }
    in_file.map_or((SeLinuxMode::Permissive, CONFIG.to_owned()), |(mode, line)| (mode, format!("{CONFIG}:{line}")))
}

/// `SELINUX=` of its file, as libselinux's `selinux_getenforcemode` finds it: at the very start of a line, the first that
/// names a mode, whatever follows the word.
fn from_file(text: &str) -> Option<(SeLinuxMode, u32)> {
    text.lines().zip(1_u32..).find_map(|(line, number)| {
        let value = line.strip_prefix("SELINUX=")?.trim_start().to_ascii_lowercase();
        let modes = [
            ("enforcing", SeLinuxMode::Enforcing),
            ("permissive", SeLinuxMode::Permissive),
            ("disabled", SeLinuxMode::Disabled),
        ];
        modes.into_iter().find(|(word, _)| value.starts_with(word)).map(|(_, mode)| (mode, number))
    })
}

/// The configuration of a kernel, and where it was found.
fn kernel_config(tree: &Tree, kernel: &Kernel) -> Result<Option<(String, String)>> {
    let Some(place) = kernel.config.as_deref() else { return Ok(None) };
    if place.ends_with("(IKCONFIG)") {
        let inside = image::config(tree, &kernel.path)?;
        return Ok(inside.map(|text| (text, place.to_owned())));
    }
    if place.contains("/modules.") {
        return Ok(None);
    }
    Ok(optional(tree.read_text(place, MAX_CONFIG))?.map(|text| (text, place.to_owned())))
}

/// Whether the kernel has the module on, and what says so (Linux, `security/security.c`, `kernel-parameters.txt`).
fn module(config: &str, place: &str, line: &str) -> (SecurityModule, String) {
    let last = |key: &str| line.split_whitespace().rfind(|word| word.starts_with(key));
    let told = |word: &str| format!("{KERNEL_LINE}: {}", cut(word, 96));
    let on_if = |is: bool| if is { SecurityModule::On } else { SecurityModule::Off };
    let switch = last("selinux=");
    if let Some(word) = switch.filter(|word| *word == "selinux=0") {
        return (SecurityModule::Off, told(word));
    }
    let setting = |key: &str| config.lines().find(|l| l.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')));
    let says = |line: &str| cut(&format!("{line} in {place}"), PATH_MAX);
    let switched_off = last("apparmor=").filter(|word| *word == "apparmor=0");
    let chosen = |names: &str, because: String| match (first_exclusive(names, false), switched_off) {
        // What is switched off does not take the place.
        (false, Some(word)) if first_exclusive(names, true) => (SecurityModule::On, told(word)),
        (first, _) => (on_if(first), because),
    };
    if !config.is_empty() && setting("CONFIG_SECURITY_SELINUX") != Some("CONFIG_SECURITY_SELINUX=y") {
        return (SecurityModule::Off, says("no CONFIG_SECURITY_SELINUX=y"));
    }
    if let Some(word) = last("lsm=") {
        return chosen(word.trim_start_matches("lsm="), told(word));
    }
    if let Some(word) = last("security=") {
        return (on_if(word == "security=selinux"), told(word));
    }
    if config.is_empty() {
        return match switch {
            Some(word) if word == "selinux=1" => (SecurityModule::Unknown, told(word)),
            _ => (SecurityModule::Unknown, String::new()),
        };
    }
    if let Some(list) = setting("CONFIG_LSM") {
        let names = list.trim_start_matches("CONFIG_LSM=").trim_matches('"');
        return chosen(names, says(list));
    }
    if let Some(default) = setting("CONFIG_DEFAULT_SECURITY") {
        return (on_if(default.ends_with("\"selinux\"")), says(default));
    }
    // Before 2.6.37 it was on unless its own default said otherwise.
    let off = setting("CONFIG_SECURITY_SELINUX_BOOTPARAM_VALUE").filter(|l| l.ends_with("=0"));
    match (off, switch) {
        (Some(off), None) => (SecurityModule::Off, says(off)),
        (_, Some(word)) => (SecurityModule::On, told(word)),
        (None, None) => (SecurityModule::On, says("CONFIG_SECURITY_SELINUX=y")),
    }
}

/// Whether SELinux is the first of them; AppArmor may be switched off.
fn first_exclusive(names: &str, no_apparmor: bool) -> bool {
    let on = |name: &&str| EXCLUSIVE.contains(name) && !(no_apparmor && *name == "apparmor");
    names.split(',').find(on) == Some("selinux")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    fn told(text: &str, line: &str) -> SeLinuxMode {
        mode(Some(text), line).0
    }

    #[test]
    fn the_first_line_that_names_a_mode_counts() {
        use SeLinuxMode::{Disabled, Enforcing, Permissive};
        for (text, wanted) in [
            ("# SELINUX= can take one of\nSELINUX=enforcing\nSELINUXTYPE=targeted\n", Enforcing),
            ("SELINUX=disabled\nSELINUX=enforcing\n", Disabled),
            ("SELINUX=enforcing # set by hand\n", Enforcing),
            ("SELINUX=  Permissive\n", Permissive),
            ("SELINUX=on\nSELINUX=enforcing\n", Enforcing),
            (" SELINUX=enforcing\n#SELINUX=enforcing\nSELINUX = enforcing\n", Permissive),
            ("SELINUXTYPE=targeted\n", Permissive),
        ] {
            assert_eq!(told(text, ""), wanted, "{text}");
        }
        assert_eq!(mode(Some("\nSELINUX=enforcing\n"), "").1, "/etc/selinux/config:2");
        assert_eq!(mode(None, "enforcing=1").0, Disabled, "no file, no policy");
    }

    #[test]
    fn the_kernel_line_comes_before_the_file_but_not_before_disabled() {
        use SeLinuxMode::{Disabled, Enforcing, Permissive};
        assert_eq!(told("SELINUX=enforcing\n", "ro enforcing=0"), Permissive);
        assert_eq!(told("SELINUX=permissive\n", "ro enforcing=1"), Enforcing);
        assert_eq!(told("SELINUX=disabled\n", "ro enforcing=1"), Disabled);
        assert_eq!(told("SELINUX=permissive\n", "ro xenforcing=1"), Permissive);
        assert_eq!(mode(Some("SELINUX=enforcing\n"), "enforcing=0").1, "kernel command line: enforcing=0");
    }

    #[test]
    fn the_module_is_on_where_the_kernel_chooses_it() {
        use SecurityModule::{Off, On, Unknown};
        const EL9: &str = "CONFIG_SECURITY_SELINUX=y\nCONFIG_LSM=\"lockdown,yama,integrity,selinux,bpf\"\n";
        const DEBIAN: &str = "CONFIG_SECURITY_SELINUX=y\nCONFIG_LSM=\"landlock,lockdown,yama,integrity,apparmor,selinux,smack,tomoyo\"\n";
        const EL7: &str = "CONFIG_SECURITY_SELINUX=y\nCONFIG_DEFAULT_SECURITY=\"selinux\"\n";
        const UBUNTU: &str = "CONFIG_SECURITY_SELINUX=y\nCONFIG_DEFAULT_SECURITY=\"apparmor\"\n";
        const WHEEZY: &str = "CONFIG_SECURITY_SELINUX=y\nCONFIG_SECURITY_SELINUX_BOOTPARAM_VALUE=0\n";
        for (config, line, wanted) in [
            (EL9, "ro", On),
            (EL9, "selinux=0", Off),
            (EL9, "selinux=0 selinux=1", On),
            (EL9, "lsm=apparmor,selinux", Off),
            (EL9, "security=apparmor", Off),
            (DEBIAN, "ro", Off),
            (DEBIAN, "security=selinux", On),
            (DEBIAN, "lsm=lockdown,selinux", On),
            (DEBIAN, "ro apparmor=0", On),
            (DEBIAN, "apparmor=0 apparmor=1", Off),
            (DEBIAN, "apparmor=0 selinux=0", Off),
            (DEBIAN, "apparmor=0 lsm=apparmor,selinux", On),
            (DEBIAN, "apparmor=0 lsm=smack,selinux", Off),
            (DEBIAN, "apparmor=0 security=apparmor", Off),
            (UBUNTU, "apparmor=0", Off),
            (EL7, "ro", On),
            (UBUNTU, "ro", Off),
            (UBUNTU, "security=selinux selinux=1", On),
            (WHEEZY, "ro", Off),
            (WHEEZY, "selinux=1", On),
            ("CONFIG_SECURITY_SELINUX=y\n", "ro", On),
            ("# CONFIG_SECURITY_SELINUX is not set\n", "security=selinux", Off),
            ("", "ro", Unknown),
            ("", "selinux=0", Off),
        ] {
            assert_eq!(module(config, "/boot/config", line).0, wanted, "{config} {line}");
        }
        assert_eq!(module(DEBIAN, "/boot/config-1", "apparmor=0").1, "kernel command line: apparmor=0");
        assert_eq!(module(UBUNTU, "/boot/config-1", "").1, "CONFIG_DEFAULT_SECURITY=\"apparmor\" in /boot/config-1");
    }

    #[test]
    fn the_default_kernel_is_asked_only_where_it_matters() {
        let kernel = Kernel { default: true, config: Some("/boot/config-1".into()), ..Kernel::default() };
        let fs = MemoryFs::of_texts(&[
            ("/boot/config-1", "CONFIG_SECURITY_SELINUX=y\nCONFIG_LSM=\"selinux\"\n"),
            (CONFIG, "SELINUX=enforcing\n"),
            (RELABEL, ""),
        ]);
        let found = read(&fs.clone().tree(), Some("ro"), Some(&kernel)).unwrap();
        assert_eq!((found.mode, found.module, found.autorelabel), (SeLinuxMode::Enforcing, SecurityModule::On, true));
        let found = read(&fs.tree(), None, None).unwrap();
        assert_eq!((found.mode, found.module), (SeLinuxMode::Enforcing, SecurityModule::Unknown));
        let off = read(&MemoryFs::new().tree(), None, Some(&kernel)).unwrap();
        assert_eq!((off.mode, off.place.as_str()), (SeLinuxMode::Disabled, ""));
    }
}

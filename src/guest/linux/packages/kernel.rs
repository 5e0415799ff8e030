//! The package that a kernel came in.

#[cfg(test)]
mod tests;

use super::{Manager, Package, Packages, dpkg, real_place};
use crate::disk::Result;
use crate::guest::Tree;
use crate::inspect::facts::{Kernel, KernelPackage};

/// How packages of dpkg that hold a kernel are called before its release, and what may follow it.
const DPKG: &[&str] =
    &["linux-image-unsigned-", "linux-signed-image-", "linux-image-", "pve-kernel-", "proxmox-kernel-"];
const DPKG_ENDS: &[&str] = &["", "-signed", "-unsigned", "-dbg"];

/// Most lists that are read for it.
const MAX_LISTS: usize = 32;

/// The package of that kernel; `None` where no package has it.
///
/// # Errors
/// What the filesystem reports.
pub fn package(tree: &Tree, packages: &Packages, kernel: &Kernel) -> Result<Option<KernelPackage>> {
    let found = match packages.manager {
        Manager::Dpkg => of_dpkg(tree, packages, kernel)?,
        Manager::Rpm | Manager::Apk => owner(tree, packages, kernel)?.or_else(|| of_rpm(packages, &kernel.version)),
    };
    Ok(found.map(|package| KernelPackage {
        name: package.name.clone(),
        version: package.version.clone(),
        vendor: if package.vendor.is_empty() { package.packager.clone() } else { package.vendor.clone() },
        // rpm's is a file name, and its vendor tells more.
        source: match packages.manager {
            Manager::Dpkg | Manager::Apk if package.source != package.name => package.source.clone(),
            _ => String::new(),
        },
    }))
}

/// The package that has the image, and where none does the one that is named after its release.
fn of_dpkg<'p>(tree: &Tree, packages: &'p Packages, kernel: &Kernel) -> Result<Option<&'p Package>> {
    let named = packages.installed.iter().find(|package| is_named(package, &kernel.version));
    let real = tree.resolve(&kernel.path).unwrap_or_default();
    // Lists of a kernel's files are long: the one that most likely has it comes first.
    let others = packages.installed.iter().filter(|package| {
        DPKG.iter().any(|start| package.name.starts_with(start)) && named.is_none_or(|named| named.name != package.name)
    });
    for package in named.into_iter().chain(others).take(MAX_LISTS) {
        if dpkg::has(tree, package, &real)? {
            return Ok(Some(package));
        }
    }
    Ok(named)
}

fn is_named(package: &Package, release: &str) -> bool {
    let ends = DPKG.iter().filter_map(|start| package.name.strip_prefix(start)?.strip_prefix(release));
    !release.is_empty() && ends.into_iter().any(|end| DPKG_ENDS.contains(&end))
}

/// The owner of the image, which newer packages keep beside the modules.
fn owner<'p>(tree: &Tree, packages: &'p Packages, kernel: &Kernel) -> Result<Option<&'p Package>> {
    let beside = format!("/lib/modules/{}/vmlinuz", kernel.version);
    for path in [kernel.path.as_str(), &beside] {
        let mut at = path.to_owned();
        if let Ok(real) = tree.resolve(path) {
            at = real;
        }
        for path in [path, &at] {
            if let Some(real) = real_place(tree, path)?
                && let Some((package, _)) = packages.owners(tree, &real)?.first()
            {
                return Ok(Some(package));
            }
        }
    }
    Ok(None)
}

/// A release is the version of its package with the architecture: `5.14.0-362.8.1.el9_3.x86_64`.
fn of_rpm<'p>(packages: &'p Packages, release: &str) -> Option<&'p Package> {
    packages.installed.iter().find(|package| {
        package.name.starts_with("kernel") && release == format!("{}.{}", package.version, package.architecture)
    })
}

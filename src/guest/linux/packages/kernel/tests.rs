use super::super::{Is, Owned};
use super::*;
use crate::guest::testing::MemoryFs;

fn packages(manager: Manager, installed: Vec<Package>) -> Packages {
    Packages { manager, format: "", path: String::new(), installed }
}

fn named(name: &str) -> Package {
    Package { name: name.to_owned(), ..Package::default() }
}

fn of(tree: &Tree, packages: &Packages, version: &str) -> Option<String> {
    let path = format!("/boot/vmlinuz-{version}");
    let kernel = Kernel { version: version.to_owned(), path, ..Kernel::default() };
    package(tree, packages, &kernel).unwrap().map(|found| found.name)
}

#[test]
fn packages_of_debian_carry_the_release_in_their_name() {
    let tree = MemoryFs::new().tree();
    let found = |name: &str, release| of(&tree, &packages(Manager::Dpkg, vec![named(name)]), release);
    for name in ["linux-image-6.1.0-18-amd64", "linux-image-unsigned-6.1.0-18-amd64", "pve-kernel-6.1.0-18-amd64"] {
        assert_eq!(found(name, "6.1.0-18-amd64").as_deref(), Some(name));
    }
    assert!(found("proxmox-kernel-6.8.4-2-pve-signed", "6.8.4-2-pve").is_some());
    for name in ["linux-image-amd64", "linux-image-6.1.0-18-amd64-extra", "linux-image-6.1.0-1"] {
        assert_eq!(found(name, "6.1.0-18-amd64"), None, "{name}");
    }
    assert_eq!(found("linux-image-", ""), None);
}

#[test]
fn the_package_of_debian_that_has_the_file_counts_before_the_one_of_its_release() {
    let both =
        packages(Manager::Dpkg, vec![named("linux-image-6.1"), named("linux-image-6.1-own"), named("linux-headers")]);
    let list = |name: &str| format!("/var/lib/dpkg/info/{name}.list");
    let with = |owner: &str| {
        let text = "/.\n/boot\n/boot/vmlinuz-6.1\n";
        MemoryFs::new().file("/boot/vmlinuz-6.1", "").file(&list(owner), text)
    };
    for (owner, wanted) in [
        ("linux-image-6.1", "linux-image-6.1"),
        ("linux-image-6.1-own", "linux-image-6.1-own"),
        ("bash", "linux-image-6.1"),
    ] {
        assert_eq!(of(&with(owner).tree(), &both, "6.1").as_deref(), Some(wanted), "{owner}");
    }
    let empty = with("linux-image-6.1-own").file(&list("linux-image-6.1"), "/.\n/boot\n");
    assert_eq!(of(&empty.tree(), &both, "6.1").as_deref(), Some("linux-image-6.1-own"));
}

#[test]
fn packages_of_rpm_own_the_image_or_the_one_beside_the_modules() {
    let owning = |path: &str| {
        let files = vec![Owned { path: path.to_owned(), is: Is::Unsaid }];
        packages(Manager::Rpm, vec![Package { files, ..named("kernel-core") }])
    };
    let fs = MemoryFs::new().file("/boot/vmlinuz-5.14", "x").dir("/usr/lib/modules/5.14").link("/lib", "usr/lib");
    let tree = fs.tree();
    assert!(of(&tree, &owning("/boot/vmlinuz-5.14"), "5.14").is_some());
    assert!(of(&tree, &owning("/lib/modules/5.14/vmlinuz"), "5.14").is_some());
    assert_eq!(of(&tree, &owning("/boot/vmlinuz-5.10"), "5.14"), None);
    let linked = MemoryFs::new().file("/usr/lib/modules/6/vmlinuz", "").link("/lib", "usr/lib");
    let tree = linked.link("/boot/vmlinuz-6", "../usr/lib/modules/6/vmlinuz").tree();
    assert!(of(&tree, &owning("/usr/lib/modules/6/vmlinuz"), "6").is_some(), "a link into the modules (openSUSE)");
}

#[test]
fn the_release_of_an_rpm_kernel_is_its_version() {
    let kernel = Package { version: "3.10.0-1160.el7".into(), architecture: "x86_64".into(), ..named("kernel") };
    let tree = MemoryFs::new().tree();
    let packages = packages(Manager::Rpm, vec![kernel]);
    assert!(of(&tree, &packages, "3.10.0-1160.el7.x86_64").is_some());
    assert_eq!(of(&tree, &packages, "3.10.0-1161.el7.x86_64"), None);
}

#[test]
fn the_vendor_counts_before_the_packager_and_a_source_of_the_same_name_is_left_out() {
    let kernel = |vendor: &str| Package {
        vendor: vendor.into(),
        packager: "someone".into(),
        source: "linux-image-6".into(),
        ..named("linux-image-6")
    };
    let found = |vendor| {
        let packages = packages(Manager::Dpkg, vec![kernel(vendor)]);
        let kernel = Kernel { version: "6".into(), ..Kernel::default() };
        package(&MemoryFs::new().tree(), &packages, &kernel).unwrap().unwrap()
    };
    assert_eq!((found("SUSE").vendor, found("").vendor), ("SUSE".into(), "someone".into()));
    assert_eq!(found("").source, "");
}

use crate::disk::filesystem::NodeKind;
use crate::disk::{Error, ErrorKind};
use crate::guest::testing::MemoryFs;

fn kind_of<T: std::fmt::Debug>(result: crate::disk::Result<T>) -> ErrorKind {
    result.unwrap_err().kind
}

#[test]
fn a_file_is_read_within_its_limit() {
    let tree = MemoryFs::of_texts(&[("/etc/hostname", "web-1\n")]).tree();
    assert_eq!(tree.read("/etc/hostname", 6).unwrap(), b"web-1\n");
    let error = tree.read("/etc/hostname", 5).unwrap_err();
    assert_eq!((error.kind, &*error.what), (ErrorKind::Limit, "/etc/hostname has 6 bytes, 5 are read"));
    let long = format!("/{}", "\u{1b}x".repeat(99));
    let error = MemoryFs::of_texts(&[(&long, "text")]).tree().read(&long, 1).unwrap_err();
    assert!(error.what.len() < 100 && !error.what.contains('\u{1b}'), "{}", error.what);
    assert_eq!(tree.read_head("/etc/hostname", 3).unwrap(), b"web");
    assert_eq!(tree.read_at("/etc/hostname", 4, 99).unwrap(), b"1\n");
    assert_eq!(tree.read_text("//etc/./hostname", 64).unwrap(), "web-1\n");
}

#[test]
fn bytes_that_are_not_utf8_become_text_nevertheless() {
    let tree = MemoryFs::new().file("/motd", b"caf\xe9").tree();
    assert_eq!(tree.read_text("/motd", 64).unwrap(), "caf\u{fffd}");
}

#[test]
fn links_are_followed_inside_the_guest() {
    let tree = MemoryFs::new()
        .file("/usr/lib/os-release", "ID=debian\n")
        .link("/etc/os-release", "../usr/lib/os-release")
        .link("/etc/absolute", "/usr/lib/os-release")
        .link("/lib", "usr/lib")
        .link("/escape", "../../../usr/lib/os-release")
        .tree();
    for path in ["/etc/os-release", "/etc/absolute", "/lib/os-release", "/escape", "/../../lib/../lib/os-release"] {
        assert_eq!(tree.read(path, 64).unwrap(), b"ID=debian\n", "{path}");
        assert_eq!(tree.resolve(path).unwrap(), "/usr/lib/os-release", "{path}");
    }
    assert_eq!(tree.read_link("/etc/os-release").unwrap(), "../usr/lib/os-release");
    assert_eq!(tree.stat_link("/etc/os-release").unwrap().kind, NodeKind::Link);
    assert_eq!(tree.stat("/etc/os-release").unwrap().kind, NodeKind::File);
}

#[test]
fn parents_of_a_linked_directory_are_those_of_its_target() {
    let tree =
        MemoryFs::new().file("/usr/share/a", "far").file("/a", "near").dir("/usr/lib").link("/lib", "usr/lib").tree();
    assert_eq!(tree.read("/lib/../share/a", 9).unwrap(), b"far");
}

#[test]
fn what_a_process_could_not_open_is_not_found() {
    let tree = MemoryFs::new()
        .file("/file", "x")
        .special("/pipe")
        .dir("/dir")
        .link("/dangling", "nowhere")
        .link("/loop", "loop")
        .link("/ping", "pong")
        .link("/pong", "ping")
        .tree();
    let long = format!("/{}", "n".repeat(256));
    let deep = "/dir/..".repeat(600);
    for path in ["/absent", "/file/", "/file/x", "/file/..", "/dangling", "/loop", "/ping", "/dir/../no", &long, &deep]
    {
        assert_eq!(kind_of(tree.stat(path)), ErrorKind::NotFound, "{path}");
        assert!(!tree.exists(path).unwrap(), "{path}");
    }
    for path in ["/dir", "/pipe", "/"] {
        assert!(tree.exists(path).unwrap(), "{path}");
        assert_eq!(kind_of(tree.read(path, 9)), ErrorKind::NotFound, "{path}");
        assert_eq!(kind_of(tree.read_link(path)), ErrorKind::NotFound, "{path}");
    }
    assert_eq!(kind_of(tree.list("/file", 9)), ErrorKind::NotFound);
    assert_eq!(tree.stat_link("/dangling").unwrap().kind, NodeKind::Link);
}

#[test]
fn forty_links_are_followed_and_not_one_more() {
    let chain = |links: usize| {
        let fs = MemoryFs::new().file("/0", "end");
        (1..=links).fold(fs, |fs, n| fs.link(&format!("/{n}"), &format!("{}", n - 1))).tree()
    };
    assert_eq!(chain(41).read("/40", 9).unwrap(), b"end");
    assert_eq!(kind_of(chain(41).read("/41", 9)), ErrorKind::NotFound);
}

#[test]
fn links_that_multiply_the_path_end_at_a_limit() {
    let detour = "d/../".repeat(800);
    let fs = (1..30).fold(MemoryFs::new().dir("/d").file("/0", "end"), |fs, n| {
        fs.link(&format!("/{n}"), &format!("{detour}{}", n - 1))
    });
    assert_eq!(kind_of(fs.tree().read("/29", 9)), ErrorKind::Limit);
}

#[test]
fn a_mounted_filesystem_covers_what_is_below_it() {
    let boot = MemoryFs::of_texts(&[("/grub/grub.cfg", "new"), ("/vmlinuz", "k")]);
    let efi = MemoryFs::of_texts(&[("/EFI/BOOT/BOOTX64.EFI", "MZ")]);
    let root = MemoryFs::of_texts(&[("/boot/grub/grub.cfg", "old"), ("/boot/stale", "s")])
        .link("/vmlinuz", "boot/vmlinuz")
        .link("/esp", "boot/efi");
    let mut tree = root.tree();
    assert_eq!(tree.read("/boot/grub/grub.cfg", 9).unwrap(), b"old");
    tree.mount("/boot", boot.shared());
    tree.mount("/boot/efi/", efi.shared());

    assert_eq!(tree.read("/boot/grub/grub.cfg", 9).unwrap(), b"new");
    assert_eq!(tree.read("/vmlinuz", 9).unwrap(), b"k");
    assert!(!tree.exists("/boot/stale").unwrap());
    assert_eq!(tree.read("/esp/EFI/BOOT/BOOTX64.EFI", 9).unwrap(), b"MZ");
    assert_eq!(tree.read("/boot/efi/../vmlinuz", 9).unwrap(), b"k");
    assert_eq!(tree.resolve("/esp").unwrap(), "/boot/efi");
    assert_eq!(tree.list("/boot", 9).unwrap(), ["efi", "grub", "vmlinuz"]);
}

#[test]
fn a_mount_point_that_is_a_link_is_resolved() {
    let mut tree = MemoryFs::new().dir("/data/home").link("/home", "data/home").tree();
    tree.mount("/home", MemoryFs::of_texts(&[("/ada/.profile", "p")]).shared());
    assert_eq!(tree.read("/data/home/ada/.profile", 9).unwrap(), b"p");
    assert_eq!(tree.read("/home/ada/.profile", 9).unwrap(), b"p");
}

#[test]
fn names_are_listed_in_order_and_within_the_limit() {
    let tree = MemoryFs::of_texts(&[("/etc/b", ""), ("/etc/a", ""), ("/etc/c/d", "")]).tree();
    assert_eq!(tree.list("/etc", 3).unwrap(), ["a", "b", "c"]);
    assert_eq!(kind_of(tree.list("/etc", 2)), ErrorKind::Limit);
    assert_eq!(kind_of(tree.list("/var", 2)), ErrorKind::NotFound);
}

#[test]
fn a_directory_that_cannot_be_read_never_looks_like_an_absent_file() {
    let tree = MemoryFs::of_texts(&[("/etc/x/y", "")]).broken("/etc/x", Error::encrypted("ext4", "directory")).tree();
    assert_eq!(kind_of(tree.exists("/etc/x/y")), ErrorKind::Encrypted);
    assert_eq!(kind_of(tree.read("/etc/x/y", 9)), ErrorKind::Encrypted);
}

#[test]
fn an_empty_tree_holds_nothing() {
    assert!(!super::Tree::default().exists("/").unwrap());
}

#[test]
fn modes_and_flags_reach_the_caller() {
    let fs = MemoryFs::of_texts(&[("/etc/resolv.conf", "")]).stat_of("/etc/resolv.conf", |stat| stat.immutable = true);
    let stat = fs.tree().stat("/etc/resolv.conf").unwrap();
    assert!(stat.immutable && !stat.append_only);
    assert_eq!(stat.mode, 0o644);
}

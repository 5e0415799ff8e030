use super::super::tests::booted;
use super::bls::compare_versions;
use crate::disk::{ErrorKind, Result};
use crate::guest::testing::MemoryFs;
use crate::inspect::facts::Boot;

/// The header as grub-mkconfig writes it with GRUB_DEFAULT=saved.
const HEADER: &str = r#"
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${saved_entry}"
fi
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
export menuentry_id_option
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  else
    insmod efi_gop
    insmod vbe
  fi
}
if loadfont unicode ; then
  set gfxmode=auto
  load_video
fi
terminal_output gfxterm
if [ "$grub_platform" = "efi" ]; then set timeout_style=hidden; fi
"#;

const MENU: &str = r#"
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-uuid-p1' {
	load_video
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	set root='hd0,msdos1'
	if [ x$feature_platform_search_hint = xy ]; then
	  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1  uuid-p1
	else
	  search --no-floppy --fs-uuid --set=root uuid-p1
	fi
	echo	'Loading Linux 6.1 ...'
	linux	/boot/vmlinuz-6.1 root=UUID=uuid-p1 ro  quiet
	initrd	/boot/initrd.img-6.1
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-uuid-p1' {
	menuentry 'Debian, with Linux 6.1' --class debian $menuentry_id_option 'gnulinux-6.1-advanced' {
		linux	/boot/vmlinuz-6.1 root=UUID=uuid-p1
	}
	menuentry 'Debian, with Linux 5.10' --class debian $menuentry_id_option 'gnulinux-5.10-advanced' {
		linux	/boot/vmlinuz-5.10 root=UUID=uuid-p1
		initrd	/boot/initrd.img-5.10
	}
}
if [ "$grub_platform" = "efi" ]; then
	menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
		fwsetup
	}
fi
"#;

fn with_env(config: &str, env: &str) -> Result<Boot> {
    let env = format!("# GRUB Environment Block\n{env}{}", "#".repeat(100));
    booted(MemoryFs::of_texts(&[("/boot/grub/grub.cfg", config), ("/boot/grub/grubenv", &env)]))
}

fn debian(env: &str) -> Boot {
    with_env(&format!("{HEADER}{MENU}"), env).unwrap()
}

#[test]
fn without_a_saved_entry_the_first_one_starts() {
    let boot = debian("");
    assert_eq!((boot.loader.as_str(), boot.entry.value.as_str()), ("grub2", "Debian GNU/Linux"));
    assert_eq!(boot.kernel, "/boot/vmlinuz-6.1");
    assert_eq!(boot.initrd, ["/boot/initrd.img-6.1"]);
    assert_eq!(boot.command_line, "root=UUID=uuid-p1 ro quiet");
    assert_eq!(boot.root.as_deref(), Some("p1"));
    assert!(boot.entry.place.starts_with("/boot/grub/grub.cfg:"));
}

#[test]
fn a_saved_entry_is_found_by_index_title_and_id_and_through_submenus() {
    for (saved, kernel) in [
        ("0", "/boot/vmlinuz-6.1"),
        ("1>1", "/boot/vmlinuz-5.10"),
        ("Advanced options>Debian, with Linux 5.10", "/boot/vmlinuz-5.10"),
        ("gnulinux-advanced-uuid-p1>gnulinux-5.10-advanced", "/boot/vmlinuz-5.10"),
        ("gnulinux-advanced-uuid-p1", "/boot/vmlinuz-6.1"),
        ("gnulinux-simple-uuid-p1", "/boot/vmlinuz-6.1"),
    ] {
        assert_eq!(debian(&format!("saved_entry={saved}\n")).kernel, kernel, "{saved}");
    }
    assert_eq!(debian("saved_entry=0\nnext_entry=1>1\n").kernel, "/boot/vmlinuz-5.10");
}

#[test]
fn what_only_some_firmware_shows_is_not_guessed() {
    let config = format!("{HEADER}{MENU}");
    for saved in ["2", "uefi-firmware", "no-such-entry"] {
        let error = with_env(&config, &format!("saved_entry={saved}\n")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{saved}");
    }
    let by_platform = "if [ $grub_platform = pc ]; then set default=0; else set default=1; fi\n";
    let error = with_env(&format!("{by_platform}{MENU}"), "").unwrap_err();
    assert!(error.what.contains("depends"), "{error}");
}

#[test]
fn a_name_that_no_entry_has_leads_to_the_first() {
    let config = "set default=gone\nmenuentry a {\nlinux /boot/a\n}\nmenuentry b {\nlinux /boot/b\n}\n";
    assert_eq!(with_env(config, "").unwrap().kernel, "/boot/a");
    assert_eq!(with_env(&config.replace("gone", "7"), "").unwrap().kernel, "/boot/a");
    assert_eq!(with_env(&config.replace("gone", "b"), "").unwrap().kernel, "/boot/b");
}

#[test]
fn a_title_that_begins_with_another_entrys_number_depends_on_the_version() {
    let config = "set default='1st'\nmenuentry 1st {\nlinux /boot/a\n}\nmenuentry b {\nlinux /boot/b\n}\n";
    assert_eq!(with_env(config, "").unwrap_err().kind, ErrorKind::Unsupported);
}

#[test]
fn what_is_not_understood_is_named_with_its_line() {
    let error = with_env("set default=0\nlegacy_source (hd0)/x\nmenuentry a {\nlinux /boot/a\n}\n", "").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(error.what, "line 2: command legacy_source");
    let error = with_env("menuentry a {\nchainloader +1\n}\n", "").unwrap_err();
    assert!(error.what.contains("chainloader"), "{error}");
}

#[test]
fn a_configuration_may_start_a_kernel_without_a_menu() {
    let boot = |config: &str| with_env(config, "");
    let start = "set timeout=0\nlinux /boot/vmlinuz-6 root=UUID=uuid-p1 ro\ninitrd /boot/initrd-6\nboot\n";
    let found = boot(&format!("{start}menuentry Never {{ linux /boot/vmlinuz-5 }}\n")).unwrap();
    assert_eq!((found.kernel.as_str(), &found.initrd[..]), ("/boot/vmlinuz-6", &["/boot/initrd-6".to_owned()][..]));
    assert_eq!((found.entry.value.as_str(), found.entry.place.as_str()), ("boot", "/boot/grub/grub.cfg:4"));
    // In an entry it says what happens anyway.
    let found = boot(&format!("menuentry One {{\n{start}linux /boot/vmlinuz-5\n}}\n")).unwrap();
    assert_eq!((found.kernel.as_str(), found.entry.value.as_str()), ("/boot/vmlinuz-6", "One"));
    // Without a kernel it fails, and with a condition that is not known it may not be run.
    let menu = "menuentry Two { linux /boot/vmlinuz-5 }\n";
    for config in [format!("boot\n{menu}"), format!("if [ $grub_cpu = i386 ]; then\n{start}fi\n{menu}")] {
        assert_eq!(boot(&config).unwrap_err().kind, ErrorKind::Unsupported, "{config}");
    }
}

#[test]
fn ubuntus_first_try_without_initrd_is_judged_by_its_fallback() {
    let config = r#"
function initrdfail { if [ -n "${have_grubenv}" ]; then save_env initrdfail; fi; }
menuentry 'Ubuntu' {
	if [ "${initrdfail}" = 1 ]; then
	  linux /boot/vmlinuz root=PARTUUID=x ro
	  initrd /boot/initrd.img
	else
	  linux /boot/vmlinuz root=PARTUUID=x ro panic=-1
	fi
	initrdfail
}
"#;
    let boot = with_env(config, "").unwrap();
    assert_eq!(boot.initrd, ["/boot/initrd.img"]);
    assert_eq!(boot.command_line, "root=PARTUUID=x ro");
}

#[test]
fn boot_loader_specification_entries_are_a_menu() {
    let config = format!(
        "{HEADER}set root='hd0,msdos1'\nsearch --fs-uuid --set=boot uuid-p1\nif [ -z \"${{kernelopts}}\" ]; then\n  set kernelopts=\"root=UUID=uuid-p1 ro \"\nfi\ninsmod blscfg\nblscfg\n"
    );
    let entry = |version: &str| {
        format!(
            "title RHEL ({version})\nversion {version}\nlinux /boot/vmlinuz-{version}\ninitrd /boot/initramfs-{version}.img $tuned_initrd\noptions $kernelopts $tuned_params\ngrub_class kernel\n"
        )
    };
    let guest = |env: &str| {
        let env = format!("# GRUB Environment Block\n{env}");
        booted(MemoryFs::of_texts(&[
            ("/boot/grub2/grub.cfg", &config),
            ("/boot/grub2/grubenv", &env),
            ("/boot/loader/entries/0abc-4.18.0-80.el8.x86_64.conf", &entry("4.18.0-80.el8.x86_64")),
            ("/boot/loader/entries/0abc-4.18.0-147.el8.x86_64.conf", &entry("4.18.0-147.el8.x86_64")),
            ("/boot/loader/entries/0abc-0-rescue.conf", &entry("0-rescue")),
        ]))
        .unwrap()
    };
    let newest = guest("");
    assert_eq!(newest.kernel, "/boot/vmlinuz-4.18.0-147.el8.x86_64");
    assert_eq!(newest.command_line, "root=UUID=uuid-p1 ro");
    assert_eq!(newest.initrd, ["/boot/initramfs-4.18.0-147.el8.x86_64.img"]);
    assert_eq!(newest.entry.place, "/boot/loader/entries/0abc-4.18.0-147.el8.x86_64.conf");
    let saved = guest("saved_entry=0abc-4.18.0-80.el8.x86_64\n");
    assert_eq!(saved.kernel, "/boot/vmlinuz-4.18.0-80.el8.x86_64");
}

#[test]
fn versions_are_ordered_as_rpm_orders_them() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    for (a, b, order) in [
        ("147.el8", "80.el8", Greater),
        ("1.0", "1.0", Equal),
        ("1.0~rc1", "1.0", Less),
        ("1.0.1", "1.0", Greater),
        ("10a", "10", Greater),
        ("a", "1", Less),
        ("007", "7", Equal),
    ] {
        assert_eq!(compare_versions(a, b), order, "{a} {b}");
    }
}

/// What grub-editenv writes is read as it lists it.
#[test]
fn an_environment_is_that_of_grub_editenv() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("grubenv");
    let run = |args: &[&str]| {
        let output = std::process::Command::new("grub-editenv").arg(&file).args(args).output();
        let output = output.expect("install the Debian package grub-common");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["create"]);
    run(&["set", "saved_entry=Advanced options>Debian, with Linux 6.1", "next_entry=", "odd=a\\b#c=d", "gone=1"]);
    run(&["unset", "gone"]);
    let ours = super::env::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let ours: Vec<String> = ours.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(ours, run(&["list"]).lines().collect::<Vec<_>>());
    assert_eq!(ours.len(), 3);
}

/// What GRUB's own parser refuses is not understood here either, and what it takes is.
#[test]
fn syntax_is_judged_as_grub_script_check_does() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("grub.cfg");
    let whole = format!("{HEADER}{MENU}");
    for (config, wanted) in [
        (whole.as_str(), true),
        ("set a='b\"c'\necho \"$a\" ${a}x # y\n", true),
        ("if true; then echo a; elif false; then echo b; else echo c; fi\n", true),
        ("for x in a b; do echo $x; done\n", true),
        ("menuentry a { linux /a; initrd /b }\n", true),
        ("echo a \\\n b\n", true),
        ("menuentry a {\n", false),
        ("if true; then echo a\n", false),
        ("}\n", false),
        ("function {\n}\n", false),
    ] {
        std::fs::write(&file, config).unwrap();
        let output = std::process::Command::new("grub-script-check").arg(&file).output();
        let theirs = output.expect("install the Debian package grub-common").status.success();
        assert_eq!(theirs, wanted, "grub-script-check: {config}");
        assert_eq!(super::parse::parse(config).is_ok(), wanted, "{config}");
    }
}

#[test]
fn a_stub_leads_to_the_configuration_it_names() {
    let config = "search --fs-uuid --set=dev uuid-p1\nset prefix=($dev)/boot/real\nexport $prefix\nconfigfile $prefix/grub.cfg\n";
    let real = "menuentry a {\nlinux /boot/vmlinuz\n}\n";
    let fs = MemoryFs::of_texts(&[("/boot/grub/grub.cfg", config), ("/boot/real/grub.cfg", real)]);
    assert_eq!(booted(fs).unwrap().kernel, "/boot/vmlinuz");
}

#[test]
fn greedy_configurations_are_limited() {
    let doubling = format!("set a=aaaaaaaaaaaaaaaa\n{}", "set a=\"$a$a\"\n".repeat(40));
    let recursion = "function f { f; }\nf\n".to_owned();
    let deep = "if true; then\n".repeat(5000);
    let including = "source $prefix/grub.cfg\n".to_owned();
    let forks = "if hwmatch x; then set a=1; else set b=2; fi\n".repeat(9000);
    for config in [doubling, recursion, deep, including, forks] {
        let error = with_env(&config, "").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    }
}

#[test]
fn no_mutation_panics() {
    let good = format!("{HEADER}{MENU}");
    for at in (0..good.len()).step_by(5) {
        for value in ["{", "}", "'", "\"", "$", ">"] {
            let mut bad = good.clone();
            bad.replace_range(at..=at, value);
            let _ = with_env(&bad, "saved_entry=1>1\n");
        }
    }
}

#[test]
fn without_a_timeout_or_with_a_password_it_waits_for_somebody() {
    let entry = |more: &str| format!("menuentry One {more} {{ linux /boot/vmlinuz-5 }}\n");
    let waits = |config: &str| with_env(config, "").unwrap().waits;
    for (timeout, told) in [
        ("set timeout=5\n", None),
        ("set timeout=0\n", None),
        ("set timeout=-1\n", Some("timeout=-1")),
        ("set timeout=never\n", Some("timeout=never")),
        ("", Some("no timeout is set")),
        ("set timeout=$grub_cpu\n", None),
        ("if [ \"$grub_platform\" = efi ]; then set timeout=3; else set timeout=-1; fi\n", None),
    ] {
        assert_eq!(waits(&format!("{timeout}{}", entry(""))).as_deref(), told, "{timeout}");
    }
    let asked = waits(&format!("set timeout=5\nset superusers=admin\n{}", entry(""))).unwrap();
    assert!(asked.contains("asks for a password"), "{asked}");
    for more in ["set superusers=admin\n", "set superusers=\n", ""] {
        assert_eq!(waits(&format!("set timeout=5\n{more}{}", entry("--unrestricted"))), None, "{more}");
    }
    assert_eq!(waits("linux /boot/vmlinuz-5\nboot\n"), None, "it has no menu");
}

/// As grub-emu 2.06 and GRUB under QEMU have it: it waits at the menu, unless the timeout was exported.
#[test]
fn a_configuration_that_is_entered_sees_what_was_exported() {
    let one = "menuentry One { linux /boot/vmlinuz-5 }\nmenuentry Two { linux /boot/vmlinuz-6 }\n";
    let entered = |before: &str, in_it: &str| {
        let files = [
            ("/boot/grub/grub.cfg", format!("{before}configfile $prefix/sub.cfg\n")),
            ("/boot/grub/sub.cfg", format!("{in_it}{one}")),
        ];
        let texts: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        booted(MemoryFs::of_texts(&texts)).unwrap()
    };
    let lost = entered("set timeout=0\nset default=1\n", "");
    assert_eq!((lost.waits.as_deref(), lost.entry.value.as_str()), (Some("no timeout is set"), "One"));
    let kept = entered("set timeout=0\nset default=1\nexport timeout default\n", "");
    assert_eq!((kept.waits, kept.entry.value.as_str()), (None, "Two"));
    let own = entered("set timeout=0\n", "set timeout=3\nset default=Two\n");
    assert_eq!((own.waits, own.entry.value.as_str()), (None, "Two"));
    let beside = entered("", "set timeout=0\nsource $config_directory/more.cfg\n");
    assert_eq!(beside.entry.value, "One");
}

/// What lies beside a loader of UEFI leads to the configuration on another volume.
#[test]
fn a_search_for_what_is_nowhere_is_told() {
    let stub = |uuid: &str| {
        let text = format!(
            "search.fs_uuid {uuid} root hd0,gpt2\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"
        );
        booted(MemoryFs::of_texts(&[("/boot/efi/EFI/debian/grub.cfg", &text)]))
    };
    let error = stub("9999-8888").unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let told = "line 1 of /boot/efi/EFI/debian/grub.cfg: no volume has the UUID 9999-8888, and GRUB finds no menu";
    assert_eq!(error.what, told);
    assert_eq!(stub("uuid-p1").unwrap_err().kind, ErrorKind::Unsupported);
}

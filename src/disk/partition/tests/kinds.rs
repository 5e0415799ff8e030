//! What partitions are for, by their types as sfdisk writes them.

use super::{parse, sfdisk};
use crate::inspect::facts::Role;

#[test]
fn the_types_that_rules_ask_for_have_roles() {
    let dir = tempfile::tempdir().unwrap();
    let gpt = [
        ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", Role::Esp),
        ("21686148-6449-6E6F-744E-656564454649", Role::BiosBoot),
        ("9E1A2D38-C612-4316-AA26-8B49521E5A8B", Role::Prep),
        ("83BD6B9D-7F41-11DC-BE0B-001560B84F0F", Role::FreebsdBoot),
        ("516E7CB5-6ECF-11D6-8FF8-00022D09712B", Role::BsdSwap),
        ("516E7CB6-6ECF-11D6-8FF8-00022D09712B", Role::Plain),
        ("E3C9E316-0B5C-4DB8-817D-F92DF00215AE", Role::MicrosoftReserved),
        ("5808C8AA-7E8F-42E0-85D2-E1E90434CFB3", Role::DynamicDisk),
        ("AF9BC60F-1431-4F62-BC68-3311714A69AD", Role::DynamicDisk),
        ("E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D", Role::StorageSpaces),
        ("DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", Role::Recovery),
        ("BC13C2FF-59E6-4262-A352-B275FD6F7172", Role::Xbootldr),
        ("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", Role::Swap),
        ("E6D6D379-F507-44C2-A23C-238F2A3DF928", Role::Plain),
    ];
    let lines: Vec<_> = gpt.iter().map(|(kind, _)| format!("size=1M,type={kind}\\n")).collect();
    let table = parse(&sfdisk(dir.path(), 32, &format!("label: gpt\n{}", lines.concat()))).unwrap();
    let roles: Vec<_> = table.partitions.iter().map(|p| p.role).collect();
    assert_eq!(roles, gpt.map(|(_, role)| role));

    let mbr = [
        [(0x12, Role::Oem), (0xde, Role::Oem), (0x27, Role::Recovery), (0x42, Role::DynamicDisk)],
        [(0x41, Role::Prep), (0x82, Role::Swap), (0xea, Role::Xbootldr), (0xef, Role::Esp)],
        [(0xe7, Role::StorageSpaces), (0x83, Role::Plain), (0x8e, Role::Plain), (0x85, Role::Extended)],
    ];
    for kinds in mbr {
        let lines: Vec<_> = kinds.iter().map(|(kind, _)| format!(",1M,{kind:x}\\n")).collect();
        let table = parse(&sfdisk(dir.path(), 32, &format!("label: dos\n{}", lines.concat()))).unwrap();
        let roles: Vec<_> = table.partitions.iter().map(|p| p.role).collect();
        assert_eq!(roles, kinds.map(|(_, role)| role));
    }
}

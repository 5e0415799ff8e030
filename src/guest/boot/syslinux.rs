//! Whether ldlinux.sys is where the boot sector of EXTLINUX or SYSLINUX looks for it.

use super::{Disk, Outcome, SECTOR, at_byte, name};
use crate::disk::Result;
use crate::inspect::facts::{DeadEnd, EndKind, Loader, Partition};

/// ldlinux.sys begins with its banner (core/diskstart.inc of syslinux), which ended in a NUL or a space, by version.
const BANNERS: [&[u8]; 2] = [b"\r\nSYSLINUX ", b"\r\nEXTLINUX "];

/// `loader`: the sector, counted from the first of the partition.
pub fn loader(disk: &Disk, partition: &Partition, loader: u64) -> Result<Outcome> {
    let at = partition.start_bytes.saturating_add(loader.saturating_mul(SECTOR));
    let sector = disk.sector(at)?;
    if sector.is_some_and(|sector| BANNERS.iter().any(|banner| sector.starts_with(banner))) {
        return Ok(at_byte(Loader::Syslinux, Some(name(partition)), at));
    }
    // The boot sector makes the same check of what it loaded (`ldlinux_magic`).
    let volume = Some(name(partition));
    Ok(Outcome::End(DeadEnd { why: EndKind::NoLoader, volume, at: Some(at), ..DeadEnd::default() }))
}

//! Arrays of md (linux/raid/md_p.h): a RAID1 is read by its newest member, an array of one disk by that; of others there
//! is their level, and why they are not read. `md0` is `/dev/md0`, `md/name` is `/dev/md/name`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Found, Made, opened, troubled};
use crate::disk::bytes::{range, text, to_usize, u16_le, u32_le, u64_le};
use crate::disk::{Error, ReadAt, Result, Slice};
use crate::inspect::facts::{PartitionTable, Role};

const LAYER: &str = "md";
const TYPE: &str = "linux_raid_member";
const MAGIC: u32 = 0xa92b_4efc;
const SECTOR: u64 = 512;
const KIB: u64 = 1024;
/// A superblock of version 1 before the roles, and with all of them.
const HEADER: usize = 256;
const SUPERBLOCK: usize = 4096;
/// Roles from here on are none: spare, faulty, journal (`MD_DISK_ROLE_MAX`).
const FIRST_SPECIAL_ROLE: u16 = 0xff00;
/// Features that leave the data of an active member where they are: a bitmap and its version, a list of bad blocks,
/// the layout of RAID0.
const HARMLESS: u32 = 0x1 | 0x8 | 0x100 | 0x1000;
/// Version 0.90: states of a member: faulty, active, in sync.
const FAULTY: u32 = 1;
const ACTIVE_IN_SYNC: u32 = 2 | 4;

/// What a member's superblock says.
struct Member {
    array: [u8; 16],
    name: String,
    level: i32,
    disks: u32,
    events: u64,
    /// First byte and size of what it holds of the array.
    data: (u64, u64),
    /// Why it cannot be read alone.
    stale: Option<&'static str>,
}

/// The arrays of the members in `found`.
///
/// # Errors
/// `Io` and `Limit`.
pub fn assemble(found: &mut [Found], _: &PartitionTable) -> Result<Vec<Made>> {
    let mut arrays: BTreeMap<[u8; 16], Vec<(usize, Member)>> = BTreeMap::new();
    for (index, (volume, bytes)) in found.iter_mut().enumerate().filter(|(_, (volume, _))| volume.type_id == TYPE) {
        match read(bytes.as_ref()) {
            Ok(member) => arrays.entry(member.array).or_default().push((index, member)),
            Err(error) => troubled(volume, error)?,
        }
    }
    let mut made = Vec::new();
    for members in arrays.values() {
        let last = members.iter().map(|(index, _)| *index).max().unwrap_or(0);
        let Some((index, best)) = members
            .iter()
            .max_by_key(|(index, member)| (member.stale.is_none(), member.events, std::cmp::Reverse(*index)))
        else {
            continue;
        };
        let unread = refusal(best);
        for (index, _) in members {
            let Some((volume, _)) = found.get_mut(*index) else { continue };
            match &unread {
                Some(error) => troubled(volume, error.clone())?,
                None => opened(volume),
            }
        }
        if let (None, Some((_, bytes))) = (unread, found.get(*index)) {
            let (at, len) = best.data;
            let fits = at.checked_add(len).is_some_and(|end| end <= bytes.len());
            made.push(Made {
                after: last,
                name: best.name.clone(),
                size_bytes: len,
                type_id: format!("raid{}", best.level),
                role: Role::Plain,
                bytes: if fits {
                    Ok(Arc::new(Slice::new(Arc::clone(bytes), at, len)))
                } else {
                    Err(Error::corrupt(LAYER, bytes.len(), "the data of the array end past the end of its member"))
                },
            });
        }
    }
    Ok(made)
}

/// Why an array cannot be read through this member.
fn refusal(member: &Member) -> Option<Error> {
    let level = match member.level {
        1 => None,
        -1 | 0 if member.disks == 1 => None,
        -1 => Some("linear array".to_owned()),
        level => Some(format!("RAID{level}")),
    };
    let what = level.map(|level| format!("an md {level} of {} disks is not read by this version", member.disks));
    what.or_else(|| member.stale.map(str::to_owned)).map(|what| Error::unsupported(LAYER, what))
}

/// The superblock, where the recogniser found it.
fn read(volume: &dyn ReadAt) -> Result<Member> {
    let len = volume.len();
    let near_end = (len / SECTOR).checked_sub(16).map(|sector| (sector & !7).saturating_mul(SECTOR));
    for at in [Some(0), Some(4096), near_end].into_iter().flatten() {
        let room = len.saturating_sub(at).min(u64::try_from(SUPERBLOCK).unwrap_or(0));
        let raw = volume.read_vec_at(at, to_usize(LAYER, room)?)?;
        let is_it = u32_le(LAYER, &raw, 0) == Ok(MAGIC)
            && u32_le(LAYER, &raw, 4) == Ok(1)
            && u64_le(LAYER, &raw, 144) == Ok(at / SECTOR);
        if is_it {
            return version_1(&raw, at);
        }
    }
    let at = (len & !0xffff).saturating_sub(0x1_0000);
    version_0(&volume.read_vec_at(at, to_usize(LAYER, len.saturating_sub(at).min(4096))?)?, at)
}

fn version_1(raw: &[u8], at: u64) -> Result<Member> {
    let number = |at| u32_le(LAYER, raw, at);
    let sectors = |at| u64_le(LAYER, raw, at).map(|sectors| sectors.saturating_mul(SECTOR));
    let roles = to_usize(LAYER, u64::from(number(220)?).saturating_mul(2))?;
    let covered = range(LAYER, raw, 0, HEADER.saturating_add(roles));
    let covered = covered.map_err(|_| Error::unsupported(LAYER, "an array of very many disks"))?;
    if checksum_1(covered) != number(216)? {
        return Err(Error::corrupt(LAYER, at, "the checksum of the superblock is wrong"));
    }
    let features = number(8)?;
    let own = to_usize(LAYER, u64::from(number(160)?))?.saturating_mul(2);
    let role = covered.get(HEADER..).and_then(|roles| u16_le(LAYER, roles, own).ok()).unwrap_or(u16::MAX);
    let level = i32::from_le_bytes(number(72)?.to_le_bytes());
    let name = text(range(LAYER, raw, 32, 32)?, 32);
    // The host's name may come first.
    let name = name.split_once(':').map_or(name.as_str(), |(_, name)| name);
    // All of the member, or what all members have of it.
    let size = if level == 1 { sectors(80)? } else { sectors(136)? };
    Ok(Member {
        array: crate::disk::bytes::array(LAYER, raw, 16)?,
        name: called(name),
        level,
        disks: number(92)?,
        events: u64_le(LAYER, raw, 200)?,
        data: (sectors(128)?, size),
        stale: if role >= FIRST_SPECIAL_ROLE {
            Some("the member is a spare, or was taken out of its array")
        } else if features & !HARMLESS != 0 {
            Some("the array is being rebuilt or reshaped, or has a journal")
        } else {
            None
        },
    })
}

/// `md0` for a number, `md/name` for a name.
fn called(name: &str) -> String {
    let name: String = name.chars().filter(|c| !matches!(c, '/' | ' ')).collect();
    match name.as_str() {
        "" => "md".to_owned(),
        number if number.bytes().all(|b| b.is_ascii_digit()) => format!("md{number}"),
        name => format!("md/{name}"),
    }
}

/// The sum of all numbers with the checksum itself left out, its halves added.
fn checksum_1(covered: &[u8]) -> u32 {
    let (words, rest) = covered.as_chunks::<4>();
    let sum = (0_usize..).zip(words).filter(|(index, _)| *index != 216 / 4);
    let sum = sum.fold(0_u64, |sum, (_, word)| sum.wrapping_add(u64::from(u32::from_le_bytes(*word))));
    let sum = match rest {
        [a, b] => sum.wrapping_add(u64::from(u16::from_le_bytes([*a, *b]))),
        _ => sum,
    };
    let low = u32::try_from(sum & 0xffff_ffff).unwrap_or(0);
    low.wrapping_add(u32::try_from(sum >> 32).unwrap_or(0))
}

fn version_0(raw: &[u8], at: u64) -> Result<Member> {
    let number = |word: usize| u32_le(LAYER, raw, word.saturating_mul(4));
    if number(0)? != MAGIC {
        return Err(Error::unsupported(LAYER, "a superblock in the byte order of another machine").at(at));
    }
    let mut array = [0; 16];
    for (place, word) in array.chunks_exact_mut(4).zip([5, 13, 14, 15]) {
        place.copy_from_slice(&number(word)?.to_le_bytes());
    }
    let (words, _) = raw.as_chunks::<4>();
    let sum = (0_usize..).zip(words).filter(|(index, _)| *index != 38);
    let sum = sum.fold(0_u64, |sum, (_, word)| sum.wrapping_add(u64::from(u32::from_le_bytes(*word))));
    let folded = (sum & 0xffff_ffff).wrapping_add(sum >> 32) & 0xffff_ffff;
    if folded != u64::from(number(38)?) {
        return Err(Error::corrupt(LAYER, at, "the checksum of the superblock is wrong"));
    }
    // This member's descriptor is the last; its fourth number is the role, its fifth the state.
    let state = number(996)?;
    Ok(Member {
        array,
        name: format!("md{}", number(11)?),
        level: i32::from_le_bytes(number(7)?.to_le_bytes()),
        disks: number(10)?,
        events: u64::from(number(39)?) | u64::from(number(40)?) << 32,
        data: (0, u64::from(number(8)?).saturating_mul(KIB)),
        stale: (state & FAULTY != 0 || state & ACTIVE_IN_SYNC != ACTIVE_IN_SYNC)
            .then_some("the member is a spare, or was taken out of its array"),
    })
}

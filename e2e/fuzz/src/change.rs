//! Inputs of the targets that read disks: which image, and what is changed in it.
//!
//! An input is two bytes, the image's number and whether checksums are mended, and then changes: where in four bytes, how
//! many bytes in one, the bytes. A change of no bytes ends the disk there. So any bytes are an input.

use std::sync::Arc;

use image_import::disk::ReadAt;
use libfuzzer_sys::fuzzer_mutate;

use crate::disk::{Disk, Image};

/// Changes of one input.
const MOST: usize = 24;
/// Bytes of one change.
const LONGEST: u64 = 64;
/// Numbers that parsers trip over.
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    127,
    128,
    255,
    256,
    511,
    512,
    1023,
    1024,
    4095,
    4096,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x1_0000,
    0x10_0000,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFE,
    0xFFFF_FFFF,
    0x7FFF_FFFF_FFFF_FFFF,
    u64::MAX - 1,
    u64::MAX,
];

/// One change.
#[derive(Clone)]
struct Change {
    at: u32,
    bytes: Vec<u8>,
}

/// An input, taken apart.
pub struct Input {
    image: u8,
    /// Whether checksums fit again.
    pub sealed: bool,
    changes: Vec<Change>,
}

impl Input {
    /// Any bytes as an input.
    pub fn parse(data: &[u8]) -> Self {
        let (image, sealed) = (data.first().copied().unwrap_or(0), data.get(1).is_some_and(|byte| byte & 1 == 1));
        let mut rest = data.get(2..).unwrap_or_default();
        let mut changes = Vec::new();
        while let Some((head, more)) = rest.split_first_chunk::<5>().filter(|_| changes.len() < MOST) {
            let (bytes, more) = more.split_at(usize::from(head[4]).min(more.len()));
            changes
                .push(Change { at: u32::from_le_bytes([head[0], head[1], head[2], head[3]]), bytes: bytes.to_vec() });
            rest = more;
        }
        Self { image, sealed, changes }
    }

    /// As bytes: as many changes as there is room for.
    fn write(&self, data: &mut [u8], most: usize) -> usize {
        let mut bytes = vec![self.image, u8::from(self.sealed)];
        for change in &self.changes {
            if bytes.len() + 5 + change.bytes.len() <= most.min(data.len()) {
                bytes.extend(change.at.to_le_bytes());
                bytes.push(change.bytes.len() as u8);
                bytes.extend(&change.bytes);
            }
        }
        data[..bytes.len()].copy_from_slice(&bytes);
        bytes.len()
    }

    /// The image it names.
    pub fn image<'a>(&self, images: &'a [Arc<Image>]) -> &'a Arc<Image> {
        &images[usize::from(self.image) % images.len()]
    }

    /// The disk it describes, and the places that are changed.
    pub fn disk(&self, images: &[Arc<Image>]) -> (Disk, Vec<u64>) {
        let mut disk = Disk::new(self.image(images));
        for change in &self.changes {
            disk.write(change.at.into(), &change.bytes);
        }
        let ends = self.changes.iter().filter(|change| change.bytes.is_empty());
        ends.for_each(|change| disk.cut(change.at.into()));
        (disk, self.changes.iter().filter(|change| !change.bytes.is_empty()).map(|change| change.at.into()).collect())
    }
}

/// Where a walk over each image reads, in pieces of 16 bytes that hold something, and each read by itself.
pub struct Places(Vec<(Vec<u64>, Vec<(u64, usize)>)>);

impl Places {
    /// Of what `walk` reads of the images.
    pub fn of(images: &[Arc<Image>], walk: impl Fn(Disk) -> Disk) -> Self {
        Self(images.iter().map(|image| Self::one(&walk(Disk::watched(image)))).collect())
    }

    fn one(disk: &Disk) -> (Vec<u64>, Vec<(u64, usize)>) {
        let mut reads = disk.reads();
        reads.retain(|(_, len)| *len > 0);
        let pieces = reads.iter().flat_map(|(at, len)| (at / 16..=(at + *len as u64 - 1) / 16).take(16 << 10));
        let mut pieces: Vec<u64> = pieces.map(|piece| piece * 16).collect();
        pieces.sort_unstable();
        pieces.dedup();
        // Zeros are mostly unused: every sixteenth of them stands for all.
        pieces.retain(|at| at % 256 == 0 || disk.bytes(*at, 16).iter().any(|byte| *byte != 0));
        reads.dedup();
        assert!(!pieces.is_empty(), "nothing is read of an image");
        (pieces, reads)
    }

    fn pick(&self, image: usize, dice: &mut Dice) -> u64 {
        let (pieces, reads) = &self.0[image];
        if dice.below(2) == 0 {
            return pieces[dice.below(pieces.len() as u64) as usize] + dice.below(16);
        }
        // Headers are most of what leads anywhere.
        let (at, len) = reads[dice.below(reads.len() as u64) as usize];
        let limit = if dice.below(2) == 0 { 128 } else { 4096 };
        at + dice.below((len as u64).min(limit))
    }
}

/// Changes an input. `data` has room for `most` bytes; the answer is how many are in use.
pub fn mutate(data: &mut [u8], len: usize, most: usize, seed: u32, images: &[Arc<Image>], places: &Places) -> usize {
    let mut dice = Dice::new(seed);
    let mut input = Input::parse(&data[..len]);
    for _ in 0..=dice.below(3) {
        let number = usize::from(input.image) % images.len();
        let count = input.changes.len() as u64;
        match dice.below(16) {
            0 => {
                input.image = dice.below(images.len() as u64) as u8;
                // What is changed lies elsewhere in another image.
                input.changes.clear();
            }
            1 => input.sealed = !input.sealed,
            2 | 3 if count > 0 => drop(input.changes.remove(dice.below(count) as usize)),
            4 if count > 0 => input.changes[dice.below(count) as usize].at = places.pick(number, &mut dice) as u32,
            5 => {
                let at =
                    if dice.below(2) == 0 { places.pick(number, &mut dice) } else { dice.below(images[number].len()) };
                input.changes.push(Change { at: at as u32, bytes: Vec::new() });
            }
            6..=8 if count > 0 => {
                let change = &mut input.changes[dice.below(count) as usize];
                let held = change.bytes.len();
                // libFuzzer's own ways, with what it saw compared.
                let len = if held == 0 { 0 } else { fuzzer_mutate(&mut change.bytes, held, held) };
                change.bytes.truncate(len);
            }
            _ => {
                if input.changes.len() >= MOST {
                    input.changes.remove(dice.below(count) as usize);
                }
                let (disk, _) = input.disk(images);
                let change = change(&disk, places.pick(number, &mut dice), &mut dice, || {
                    places.pick(number, &mut Dice::new(seed))
                });
                input.changes.push(change);
            }
        }
    }
    input.write(data, most)
}

/// A new change at `at`.
fn change(disk: &Disk, at: u64, dice: &mut Dice, other: impl FnOnce() -> u64) -> Change {
    let width = 1 << dice.below(4);
    // Fields lie at multiples of their size, mostly.
    let at = if dice.below(4) == 0 { at } else { at - at % width };
    let was = disk.bytes(at, width as usize);
    let little = dice.below(2) == 0;
    let number = was.iter().enumerate().fold(0_u64, |number, (index, byte)| {
        let place = if little { index } else { was.len() - 1 - index };
        number | u64::from(*byte) << (8 * place)
    });
    let written = |number: u64| {
        let all = if little { number.to_le_bytes() } else { number.to_be_bytes() };
        if little { all[..width as usize].to_vec() } else { all[8 - width as usize..].to_vec() }
    };
    let bytes = match dice.below(8) {
        0 => written(NUMBERS[dice.below(NUMBERS.len() as u64) as usize]),
        1 => written(number.wrapping_add(dice.below(16)).wrapping_sub(8)),
        2 => written(number ^ 1 << dice.below(width * 8)),
        3 => written(disk.len().wrapping_add(dice.below(9)).wrapping_sub(4) >> (9 * dice.below(2))),
        4 => written(dice.roll()),
        5 => written(if dice.below(2) == 0 { number.wrapping_mul(2) } else { number / 2 }),
        // What stands elsewhere, as long as structures are.
        6 => disk.bytes(other(), (1 + dice.below(LONGEST)) as usize),
        _ => {
            let mut bytes = disk.bytes(at, (1 + dice.below(LONGEST)) as usize);
            let len = bytes.len();
            let len = fuzzer_mutate(&mut bytes, len, len);
            bytes.truncate(len);
            bytes
        }
    };
    Change { at: at as u32, bytes }
}

/// A small deterministic generator (Marsaglia's xorshift64).
struct Dice(u64);

impl Dice {
    fn new(seed: u32) -> Self {
        Self(u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.roll() >> 8) % n.max(1)
    }
}

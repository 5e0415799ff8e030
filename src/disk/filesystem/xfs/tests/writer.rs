//! Writes a log as a machine leaves it that stopped before it wrote its changes in place: an image with an old tree is
//! given the log that makes it hold the new one. Written after xfs_log_format.h, apart from the reader.

use super::super::superblock::Superblock;
use crate::disk::Memory;

pub(super) const BLOCK: usize = 512;
const MAGIC: u32 = 0xFEED_BABE;
const START: u8 = 1;
const COMMIT: u8 = 2;
const CONTINUED: u8 = 4;
const WAS_CONTINUED: u8 = 8;

/// An item: its description and its regions.
pub(super) type Item = Vec<Vec<u8>>;

struct Operation {
    number: u32,
    flags: u8,
    client: u8,
    data: Vec<u8>,
}

/// The log of an image, being written.
pub(super) struct Writer {
    pub bytes: Vec<u8>,
    pub superblock: Superblock,
    log_at: usize,
    pub len: u32,
    start: u32,
    /// Next block to write, counted on past the end.
    next: u32,
    /// Bytes of a record, and of the buffer it is written from.
    pub record_len: usize,
    pub buffer_len: u32,
    transactions: u32,
    operations: Vec<Operation>,
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}

impl Writer {
    /// A log that was gone round once, its head and tail at block `start`.
    pub(super) fn new(bytes: Vec<u8>, start: u32) -> Self {
        let superblock = Superblock::read(&Memory(bytes.clone())).unwrap();
        let log_at = superblock.block_at(superblock.log_start, 1, 0).unwrap() as usize;
        let len = (superblock.log_blocks * superblock.block_size) as u32 / BLOCK as u32;
        let mut writer = Self {
            bytes,
            superblock,
            log_at,
            len,
            start,
            next: start,
            record_len: 20_000,
            buffer_len: 32 << 10,
            transactions: 0,
            operations: Vec::new(),
        };
        for block in 0..len {
            let cycle = if block < start { 5_u32 } else { 4 };
            let at = log_at + block as usize * BLOCK;
            writer.bytes[at..at + BLOCK].fill(0);
            writer.bytes[at..at + 4].copy_from_slice(&cycle.to_be_bytes());
        }
        writer
    }

    /// Places a transaction in the log.
    pub(super) fn transaction(&mut self, items: &[Item], committed: bool) {
        self.transactions += 1;
        let number = 0x1000 + self.transactions;
        let mut add = |flags, data: Vec<u8>| {
            self.operations.push(Operation { number, flags, client: 0x69, data });
        };
        add(START, Vec::new());
        let header = [0x5452_414E_u32, 0, number, items.len() as u32];
        add(0, header.iter().flat_map(|word| word.to_le_bytes()).collect());
        for region in items.iter().flatten() {
            add(0, region.clone());
        }
        if committed {
            add(COMMIT, Vec::new());
        }
    }

    /// Places the record of an unmount.
    pub(super) fn unmount(&mut self) {
        self.flush();
        self.operations.push(Operation {
            number: 7,
            flags: 0x20,
            client: 0xAA,
            data: vec![0x6E, 0x55, 0, 0, 0, 0, 0, 0],
        });
        self.flush();
    }

    /// Writes what is placed. Gives the blocks of the last record.
    pub(super) fn flush(&mut self) -> std::ops::Range<usize> {
        let (mut data, mut count, mut last) = (Vec::new(), 0, 0..0);
        for operation in std::mem::take(&mut self.operations) {
            let (mut rest, mut flags) = (operation.data.as_slice(), operation.flags);
            loop {
                if data.len() + 12 + 8 > self.record_len {
                    last = self.record(&std::mem::take(&mut data), std::mem::take(&mut count));
                }
                let room = (self.record_len - data.len() - 12) & !7;
                let (now, later) = rest.split_at(rest.len().min(room));
                let more = if later.is_empty() { 0 } else { CONTINUED };
                data.extend(operation.number.to_be_bytes());
                data.extend((now.len() as u32).to_be_bytes());
                data.extend([operation.client, flags | more, 0, 0]);
                data.extend(now);
                count += 1;
                if later.is_empty() {
                    break;
                }
                (rest, flags) = (later, operation.flags | WAS_CONTINUED);
            }
        }
        if count > 0 {
            last = self.record(&data, count);
        }
        last
    }

    /// Byte offset in the image of a block of the log, counted on past the end.
    pub(super) fn at(&self, block: u32) -> usize {
        self.log_at + (block % self.len) as usize * BLOCK
    }

    fn cycle(&self, block: u32) -> u32 {
        5 + block / self.len
    }

    fn lsn(&self, block: u32) -> u64 {
        u64::from(self.cycle(block)) << 32 | u64::from(block % self.len)
    }

    fn record(&mut self, data: &[u8], operations: u32) -> std::ops::Range<usize> {
        let v2 = self.superblock.features.log_v2;
        let headers = if v2 { (self.buffer_len as usize).div_ceil(32 << 10) } else { 1 };
        let mut blocks: Vec<Vec<u8>> = vec![vec![0; BLOCK]; headers];
        let begin = self.next;
        let put = |block: &mut Vec<u8>, at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        for (at, word) in [
            (0, MAGIC),
            (4, self.cycle(begin)),
            (8, if v2 { 2 } else { 1 }),
            (12, data.len() as u32),
            (40, operations),
            (300, 1),
            (320, if v2 { self.buffer_len } else { 0 }),
        ] {
            put(&mut blocks[0], at, &word.to_be_bytes());
        }
        put(&mut blocks[0], 16, &self.lsn(begin).to_be_bytes());
        put(&mut blocks[0], 24, &self.lsn(self.start).to_be_bytes());
        put(&mut blocks[0], 304, &self.superblock.uuid);
        for (place, chunk) in data.chunks(BLOCK).enumerate() {
            let mut block = chunk.to_vec();
            block.resize(BLOCK, 0);
            let word: Vec<u8> = block[..4].to_vec();
            let at = if place < 64 { 44 + place * 4 } else { 4 + place % 64 * 4 };
            put(&mut blocks[place / 64], at, &word);
            blocks.push(block);
        }
        for (place, number) in (begin..).enumerate().take(blocks.len()).skip(1) {
            let cycle = self.cycle(number);
            put(&mut blocks[place], 0, &cycle.to_be_bytes());
        }
        let mut sum = crc32c::crc32c(&blocks[0][..328]);
        for more in &blocks[1..data.len().div_ceil(32 << 10)] {
            sum = crc32c::crc32c_append(sum, &more[..260]);
        }
        let stored: Vec<u8> = blocks[headers..].concat();
        sum = crc32c::crc32c_append(sum, &stored[..data.len()]);
        put(&mut blocks[0], 32, &sum.to_le_bytes());
        for (block, number) in blocks.iter().zip(begin..) {
            let at = self.at(number);
            self.bytes[at..at + BLOCK].copy_from_slice(block);
        }
        self.next += blocks.len() as u32;
        assert!(self.next < self.start + self.len, "the log is full");
        self.at(begin)..self.at(begin) + blocks.len() * BLOCK
    }

    /// Logs all in which `target` differs from the image, a transaction for every few blocks.
    pub(super) fn become_like(&mut self, target: &[u8]) {
        let size = self.superblock.block_size as usize;
        let log = self.log_at..self.log_at + self.len as usize * BLOCK;
        let mut items: Vec<Item> = Vec::new();
        for at in (0..target.len()).step_by(size).filter(|at| !log.contains(at)) {
            let (old, new) = (&self.bytes[at..at + size], &target[at..at + size]);
            if old == new {
                continue;
            }
            if new.starts_with(b"IN") {
                items.extend(self.inodes(at, new));
            } else if ((at / size) as u64).is_multiple_of(self.superblock.group_blocks) {
                // Headers are buffers of a sector each.
                let sectors = old.chunks(BLOCK).zip(new.chunks(BLOCK)).enumerate();
                let changed = sectors.filter(|(_, (old, new))| old != new);
                items.extend(changed.map(|(place, (old, new))| buffer_item(at + place * BLOCK, old, new, 0)));
            } else {
                items.push(buffer_item(at, old, new, 0));
            }
            if items.len() > 20 {
                self.transaction(&std::mem::take(&mut items), true);
            }
        }
        self.transaction(&items, true);
        self.flush();
    }

    /// A block of inodes: made anew, then one by one.
    fn inodes(&self, at: usize, new: &[u8]) -> Vec<Item> {
        let size = self.superblock.inode_size as usize;
        let (block, group) = (at as u64 / self.superblock.block_size, self.superblock.group_blocks);
        let mut items = Vec::new();
        // Items of inodes come first here: the reader has to put them in order.
        for (place, inode) in new.chunks(size).enumerate() {
            if inode[2..4] != [0, 0] {
                items.push(inode_item(at, place * size, new.len(), inode));
            }
        }
        if self.superblock.features.v5 {
            let words = [
                (block / group) as u32,
                (block % group) as u32,
                (new.len() / size) as u32,
                size as u32,
                1,
                be32(new, 92),
            ];
            let mut format = vec![0x3F, 0x12, 1, 0];
            format.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            items.push(vec![format]);
        } else {
            let mut fresh = vec![0; new.len()];
            for inode in fresh.chunks_mut(size) {
                inode[..5].copy_from_slice(b"IN\0\0\x02");
            }
            items.push(buffer_item(at, &vec![0xFF; new.len()], &fresh, 0));
        }
        items
    }
}

/// A buffer at byte `at`: the chunks in which it differs.
pub(super) fn buffer_item(at: usize, old: &[u8], new: &[u8], flags: u16) -> Item {
    let differs: Vec<bool> = old.chunks(128).zip(new.chunks(128)).map(|(old, new)| old != new).collect();
    let mut map = vec![0_u32; differs.len().div_ceil(32)];
    let mut regions: Vec<Vec<u8>> = Vec::new();
    for place in 0..differs.len() {
        if differs[place] {
            map[place / 32] |= 1 << (place % 32);
            if place == 0 || !differs[place - 1] {
                regions.push(Vec::new());
            }
            regions.last_mut().unwrap().extend(&new[place * 128..place * 128 + 128]);
        }
    }
    let mut format = Vec::new();
    for word in [0x123C, 1 + regions.len() as u16, flags, (new.len() / BLOCK) as u16] {
        format.extend(word.to_le_bytes());
    }
    format.extend((at as u64 / BLOCK as u64).to_le_bytes());
    format.extend((map.len() as u32).to_le_bytes());
    format.extend(map.iter().flat_map(|word| word.to_le_bytes()));
    regions.insert(0, format);
    regions
}

/// The buffer at byte `at` is void from here back.
pub(super) fn cancel_item(at: usize, len: usize) -> Item {
    let mut item = buffer_item(at, &vec![0; len], &vec![0; len], 2);
    item.truncate(1);
    item
}

/// An inode as the log has it, from what it is on disk.
pub(super) fn inode_item(buffer_at: usize, offset: usize, buffer_len: usize, inode: &[u8]) -> Item {
    let v3 = inode[4] == 3;
    let core_len = if v3 { 176 } else { 96 };
    let mut core = inode[..core_len].to_vec();
    let mut turn = |at: usize, len: usize| core[at..at + len].reverse();
    for (at, len) in [(0, 2), (2, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 2), (22, 2), (56, 8), (64, 8), (72, 4)] {
        turn(at, len);
    }
    for (at, len) in [(76, 4), (80, 2), (84, 4), (88, 2), (90, 2), (92, 4)] {
        turn(at, len);
    }
    for at in [32, 36, 40, 44, 48, 52] {
        turn(at, 4);
    }
    if v3 {
        for (at, len) in [(24, 8), (104, 8), (112, 8), (120, 8), (128, 4), (152, 8)] {
            turn(at, len);
        }
    } else {
        turn(30, 2);
    }
    let start = if v3 { 176 } else { 100 };
    let end = if inode[82] == 0 { inode.len() } else { start + usize::from(inode[82]) * 8 };
    let fork = &inode[start..end];
    let count = if v3 && be64(inode, 120) & 0x10 != 0 { be64(inode, 24) } else { u64::from(be32(inode, 76)) } as usize;
    let (field, data) = match inode[5] {
        1 => (0x2, fork[..(be64(inode, 56) as usize).next_multiple_of(4)].to_vec()),
        2 => (0x4, fork[..count * 16].to_vec()),
        3 => (0x8, root_in_memory(fork, v3)),
        _ => (0, Vec::new()),
    };
    let mut format = Vec::new();
    let fork_regions = u16::from(!data.is_empty());
    format.extend(0x123B_u16.to_le_bytes());
    format.extend((2 + fork_regions).to_le_bytes());
    format.extend((1_u32 | if fork_regions == 1 { field } else { 0 }).to_le_bytes());
    format.extend(0_u16.to_le_bytes());
    format.extend((data.len() as u16).to_le_bytes());
    format.extend([0; 4 + 8 + 16]);
    format.extend((buffer_at as u64 / BLOCK as u64).to_le_bytes());
    format.extend((buffer_len as u32 / BLOCK as u32).to_le_bytes());
    format.extend((offset as u32).to_le_bytes());
    let mut item = vec![format, core];
    if !data.is_empty() {
        item.push(data);
    }
    item
}

/// The root of a tree of extents as a block, with room for just what it has.
fn root_in_memory(fork: &[u8], v5: bool) -> Vec<u8> {
    let count = usize::from(u16::from_be_bytes([fork[2], fork[3]]));
    let held = (fork.len() - 4) / 16;
    let mut root = vec![0; if v5 { 72 } else { 24 }];
    root[..4].copy_from_slice(if v5 { b"BMA3" } else { b"BMAP" });
    root[4..8].copy_from_slice(&fork[..4]);
    root.extend(&fork[4..4 + count * 8]);
    root.extend(&fork[4 + held * 8..4 + held * 8 + count * 8]);
    root
}

/// An intent to move extents of inode `node`, or the word that number `id` of them is done.
pub(super) fn map_item(id: u64, node: Option<u64>) -> Item {
    let mut format = Vec::new();
    format.extend(if node.is_some() { 0x1244_u16 } else { 0x1245 }.to_le_bytes());
    format.extend(1_u16.to_le_bytes());
    format.extend(u32::from(node.is_some()).to_le_bytes());
    format.extend(id.to_le_bytes());
    if let Some(node) = node {
        format.extend(node.to_le_bytes());
        format.extend([0; 24]);
    }
    vec![format]
}

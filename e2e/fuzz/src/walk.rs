//! Reads all that a parser can be asked for, within bounds that an inspection would not pass either.

use std::sync::Arc;

use image_import::disk::filesystem::{self, FileSystem, Node, NodeKind};
use image_import::disk::{ReadAt, container, partition, volume};
use image_import::inspect::facts::{Access, Source, VolumeClass};
use image_import::inspect::inspect;
use image_import::source::{Meter, Opened};

/// Nodes of a filesystem that are looked at.
const NODES: usize = 60;
/// Entries of a directory.
const ENTRIES: usize = 100;
/// Files whose content is read, and how much of it at once: compressed ones cost the most.
const CONTENTS: usize = 8;
const PIECE: usize = 4 << 10;

/// A container: its facts, its map, its first and last bytes and some between.
pub fn container(object: Arc<dyn ReadAt>) {
    let Ok(found) = container::open(object) else { return };
    if let Some(layout) = &found.layout {
        for stretch in container::stretches(layout.as_ref(), 0).take(200) {
            if stretch.is_err() {
                break;
            }
        }
    }
    if let Some(guest) = &found.guest {
        some(guest.as_ref());
    }
}

/// Some of the bytes.
fn some(bytes: &dyn ReadAt) {
    let len = bytes.len();
    let mut piece = vec![0; PIECE.min(len as usize)];
    for part in 0..8 {
        let _ = bytes.read_exact_at(&mut piece, (len / 8).saturating_mul(part));
    }
    let last = len - piece.len() as u64;
    let _ = bytes.read_exact_at(&mut piece, last);
    let _ = bytes.will_read_all(&[(0, len), (len / 2, 1 << 20)]);
}

/// Partition table and volumes.
pub fn disk(disk: Arc<dyn ReadAt>) {
    let Ok(table) = partition::read(&disk) else { return };
    let Ok(found) = volume::scan(&disk, &table) else { return };
    for (volume, bytes) in found.iter().take(16) {
        assert!(volume.name.len() < 1024, "a name of {} bytes", volume.name.len());
        some(bytes.as_ref());
    }
}

/// The volume as whatever it is recognised as.
pub fn recognised(volume: Arc<dyn ReadAt>) {
    if let Ok(content) = filesystem::recognise(volume.as_ref())
        && content.class == VolumeClass::Filesystem
    {
        filesystem(&content.type_id, volume);
    }
}

/// The volume as one filesystem.
pub fn filesystem(name: &str, volume: Arc<dyn ReadAt>) {
    filesystem_reading(name, volume, PIECE);
}

/// The same, with `piece` bytes of each file at once.
pub fn filesystem_reading(name: &str, volume: Arc<dyn ReadAt>, piece: usize) {
    let Ok(fs) = filesystem::open(name, volume) else { return };
    let _ = (fs.usage(), fs.signs());
    let mut walk = Walk { fs: fs.as_ref(), ahead: vec![fs.root()], contents: CONTENTS, piece };
    for _ in 0..NODES {
        let Some(node) = walk.ahead.pop() else { break };
        walk.look(node);
    }
    // Numbers that nothing leads to.
    for node in [0, 1, 7, u64::from(u32::MAX), u64::MAX] {
        walk.look(node);
    }
}

struct Walk<'a> {
    fs: &'a dyn FileSystem,
    ahead: Vec<Node>,
    /// Files whose content may still be read.
    contents: usize,
    piece: usize,
}

impl Walk<'_> {
    fn look(&mut self, node: Node) {
        let fs = self.fs;
        let Ok(stat) = fs.stat(node) else { return };
        match stat.kind {
            NodeKind::Directory => {
                let entries = fs.list(node, ENTRIES).unwrap_or_default();
                assert!(entries.len() <= ENTRIES && entries.iter().all(|entry| entry.name.chars().count() <= 255));
                for name in ["file-7", "FILE-7", ""].into_iter().chain(entries.first().map(|entry| entry.name.as_str()))
                {
                    let _ = fs.lookup(node, name);
                }
                self.ahead.extend(entries.into_iter().map(|entry| entry.node));
            }
            NodeKind::Link => assert!(fs.read_link(node).map_or(0, |target| target.len()) <= 3 * 4096),
            NodeKind::File if self.contents > 0 => {
                self.contents -= 1;
                for at in [0, stat.size / 2, stat.size.saturating_sub(9), u64::MAX - 5] {
                    assert!(fs.read_at(node, at, self.piece).map_or(0, |found| found.len()) <= self.piece);
                }
            }
            NodeKind::File | NodeKind::Special => {}
        }
    }
}

/// All of an inspection, from object to facts, and how they are told.
pub fn whole(object: Arc<dyn ReadAt>) {
    let facts = Source { access: Access::Reached, size_bytes: object.len(), ..Source::default() };
    let Ok(facts) = inspect(&Opened { facts, bytes: Some(object), meter: Arc::new(Meter::default()) }) else { return };
    use image_import::inspect::wire::{MESSAGE_MAX, Message, decode, encode};
    let text = encode(&Message::Facts(Box::new(facts))).expect("facts that no message can carry");
    assert!(text.len() <= MESSAGE_MAX, "a message of {} bytes", text.len());
    decode(&text).expect("a message that its reader refuses");
}

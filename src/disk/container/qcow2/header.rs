//! The header, its extensions, and what they say that no import may follow.

use super::LAYER;
use super::extensions::Extensions;
use crate::disk::bytes::{range, text, to_u64, to_usize, u32_be, u64_be};
use crate::disk::container::codec::Codec;
use crate::disk::container::layout::Missing;
use crate::disk::{Error, Result};
use crate::inspect::facts::UnsafeReference;

/// First bytes of every version.
pub const MAGIC: &[u8] = b"QFI\xfb";

/// Offsets of the fields that errors and references point at ("Header").
const VERSION: u64 = 4;
const BACKING_FILE_OFFSET: u64 = 8;
const CLUSTER_BITS: u64 = 20;
const SIZE: u64 = 24;
pub const CRYPT_METHOD: u64 = 32;
const L1_SIZE: u64 = 36;
const L1_TABLE_OFFSET: u64 = 40;
const REFCOUNT_TABLE_OFFSET: u64 = 48;
const REFCOUNT_TABLE_CLUSTERS: u64 = 56;
const NB_SNAPSHOTS: u64 = 60;
const SNAPSHOTS_OFFSET: u64 = 64;
const INCOMPATIBLE_FEATURES: u64 = 72;
const AUTOCLEAR_FEATURES: u64 = 88;
const REFCOUNT_ORDER: u64 = 96;
const HEADER_LENGTH: u64 = 100;
const COMPRESSION_TYPE: u64 = 104;

/// Incompatible feature bits.
const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION | EXTENDED_L2;

/// Autoclear feature bit: what the extension on bitmaps says holds.
const BITMAPS: u64 = 1;
/// Autoclear feature bit: the external data file is a RAW of the disk.
const DATA_FILE_RAW: u64 = 1 << 1;

/// Bytes of a snapshot table entry without its strings ("Snapshots").
const SMALLEST_SNAPSHOT: u64 = 40;

/// Bytes of an L1 table that QEMU opens at most (`QCOW_MAX_L1_SIZE`).
const LARGEST_L1: u64 = 32 << 20;
/// QEMU's limits: `QCOW_MAX_REFTABLE_SIZE` and `QCOW_MAX_SNAPSHOTS` of block/qcow2.h.
const LARGEST_REFCOUNT_TABLE: u64 = 8 << 20;
const MOST_SNAPSHOTS: u32 = 65536;

const SECTOR: u64 = 512;

/// What is needed to read the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub version: u32,
    pub cluster_bits: u32,
    /// Size of the disk that the guest sees: whole sectors, as QEMU rounds down what the header says.
    pub size: u64,
    stated: u64,
    pub crypt_method: u32,
    pub l1_entries: u64,
    pub l1_at: u64,
    pub refcount_table_at: u64,
    pub refcount_table_clusters: u64,
    /// log2 of the bits of a reference count.
    pub refcount_order: u32,
    pub snapshots: u32,
    pub snapshots_at: u64,
    incompatible: u64,
    autoclear: u64,
    pub codec: Codec,
    /// Where the name of the backing file lies; 0 where there is none.
    pub backing_at: u64,
    backing_len: u32,
    /// Where the header's extensions begin.
    pub extensions_at: u64,
}

impl Header {
    pub fn parse(head: &[u8]) -> Result<Self> {
        let u32_at = |at: u64| u32_be(LAYER, head, to_usize(LAYER, at)?);
        let u64_at = |at: u64| u64_be(LAYER, head, to_usize(LAYER, at)?);
        let version = u32_at(VERSION)?;
        if !(2..=3).contains(&version) {
            return Err(Error::unsupported(LAYER, format!("version {version}")).at(VERSION));
        }
        let cluster_bits = u32_at(CLUSTER_BITS)?;
        if !(9..=21).contains(&cluster_bits) {
            let what = format!("cluster_bits is {cluster_bits}, not 9 to 21");
            return Err(Error::corrupt(LAYER, CLUSTER_BITS, what));
        }
        let stated = u64_at(SIZE)?;
        let mut header = Self {
            version,
            cluster_bits,
            size: stated.saturating_sub(stated % SECTOR),
            stated,
            crypt_method: u32_at(CRYPT_METHOD)?,
            l1_entries: u64::from(u32_at(L1_SIZE)?),
            l1_at: u64_at(L1_TABLE_OFFSET)?,
            refcount_table_at: u64_at(REFCOUNT_TABLE_OFFSET)?,
            refcount_table_clusters: u64::from(u32_at(REFCOUNT_TABLE_CLUSTERS)?),
            refcount_order: 4,
            snapshots: u32_at(NB_SNAPSHOTS)?,
            snapshots_at: u64_at(SNAPSHOTS_OFFSET)?,
            incompatible: 0,
            autoclear: 0,
            codec: Codec::Deflate,
            backing_at: u64_at(BACKING_FILE_OFFSET)?,
            backing_len: u32_at(16)?,
            extensions_at: 72,
        };
        if version >= 3 {
            header.incompatible = u64_at(INCOMPATIBLE_FEATURES)?;
            header.autoclear = u64_at(AUTOCLEAR_FEATURES)?;
            header.refcount_order = u32_at(REFCOUNT_ORDER)?;
            header.extensions_at = u64::from(u32_at(HEADER_LENGTH)?);
            if header.extensions_at < COMPRESSION_TYPE || header.extensions_at > header.cluster_size() {
                let what = format!("header_length is {}", header.extensions_at);
                return Err(Error::corrupt(LAYER, HEADER_LENGTH, what));
            }
            if header.refcount_order > 6 {
                let what = format!("refcount_order is {}", header.refcount_order);
                return Err(Error::corrupt(LAYER, REFCOUNT_ORDER, what));
            }
            header.codec = header.compression(head)?;
        }
        Ok(header)
    }

    /// The compression type, which is there when the header is long enough, and the feature bit that says that it is not
    /// the default: QEMU opens nothing where they disagree.
    fn compression(&self, head: &[u8]) -> Result<Codec> {
        let kind = if self.extensions_at > COMPRESSION_TYPE {
            range(LAYER, head, to_usize(LAYER, COMPRESSION_TYPE)?, 1)?.first().copied().unwrap_or(0)
        } else {
            0
        };
        match (kind, self.incompatible & COMPRESSION != 0) {
            (0, false) => Ok(Codec::Deflate),
            (1, true) => Ok(Codec::Zstd),
            (0, true) => {
                Err(Error::corrupt(LAYER, COMPRESSION_TYPE, "the compression bit is set, and the type is the default"))
            }
            (1, false) => {
                Err(Error::corrupt(LAYER, INCOMPATIBLE_FEATURES, "compression type 1 without its feature bit"))
            }
            (other, _) => Err(Error::unsupported(LAYER, format!("compression type {other}")).at(COMPRESSION_TYPE)),
        }
    }

    pub fn cluster_size(&self) -> u64 {
        1_u64.checked_shl(self.cluster_bits).unwrap_or(u64::MAX)
    }

    pub fn extended_l2(&self) -> bool {
        self.incompatible & EXTENDED_L2 != 0
    }

    /// True when the reference counts need not be right.
    pub fn counts_may_lie(&self) -> bool {
        self.incompatible & (DIRTY | CORRUPT) != 0
    }

    /// True when the bitmaps that an extension names hold.
    pub fn bitmaps_hold(&self) -> bool {
        self.autoclear & BITMAPS != 0
    }

    /// log2 of the entries of an L2 table.
    pub fn l2_bits(&self) -> u32 {
        self.cluster_bits.saturating_sub(if self.extended_l2() { 4 } else { 3 })
    }

    /// Entries of the L1 table that the disk's size needs, as the header states it.
    pub fn l1_needed(&self) -> u64 {
        let covered = 1_u64.checked_shl(self.cluster_bits.saturating_add(self.l2_bits())).unwrap_or(u64::MAX);
        self.stated.div_ceil(covered)
    }

    /// Refuses what contradicts itself.
    pub fn check(&self) -> Result<()> {
        if self.extended_l2() && self.cluster_bits < 14 {
            return Err(Error::corrupt(LAYER, CLUSTER_BITS, "extended L2 entries need clusters of 16 KiB or more"));
        }
        if self.l1_needed().max(self.l1_entries).saturating_mul(8) > LARGEST_L1 {
            return Err(Error::unsupported(LAYER, "the L1 table is larger than QEMU opens").at(SIZE));
        }
        if self.l1_entries < self.l1_needed() {
            let what = format!("the L1 table has {} entries, the size needs {}", self.l1_entries, self.l1_needed());
            return Err(Error::corrupt(LAYER, L1_SIZE, what));
        }
        if self.autoclear & DATA_FILE_RAW != 0 && self.incompatible & EXTERNAL_DATA == 0 {
            let what = "the data file is said to be RAW, and there is no data file";
            return Err(Error::corrupt(LAYER, AUTOCLEAR_FEATURES, what));
        }
        self.check_unread()
    }

    /// Of tables that reading does not need, what QEMU opens nothing without.
    fn check_unread(&self) -> Result<()> {
        if self.refcount_table_clusters == 0 {
            return Err(Error::corrupt(LAYER, REFCOUNT_TABLE_CLUSTERS, "there is no refcount table"));
        }
        if self.refcount_table_clusters.saturating_mul(self.cluster_size()) > LARGEST_REFCOUNT_TABLE {
            return Err(
                Error::unsupported(LAYER, "the refcount table is larger than QEMU opens").at(REFCOUNT_TABLE_CLUSTERS)
            );
        }
        if self.snapshots > MOST_SNAPSHOTS {
            return Err(Error::unsupported(LAYER, "more snapshots than QEMU opens").at(NB_SNAPSHOTS));
        }
        let refcount_len = self.refcount_table_clusters.saturating_mul(self.cluster_size());
        let snapshots_len = u64::from(self.snapshots).saturating_mul(SMALLEST_SNAPSHOT);
        // Also of a table without an entry (`qcow2_validate_table`).
        for (what, named_at, at, len) in [
            ("L1 table", L1_TABLE_OFFSET, self.l1_at, self.l1_entries.saturating_mul(8)),
            ("refcount table", REFCOUNT_TABLE_OFFSET, self.refcount_table_at, refcount_len),
            ("snapshot table", SNAPSHOTS_OFFSET, self.snapshots_at, snapshots_len),
        ] {
            if !at.is_multiple_of(self.cluster_size()) {
                let what = format!("the {what} is not at the start of a cluster");
                return Err(Error::corrupt(LAYER, named_at, what));
            }
            if at.checked_add(len).and_then(|end| i64::try_from(end).ok()).is_none() {
                return Err(Error::corrupt(LAYER, named_at, format!("the {what} ends past what a file can have")));
            }
        }
        Ok(())
    }

    /// What the header names that passes the end of the object: the L1 table as far as the disk needs it, the first entry
    /// of the refcount table and of the snapshot table, and the directory of bitmaps, without which QEMU opens nothing.
    pub fn missing(&self, object_len: u64, extensions: &Extensions) -> impl Iterator<Item = Missing> + use<> {
        let bitmaps = extensions.bitmaps.map(|bitmaps| ("bitmap directory", bitmaps.named_at, bitmaps.at, bitmaps.len));
        let first_snapshot = if self.snapshots == 0 { 0 } else { SMALLEST_SNAPSHOT };
        [
            ("L1 table", L1_TABLE_OFFSET, self.l1_at, self.l1_needed().saturating_mul(8)),
            ("refcount table", REFCOUNT_TABLE_OFFSET, self.refcount_table_at, 8),
            ("snapshot table", SNAPSHOTS_OFFSET, self.snapshots_at, first_snapshot),
        ]
        .into_iter()
        .chain(bitmaps)
        .filter(|(.., len)| *len > 0)
        .filter_map(move |(what, named_at, at, len)| Missing::unless_within(object_len, what, named_at, at, len))
    }

    /// One clause for humans.
    pub fn detail(&self) -> String {
        let size = self.cluster_size();
        let clusters = if size < 1024 { format!("{size} B") } else { format!("{} KiB", size >> 10) };
        let mut detail = format!("version {}, {clusters} clusters, {}", self.version, self.codec.name());
        let mut add = |word: &str| {
            detail.push_str(", ");
            detail.push_str(word);
        };
        if self.extended_l2() {
            add("extended L2");
        }
        if self.snapshots > 0 {
            add(&format!("{} snapshots", self.snapshots));
        }
        if self.incompatible & DIRTY != 0 {
            add("not closed cleanly");
        }
        if self.is_corrupt() {
            add("marked corrupt");
        }
        detail
    }

    /// Whoever wrote it last found it damaged: QEMU opens such an image only to read it.
    pub fn is_corrupt(&self) -> bool {
        self.incompatible & CORRUPT != 0
    }

    /// What leads out of the object, or cannot be read safely.
    pub fn unsafe_references(&self, head: &[u8]) -> Vec<UnsafeReference> {
        let mut found = Vec::new();
        let mut add = |what: &str, at: u64, value: String| {
            found.push(UnsafeReference { what: what.to_owned(), at, value });
        };
        if self.backing_at != 0 {
            let name = to_usize(LAYER, self.backing_at)
                .and_then(|at| range(LAYER, head, at, to_usize(LAYER, u64::from(self.backing_len))?));
            let name = name.map(|name| text(name, 64)).unwrap_or_default();
            let value = if name.is_empty() { format!("offset {:#x}", self.backing_at) } else { name };
            add("backing file", BACKING_FILE_OFFSET, value);
        }
        match self.crypt_method {
            0 => {}
            1 => add("encryption", CRYPT_METHOD, "1 (AES)".to_owned()),
            2 => add("encryption", CRYPT_METHOD, "2 (LUKS)".to_owned()),
            other => add("encryption", CRYPT_METHOD, other.to_string()),
        }
        if self.incompatible & EXTERNAL_DATA != 0 {
            let named = Extensions::parse(self, head, u64::MAX)
                .ok()
                .and_then(std::result::Result::ok)
                .and_then(|found| found.data_file);
            let value = named.unwrap_or_else(|| format!("features {:#x}", self.incompatible));
            add("external data file", INCOMPATIBLE_FEATURES, value);
        }
        if self.incompatible & !KNOWN != 0 {
            add("unknown feature bits", INCOMPATIBLE_FEATURES, format!("{:#x}", self.incompatible & !KNOWN));
        }
        found
    }
}

/// Offset of entry `index` of a table of 8-byte entries at `at`.
pub fn entry_at(at: u64, index: u64) -> u64 {
    at.saturating_add(index.saturating_mul(to_u64(size_of::<u64>())))
}

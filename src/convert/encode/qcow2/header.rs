//! The header ("Header").

/// What differs from one file to the next.
pub struct Header {
    pub cluster_bits: u32,
    pub size: u64,
    pub zstd: bool,
    pub l1_entries: u64,
    pub l1_at: u64,
    pub refcount_table_at: u64,
    pub refcount_table_clusters: u64,
}

/// Bytes of the header without and with the compression type. Programs that are older than that field know only the first.
const LEN: u32 = 104;
const LEN_WITH_COMPRESSION: u32 = 112;
/// Incompatible feature bit: there is a compression type that is not the default.
const COMPRESSION: u64 = 1 << 3;
const ZSTD: u8 = 1;
/// log2 of the bits of a reference count: 16.
const REFCOUNT_ORDER: u32 = 4;

impl Header {
    /// The header, and behind it zeros, which end the extensions.
    pub fn bytes(&self) -> Vec<u8> {
        // These are bounded by what QEMU opens.
        let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        let length = if self.zstd { LEN_WITH_COMPRESSION } else { LEN };
        let incompatible = if self.zstd { COMPRESSION } else { 0 };
        let fields: [&[u8]; 20] = [
            b"QFI\xfb",
            &3_u32.to_be_bytes(),
            // No backing file.
            &[0; 8],
            &[0; 4],
            &self.cluster_bits.to_be_bytes(),
            &self.size.to_be_bytes(),
            // No encryption.
            &[0; 4],
            &short(self.l1_entries),
            &self.l1_at.to_be_bytes(),
            &self.refcount_table_at.to_be_bytes(),
            &short(self.refcount_table_clusters),
            // No snapshots.
            &[0; 4],
            &[0; 8],
            &incompatible.to_be_bytes(),
            // Compatible and autoclear features.
            &[0; 8],
            &[0; 8],
            &REFCOUNT_ORDER.to_be_bytes(),
            &length.to_be_bytes(),
            &[u8::from(self.zstd) * ZSTD, 0, 0, 0, 0, 0, 0, 0],
            // The end of the extensions.
            &[0; 8],
        ];
        fields.concat()
    }
}

//! Checksums of metadata (Documentation/filesystems/ext4/checksums.rst).

/// CRC-32C as ext4 and jbd2 chain it: from a seed, without inversion at either end.
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// CRC-16 (polynomial 0x8005, reflected), which group descriptors had before metadata_csum.
pub(super) fn crc16(seed: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(seed, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xA001 })
    })
}

/// A copy of `raw` with zeros where its own checksum is.
pub(super) fn without(raw: &[u8], fields: &[std::ops::Range<usize>]) -> Vec<u8> {
    let mut copy = raw.to_vec();
    for field in fields {
        copy.get_mut(field.clone()).unwrap_or_default().fill(0);
    }
    copy
}

//! GUIDs as Microsoft stores them: the first three parts little-endian (UEFI 2.10, appendix A).

/// The text of a GUID, lower case.
pub fn text(raw: [u8; 16]) -> String {
    let [a3, a2, a1, a0, b1, b0, c1, c0, rest @ ..] = raw;
    let [d0, d1, node @ ..] = rest;
    format!(
        "{}-{}-{}-{}-{}",
        hex::encode([a0, a1, a2, a3]),
        hex::encode([b0, b1]),
        hex::encode([c0, c1]),
        hex::encode([d0, d1]),
        hex::encode(node)
    )
}

#[cfg(test)]
#[test]
fn the_first_three_parts_are_swapped() {
    let raw = [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b];
    assert_eq!(text(raw), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
}

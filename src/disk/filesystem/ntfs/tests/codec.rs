//! The decompressors by themselves: examples of the specification, and what no compressor writes.

use super::super::codec::{lznt1, lzx, xpress};
use super::{noise, words};
use crate::disk::testkit::Dice;

/// MS-XCA 3.3.
const LZNT1_TEXT: &str = "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E \
                          F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
const LZNT1_PACKED: &str = "38b0884623200020472041001 0a24701a045204400084501507900c045200524138805b4024a44ef0358028c\
                            091601484500be009e000401189000";

#[test]
fn the_example_of_lznt1() {
    let packed = hex::decode(LZNT1_PACKED.replace(' ', "")).unwrap();
    assert_eq!(lznt1::decompress(&packed, LZNT1_TEXT.len()).unwrap(), LZNT1_TEXT.as_bytes());
    // Less is taken from its beginning, more is zeros.
    assert_eq!(lznt1::decompress(&packed, 5).unwrap(), b"F# F#");
    assert_eq!(lznt1::decompress(&packed, 9000).unwrap()[LZNT1_TEXT.len()..], vec![0; 9000 - LZNT1_TEXT.len()]);
}

#[test]
fn chunks_of_lznt1() {
    let raw = noise(4, 4096);
    let packed = [&[0xFF, 0x3F], raw.as_slice(), &[0x02, 0xB0, 0x00, b'a', b'b'], &[0, 0], b"not read"].concat();
    let found = lznt1::decompress(&packed, 3 * 4096).unwrap();
    assert!(found[..4096] == raw && found[4096..4098] == *b"ab" && found[4098..].iter().all(|byte| *byte == 0));
    // A match before there is anything, one that reaches back too far, one that passes the chunk, a cut chunk.
    for damage in [&[0x02, 0xB0, 0x01, 0, 0][..], &[0x03, 0xB0, 0x02, b'a', 0, 0x10], &[0x09, 0xB0, 0, 1]] {
        assert_eq!(lznt1::decompress(damage, 4096), None, "{damage:?}");
    }
    assert_eq!(lznt1::decompress(&[0x03, 0xB0, 0x02, b'a', 0xFF, 0x0F], 8192), None);
    assert_eq!(lznt1::decompress(&[], 4096).unwrap(), vec![0; 4096]);
}

/// MS-XCA 3.2: the alphabet, and three letters a hundred times.
#[test]
fn the_examples_of_xpress() {
    let table = |lengths: &[(usize, u8)]| {
        let mut table = vec![0_u8; 256];
        for (symbol, len) in lengths {
            table[symbol / 2] |= len << (symbol % 2 * 4);
        }
        table
    };
    let three = table(&[(97, 3), (98, 3), (99, 2), (256, 2), (287, 2)]);
    // Checked by itself: the code is complete.
    let sum: u32 =
        three.iter().flat_map(|byte| [byte & 15, byte >> 4]).filter(|len| *len > 0).map(|len| 1 << (15 - len)).sum();
    assert_eq!(sum, 1 << 15);
    let packed = [three, vec![0xA8, 0xDC, 0x00, 0x00, 0xFF, 0x26, 0x01]].concat();
    assert_eq!(xpress::decompress(&packed, 300).unwrap(), b"abc".repeat(100));
}

/// An uncompressed block sets the recent offsets, and bits go on behind it.
#[test]
fn an_uncompressed_block_of_lzx() {
    for len in [1_usize, 2, 15, 16, 1000] {
        let content = words(len as u64, len);
        // Three bits of kind, one of "not the usual size", sixteen of size, twelve to the end of the word.
        let header = 3_u32 << 29 | (len as u32) << 12;
        let mut packed = [(header >> 16) as u16, header as u16].map(u16::to_le_bytes).concat();
        packed.extend([1, 0, 0, 0].repeat(3));
        packed.extend(&content);
        assert_eq!(lzx::decompress(&packed, len).unwrap(), content, "{len}");
        if len % 2 == 1 {
            packed.push(0);
        }
        let twice = packed.repeat(2);
        assert_eq!(lzx::decompress(&twice, 2 * len).unwrap(), content.repeat(2), "{len}");
        assert_eq!(lzx::decompress(&packed, len + 1), None, "{len}");
        assert_eq!(lzx::decompress(&packed[..len], len), None, "{len}");
    }
}

#[test]
fn noise_never_does_harm() {
    let mut dice = Dice(11);
    for round in 0..1500_u64 {
        let mut packed = noise(round + 1, dice.below(900) as usize);
        if round % 2 == 0 && packed.len() > 300 {
            // A table that is a code, so that there is something to decode: 512 codewords of nine bits.
            packed[..256].fill(0x99);
        }
        let size = 1 + dice.below(32 << 10) as usize;
        for decompress in [lznt1::decompress, xpress::decompress, lzx::decompress] {
            assert!(decompress(&packed, size).is_none_or(|found| found.len() == size));
        }
    }
}

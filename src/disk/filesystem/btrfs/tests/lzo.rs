//! LZO as the kernel compresses it, and as nobody does.

use super::super::compression::Method;
use super::source::text;
use crate::disk::lzo::decompress;
use crate::disk::testkit::{Dice, damaged};

/// An inline extent: what Linux 6.18 (`compress-force=lzo`) made of [`content`].
const PACKED: &str = "\
    870100007f0100000005302030206c696e6573206f6620746578740a312031206c2b47003220342d47003320392d440001342031362d4800\
    01352032352d4b003620332e97003720342e2f013820362ec3013920382e5402033130203130302d80010231312031322fa4000132203134\
    2e44010231332031362ee4010231342031392e840201313520322f24030231362032352fa40001372032382f4c0101382033322ff4010139\
    2033362e9c0201323020342f44030232312034342fa40001322034382e4c010232332035322ef4010232342035372d9d0200200000000000\
    bf00002000d43c1f020a323520362f842201323620362ee41f020a32372037308f203820373037213920382fdc2101333020392f84220133\
    3120392f2c230233322034372d7026033333203131322e5000013420313724d4220561626364656667682000181c002b142f209a7c2a20a7\
    3c0b284c35033335203234382ee40b0136203331a45f29a40001372033392f8c0c01382034362a340d076578740a333920353434110000";

/// Literals, repetitions near and far, short and long.
fn content() -> Vec<u8> {
    let text = text(800);
    [&text[..500], &[0; 1500], &text[..700], &b"abcdefgh".repeat(40), &text[300..]].concat()
}

#[test]
fn what_the_kernel_compressed_is_read() {
    let packed = hex::decode(PACKED).unwrap();
    assert_eq!(Method::Lzo.decompress(&packed, 0, 3520, 4096).unwrap(), content());
    assert_eq!(Method::Lzo.decompress(&packed, 0, 1000, 4096).unwrap(), content()[..1000]);
    // The two numbers before the stream are those of the extent and of its only segment.
    assert_eq!(decompress(&packed[8..], 3520).unwrap(), content());
    assert_eq!(decompress(&packed[8..], 3519), None, "no more comes out than was asked for");
}

#[test]
fn segments_are_read_across_sectors_and_their_padding() {
    let stream = |len: u8| [&[17 + len][..], &vec![b'x'; len.into()], &[17, 0, 0]].concat();
    let segment = |len: u8| [&u32::from(len + 4).to_le_bytes()[..], &stream(len)].concat();
    // Segments up to two bytes before the end of a sector: the length of what is next would cross it.
    let mut packed = vec![0; 4];
    while packed.len() + 8 + 180 <= 4096 - 12 {
        packed.extend(segment(180));
    }
    let left = 4096 - 2 - packed.len() - 8;
    packed.extend(segment(u8::try_from(left).unwrap()));
    assert_eq!(packed.len(), 4094);
    packed.extend([0; 2]);
    packed.extend(segment(100));
    let len = u32::try_from(packed.len()).unwrap();
    packed[..4].copy_from_slice(&len.to_le_bytes());
    let all = 4094 - 4 - 8 * (4094 - 4 - left - 8).div_ceil(188) - 8 + 100;
    let found = Method::Lzo.decompress(&packed, 0, 8192, 4096).unwrap();
    assert!(found[..all].iter().all(|byte| *byte == b'x') && found[all..].iter().all(|byte| *byte == 0));
}

#[test]
fn any_input_ends_and_gives_no_more_than_was_asked_for() {
    let packed = hex::decode(PACKED).unwrap();
    let whole = 0..packed.len();
    let mut decompressed = 0;
    for damaged in damaged(&packed, &[whole], 4000) {
        let found = decompress(damaged.get(8..).unwrap_or_default(), 4096);
        assert!(found.is_none_or(|content| content.len() <= 4096));
        for method in [Method::Lzo, Method::Zlib, Method::Zstd] {
            let found = method.decompress(&damaged, 0, 5000, 4096);
            decompressed += usize::from(found.is_ok());
            assert!(found.is_err() || found.is_ok_and(|content| content.len() == 5000));
        }
    }
    assert!(decompressed > 100 && decompressed < 12_000, "{decompressed}");
    let mut dice = Dice(0x10);
    for _ in 0..20_000 {
        let input: Vec<u8> = (0..dice.below(60)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        assert!(decompress(&input, 500).is_none_or(|content| content.len() <= 500));
    }
}

//! Physical volumes as bytes, by the layout in LVM2's `lib/format_text/layout.h`: an encoder that shares nothing with the
//! reader but that document.

use std::fmt::Write;

use super::MIB;

const AREA: usize = 4096;
/// Size of the metadata area, up to the first extent.
pub const AREA_LEN: usize = MIB - AREA;

/// CRC-32 without inversion, from LVM's start, bit by bit.
pub fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0xf597_a6cf, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Writes label and one metadata area with `text` at `text_at` in it.
pub fn physical(bytes: &mut [u8], id: &str, text: &str, text_at: usize) {
    labelled(bytes, 1, id, &[(AREA, AREA_LEN)], false);
    area(bytes, AREA, AREA_LEN, text, text_at);
}

/// Writes a label in `sector` that names metadata areas.
pub fn labelled(bytes: &mut [u8], sector: usize, id: &str, areas: &[(usize, usize)], used: bool) {
    let mut label = [0_u8; 512];
    put(&mut label, 0, b"LABELONE");
    put(&mut label, 8, &(sector as u64).to_le_bytes());
    put(&mut label, 20, &32_u32.to_le_bytes());
    put(&mut label, 24, b"LVM2 001");
    put(&mut label, 32, id.replace('-', "").as_bytes());
    put(&mut label, 64, &(bytes.len() as u64).to_le_bytes());
    put(&mut label, 72, &(MIB as u64).to_le_bytes());
    let mut at = 72 + 32;
    for (place, len) in areas {
        put(&mut label, at, &(*place as u64).to_le_bytes());
        put(&mut label, at + 8, &(*len as u64).to_le_bytes());
        at += 16;
    }
    put(&mut label, at + 16, &2_u32.to_le_bytes());
    put(&mut label, at + 20, &u32::from(used).to_le_bytes());
    let sum = crc(&label[20..]);
    put(&mut label, 16, &sum.to_le_bytes());
    put(bytes, sector * 512, &label);
}

/// Writes a metadata area at `at` whose text starts `text_at` into it and wraps around.
pub fn area(bytes: &mut [u8], at: usize, len: usize, text: &str, text_at: usize) {
    let text = [text.as_bytes(), &[0]].concat();
    let mut header = [0_u8; 512];
    put(&mut header, 4, b" LVM2 x[5A%r0N*>");
    put(&mut header, 20, &1_u32.to_le_bytes());
    put(&mut header, 24, &(at as u64).to_le_bytes());
    put(&mut header, 32, &(len as u64).to_le_bytes());
    put(&mut header, 40, &(text_at as u64).to_le_bytes());
    put(&mut header, 48, &(text.len() as u64).to_le_bytes());
    put(&mut header, 56, &crc(&text).to_le_bytes());
    let sum = crc(&header[4..]);
    put(&mut header, 0, &sum.to_le_bytes());
    put(bytes, at, &header);
    let straight = text.len().min(len - text_at);
    put(bytes, at + text_at, &text[..straight]);
    put(bytes, at + 512, &text[straight..]);
}

/// The text of a group of these physical volumes, extents of 1 MiB, and these logical ones: name, status, segments.
pub fn text(name: &str, seqno: u32, physical: &[&str], logical: &[(&str, &str, &[String])]) -> String {
    let mut text = format!(
        "# written\ncontents = \"Text Format Volume Group\"\nversion = 1\n{name} {{\nid = \"{name}0-0000-0000-0000-0000-0000-000000\"\n\
         seqno = {seqno}\nstatus = [\"RESIZEABLE\", \"READ\", \"WRITE\"]\nflags = []\nextent_size = 2048\nphysical_volumes {{\n"
    );
    for (index, id) in physical.iter().enumerate() {
        write!(
            text,
            "pv{index} {{\nid = \"{id}\"\ndevice = \"/dev/sda{index}\" # Hint only\nstatus = [\"ALLOCATABLE\"]\n\
             pe_start = 2048\npe_count = 31\n}}\n"
        )
        .unwrap();
    }
    text += "}\nlogical_volumes {\n";
    for (name, status, segments) in logical {
        writeln!(text, "{name} {{\nid = \"{name}\"\nstatus = [{status}]\nsegment_count = {}", segments.len()).unwrap();
        for (index, segment) in segments.iter().enumerate() {
            writeln!(text, "segment{} {{\n{segment}\n}}", index + 1).unwrap();
        }
        text += "}\n";
    }
    text + "}\n}\n"
}

/// A segment of a type, with what else it says.
pub fn segment(start: u32, extents: u32, kind: &str, rest: &str) -> String {
    format!("start_extent = {start}\nextent_count = {extents}\ntype = \"{kind}\"\n{rest}")
}

pub fn linear(start: u32, extents: u32, volume: &str, extent: u32) -> String {
    segment(start, extents, "striped", &format!("stripe_count = 1\nstripes = [\"{volume}\", {extent}]"))
}

pub const SEEN: &str = "\"READ\", \"WRITE\", \"VISIBLE\"";
pub const HIDDEN: &str = "\"READ\", \"WRITE\"";

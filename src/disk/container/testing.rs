//! What the tests of the formats share: QEMU writes the images, and what it says of them is what must be said here.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::path::{Path, PathBuf};

use super::{Allocation, Container, open, stretches};
use crate::disk::ReadAt;
use crate::disk::testkit::{self, Dice, run};
use crate::inspect::facts::{Checked, SizeRange};

/// Size of [`pattern`].
pub const DISK: usize = (5 << 20) + 512 * 3;

/// A disk of an odd size: text, noise, zeros and repetition, so that every kind of cluster appears.
pub fn pattern(dir: &Path) -> (PathBuf, Vec<u8>) {
    let mut bytes = vec![0; DISK];
    let mut dice = Dice(7);
    for (number, block) in bytes.chunks_mut(24 << 10).enumerate() {
        match number % 5 {
            0 => block.iter_mut().for_each(|byte| *byte = dice.roll() as u8),
            1 | 2 => {
                let text = format!("block {number} of a disk that compresses well\n");
                block.iter_mut().zip(text.bytes().cycle()).for_each(|(byte, letter)| *byte = letter);
            }
            _ => {}
        }
    }
    bytes[2 << 20..4 << 20].fill(0);
    let file = dir.join("disk.raw");
    std::fs::write(&file, &bytes).unwrap();
    (file, bytes)
}

/// `qemu-img convert` of a RAW, to a file `name` beside it.
pub fn convert(raw: &Path, format: &str, name: &str, args: &[&str]) -> PathBuf {
    let out = raw.with_file_name(name);
    let args = [&["convert", "-f", "raw", "-O", format], args, &[text(raw), text(&out)]].concat();
    run("qemu-utils", "qemu-img", &args);
    out
}

/// The path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Opens a file.
pub fn opened(file: &Path) -> Container {
    open(testkit::open(file)).unwrap()
}

/// Opens bytes.
pub fn opened_bytes(bytes: Vec<u8>) -> Container {
    open(testkit::memory(bytes)).unwrap()
}

/// All that a guest sees.
pub fn whole(guest: &dyn ReadAt) -> Vec<u8> {
    guest.read_vec_at(0, guest.len() as usize).unwrap()
}

/// Asserts that an image is what QEMU says it is: size, content, allocation, and size as QCOW2. Gives what was found.
pub fn agrees_with_qemu(file: &Path, format: &str) -> Container {
    // Without holes, which QEMU counts as zeros.
    let solid = file.with_extension("solid");
    std::fs::write(&solid, std::fs::read(file).unwrap()).unwrap();
    let path = text(&solid);
    let told = |args: &[&str]| -> serde_json::Value {
        let out = run("qemu-utils", "qemu-img", &[args, &["--output=json", "-f", format, path]].concat());
        serde_json::from_str(&out).unwrap()
    };
    let container = opened(&solid);
    let facts = &container.facts;
    let name = file.display();
    assert_eq!((&facts.trouble, &facts.missing, facts.checked), (&None, &None, Checked::Whole), "{name}");
    assert_eq!(facts.virtual_size_bytes, told(&["info"])["virtual-size"].as_u64(), "{name}");

    let again = file.with_extension("again");
    run("qemu-utils", "qemu-img", &["convert", "-f", format, "-O", "raw", path, text(&again)]);
    let guest = container.guest.as_ref().unwrap();
    assert!(whole(guest.as_ref()) == std::fs::read(&again).unwrap(), "{name}: other bytes");

    let map = told(&["map"]);
    let stored = map.as_array().unwrap().iter().filter(|extent| extent["data"] == true);
    assert_eq!(facts.allocated_bytes, Some(stored.map(|e| e["length"].as_u64().unwrap()).sum()), "{name}");
    let mut at = 0;
    let mut data = 0;
    for stretch in stretches(container.layout.as_ref().unwrap().as_ref(), 0) {
        let stretch = stretch.unwrap();
        assert!(stretch.at == at && stretch.len > 0, "{name}: {stretch:?}");
        at += stretch.len;
        data += if stretch.allocation == Allocation::Data { stretch.len } else { 0 };
    }
    assert_eq!((at, Some(data)), (guest.len(), facts.allocated_bytes), "{name}");

    let SizeRange { lower, upper } = facts.qcow2_bytes.unwrap();
    let measured = told(&["measure", "-O", "qcow2"])["required"].as_u64().unwrap();
    assert!(lower <= measured && measured <= upper, "{name}: {lower} to {upper}, QEMU {measured}");
    if format == "raw" || facts.detail.contains("fixed") {
        assert!(lower < upper, "{name}: only reading would tell");
    } else {
        assert_eq!(measured, upper, "{name}");
    }
    std::fs::remove_file(&again).unwrap();
    std::fs::remove_file(&solid).unwrap();
    container
}

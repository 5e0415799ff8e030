//! How long the message is that carries the facts: the kubelet keeps 4096 bytes, and 3000 is what is promised.

use std::path::PathBuf;

use image_import::inspect::facts::Access;
use image_import::inspect::wire::{Message, encode};
use image_import::inspect::{Budget, inspect};
use image_import::source::open_file;

use super::disks::{PLAIN, Workshop};
use crate::harness::{BAD_IMAGE, GOOD_IMAGE};

#[test]
fn the_facts_of_every_image_fit_the_message() {
    let shop = Workshop::new();
    let folder = tempfile::tempdir().unwrap();
    let disk = shop.disk("dos", &[shop.system(PLAIN)]);
    let tiny = [
        ("qcow2", shop.image()),
        ("raw", disk.clone()),
        ("vhd", shop.convert(&disk, "vpc", None)),
        ("vmdk", shop.convert(&disk, "vmdk", None)),
        ("gpt", shop.disk("gpt", &vec![shop.system(PLAIN); 12])),
        ("iso", shop.iso()),
        ("overlay", shop.overlay()),
    ];
    let images = PathBuf::from(
        std::env::var("IMAGE_IMPORT_IMAGES").expect("the folder e2e/images/build.sh prints: run `make e2e`"),
    );
    let mut paths: Vec<PathBuf> = [GOOD_IMAGE, BAD_IMAGE].iter().map(|name| images.join(name)).collect();
    for (name, bytes) in tiny {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        paths.push(path);
    }
    let mut long = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let opened = open_file(&path, &Budget::default()).unwrap();
        assert_eq!(opened.facts.access, Access::Reached, "{name} is not there");
        let facts = inspect(&opened).unwrap();
        let size = encode(&Message::Facts(Box::new(facts))).unwrap().len();
        eprintln!("{size:5} bytes of facts: {name}");
        if size > 3000 {
            long.push((name, size));
        }
    }
    assert!(long.is_empty(), "{long:?}");
}

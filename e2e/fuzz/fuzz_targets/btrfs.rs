//! btrfs.
#![no_main]
image_import_fuzz::filesystem!("btrfs", "btrfs", image_import_fuzz::seal::btrfs);

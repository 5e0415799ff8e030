//! Initial ramdisks: cpio archives and their compressions.
#![no_main]
image_import_fuzz::disks!("initramfs", image_import_fuzz::guest::initramfs, image_import_fuzz::seal::none);

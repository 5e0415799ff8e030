//! The table of mounts.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::fstab);

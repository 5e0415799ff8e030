//! GRUB 2: its configuration language, environment and boot entries.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::grub);

//! Programs of UEFI: which loader they are, and unified kernels with all that is in them.
#![no_main]
image_import_fuzz::disks!("unified", image_import_fuzz::guest::unified, image_import_fuzz::seal::none);

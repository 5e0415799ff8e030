//! FAT of 12, 16 and 32 bits.
#![no_main]
image_import_fuzz::filesystem!("fat", "vfat", image_import_fuzz::seal::none);

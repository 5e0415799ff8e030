//! NTFS, with LZNT1 and the compression of single files (WOF).
#![no_main]
image_import_fuzz::filesystem!("ntfs", "ntfs", image_import_fuzz::seal::none);

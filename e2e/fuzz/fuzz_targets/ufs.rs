//! UFS of both versions.
#![no_main]
image_import_fuzz::filesystem!("ufs", "ufs", image_import_fuzz::seal::none);

//! ext2, ext3 and ext4, with the replay of their journals.
#![no_main]
image_import_fuzz::filesystem!("ext", "ext4", image_import_fuzz::seal::ext);

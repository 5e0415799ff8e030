//! LVM, md and BSD disklabels.
#![no_main]
image_import_fuzz::disks!("volume", image_import_fuzz::walk::disk, image_import_fuzz::seal::volume);

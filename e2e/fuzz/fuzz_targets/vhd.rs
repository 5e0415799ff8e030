//! VHD: footer, dynamic header, block table.
#![no_main]
image_import_fuzz::disks!("vhd", image_import_fuzz::walk::container, image_import_fuzz::seal::vhd);

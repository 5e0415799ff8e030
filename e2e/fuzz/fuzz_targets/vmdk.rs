//! VMDK: header, descriptor, grains.
#![no_main]
image_import_fuzz::disks!("vmdk", image_import_fuzz::walk::container, image_import_fuzz::seal::none);

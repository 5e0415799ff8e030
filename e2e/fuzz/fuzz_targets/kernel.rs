//! Kernel images, and the configuration inside.
#![no_main]
image_import_fuzz::disks!("kernel", image_import_fuzz::guest::kernel, image_import_fuzz::seal::none);

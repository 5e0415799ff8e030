//! The configuration of cloud-init.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::cloud_init);

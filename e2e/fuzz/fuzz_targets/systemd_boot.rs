//! systemd-boot's configuration and entries.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::systemd_boot);

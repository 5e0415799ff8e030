//! EXTLINUX and SYSLINUX.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::extlinux);

//! The list of packages of dpkg.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::dpkg);

//! The lists of packages of dpkg and apk.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::packages);

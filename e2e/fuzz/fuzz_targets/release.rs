//! Which system a guest is.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::release);

//! Users and their passwords.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::accounts);

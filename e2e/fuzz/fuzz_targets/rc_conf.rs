//! How interfaces are set up on SUSE and FreeBSD.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::rc_conf);

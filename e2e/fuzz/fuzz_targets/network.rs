//! How interfaces are set up: ifupdown, netplan, ifcfg, NetworkManager, networkd.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::network);

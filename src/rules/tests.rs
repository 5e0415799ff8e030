//! Every rule on facts that pass and facts that fail, and every severity split of the catalogue.

mod accounts;
mod boot;
mod boot_entry;
mod catalogue;
mod cloud_init;
mod declared;
mod filesystem;
mod format;
mod fstab;
mod health;
mod ids;
mod network;
mod packages;
mod partition;
mod platform;
mod selinux;
mod services;
mod size;
mod source;
mod system;
mod virtio;
mod windows;

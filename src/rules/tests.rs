//! Every rule on facts that pass and facts that fail, and every severity split of the catalogue.

mod accounts;
mod boot;
mod catalogue;
mod cloud_init;
mod coreos;
mod declared;
mod filesystem;
mod fooled;
mod format;
mod freebsd;
mod fstab;
mod health;
mod ids;
mod layout;
mod network;
mod packages;
mod partition;
mod platform;
mod selinux;
mod services;
mod size;
mod source;
mod system;
mod truths;
mod virtio;
mod windows;

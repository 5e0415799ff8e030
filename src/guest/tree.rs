//! Files by path: one walker for every filesystem, with symbolic links and mount points as the guest itself sees them.

use std::sync::Arc;

use crate::disk::filesystem::FileSystem;

/// The guest's file tree: its root filesystem and what is mounted on it.
#[derive(Clone, Default)]
pub struct Tree {
    mounts: Vec<(String, Arc<dyn FileSystem>)>,
}

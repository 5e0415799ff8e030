//! A guest's files in memory.

use std::sync::Arc;

use image_import::disk::filesystem::{DirEntry, FileSystem, Node, NodeKind, Stat, Usage};
use image_import::disk::{Error, ReadAt, Result};
use image_import::guest::Tree;

/// Files by path; directories are where paths lead through them.
#[derive(Default)]
pub struct Files(Vec<Entry>);

struct Entry {
    parent: usize,
    name: String,
    /// `None` for a directory.
    content: Option<Arc<dyn ReadAt>>,
}

impl Files {
    /// A root directory.
    pub fn new() -> Self {
        Self(vec![Entry { parent: usize::MAX, name: String::new(), content: None }])
    }

    /// With one more file.
    pub fn with(mut self, path: &str, content: Arc<dyn ReadAt>) -> Self {
        let mut parent = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            parent = match self.child(parent, name) {
                Some(found) => found,
                None => {
                    self.0.push(Entry { parent, name: name.to_owned(), content: None });
                    self.0.len() - 1
                }
            };
        }
        self.0[parent].content = Some(content);
        self
    }

    /// As a guest sees them.
    pub fn tree(self) -> Tree {
        Tree::new(Arc::new(self))
    }

    fn child(&self, parent: usize, name: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.parent == parent && entry.name == name)
    }

    fn entry(&self, node: Node) -> Result<&Entry> {
        self.0.get(node as usize).ok_or_else(|| Error::corrupt("files", node, "no such node"))
    }
}

impl FileSystem for Files {
    fn root(&self) -> Node {
        0
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        let content = self.entry(node)?.content.as_ref();
        let kind = if content.is_some() { NodeKind::File } else { NodeKind::Directory };
        let size = content.map_or(0, |content| content.len());
        Ok(Stat { kind, size, mode: 0o755, uid: 0, gid: 0, attributes: 0, immutable: false, append_only: false })
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        let found = self.child(dir as usize, name).map(|node| node as Node);
        found.ok_or_else(|| Error::not_found("files", "no such name"))
    }

    fn list(&self, dir: Node, _max: usize) -> Result<Vec<DirEntry>> {
        let all = self.0.iter().enumerate().filter(|(_, entry)| entry.parent == dir as usize);
        Ok(all.map(|(node, entry)| DirEntry { name: entry.name.clone(), node: node as Node }).collect())
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        let content = self.entry(file)?.content.as_ref().ok_or_else(|| Error::not_found("files", "a directory"))?;
        let len = content.len().saturating_sub(at).min(len as u64) as usize;
        content.read_vec_at(at, len)
    }

    fn read_link(&self, _link: Node) -> Result<String> {
        Err(Error::not_found("files", "no link"))
    }

    fn usage(&self) -> Result<Usage> {
        Ok(Usage { total_bytes: 1 << 30, free_bytes: 1 << 29, free_inodes: None })
    }
}

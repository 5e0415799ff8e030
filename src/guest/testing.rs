//! A filesystem in memory, so that what is read of guests is tested without disks.

mod host;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Tree;
use crate::disk::filesystem::{DirEntry, FileSystem, Node, NodeKind, Stat, Usage};
use crate::disk::{Error, Result};

/// A filesystem in memory, built path by path; directories on the way are made.
///
/// ```ignore
/// let tree = MemoryFs::new()
///     .file("/etc/os-release", "ID=debian\n")
///     .link("/sbin/init", "/lib/systemd/systemd")
///     .dir("/var/log")
///     .broken("/etc/shadow", Error::unsupported("ext4", "compressed"))
///     .tree();
/// ```
#[derive(Clone)]
pub(crate) struct MemoryFs {
    nodes: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    content: Content,
    stat: Stat,
    /// What reading, listing or following it answers instead of its content.
    broken: Option<Error>,
}

#[derive(Clone)]
enum Content {
    Bytes(Vec<u8>),
    Names(BTreeMap<String, usize>),
}

impl MemoryFs {
    /// An empty root directory.
    pub(crate) fn new() -> Self {
        Self { nodes: vec![entry(NodeKind::Directory, Content::Names(BTreeMap::new()))] }
    }

    /// Text files only: `(path, content)`.
    pub(crate) fn of_texts(files: &[(&str, &str)]) -> Self {
        files.iter().fold(Self::new(), |fs, (path, text)| fs.file(path, text))
    }

    /// A regular file, mode 0644.
    pub(crate) fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.insert(path, entry(NodeKind::File, Content::Bytes(content.as_ref().to_vec())));
        self
    }

    /// A symbolic link.
    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.insert(path, entry(NodeKind::Link, Content::Bytes(target.into())));
        self
    }

    /// An empty directory, or one that is already there.
    pub(crate) fn dir(mut self, path: &str) -> Self {
        self.make_dirs(path);
        self
    }

    /// A device, socket or pipe.
    pub(crate) fn special(mut self, path: &str) -> Self {
        self.insert(path, entry(NodeKind::Special, Content::Bytes(Vec::new())));
        self
    }

    /// Changes what [`FileSystem::stat`] says of a path that is already there: mode, flags, size.
    pub(crate) fn stat_of(mut self, path: &str, change: impl FnOnce(&mut Stat)) -> Self {
        let node = self.find(path);
        change(&mut self.nodes[node].stat);
        self
    }

    /// Makes every read of `path` fail; a file is made where nothing is.
    pub(crate) fn broken(mut self, path: &str, error: Error) -> Self {
        if self.position(path).is_none() {
            self = self.file(path, "");
        }
        let node = self.find(path);
        self.nodes[node].broken = Some(error);
        self
    }

    /// As something to mount.
    pub(crate) fn shared(self) -> Arc<dyn FileSystem> {
        Arc::new(self)
    }

    /// As the root of a guest.
    pub(crate) fn tree(self) -> Tree {
        Tree::new(self.shared())
    }

    fn position(&self, path: &str) -> Option<usize> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(0, |dir, name| match &self.nodes[dir].content {
            Content::Names(names) => names.get(name).copied(),
            Content::Bytes(_) => None,
        })
    }

    fn find(&self, path: &str) -> usize {
        self.position(path).unwrap_or_else(|| panic!("{path} was not put in"))
    }

    fn make_dirs(&mut self, path: &str) -> usize {
        path.split('/')
            .filter(|name| !name.is_empty())
            .fold(0, |dir, name| self.child(dir, name, || entry(NodeKind::Directory, Content::Names(BTreeMap::new()))))
    }

    fn insert(&mut self, path: &str, new: Entry) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let dir = self.make_dirs(parent);
        let node = self.child(dir, name, || new.clone());
        self.nodes[node] = new;
    }

    fn child(&mut self, dir: usize, name: &str, new: impl FnOnce() -> Entry) -> usize {
        let next = self.nodes.len();
        let Content::Names(names) = &mut self.nodes[dir].content else { panic!("{name} is put into a file") };
        let node = *names.entry(name.to_owned()).or_insert(next);
        if node == next {
            self.nodes.push(new());
        }
        node
    }

    fn node(&self, node: Node) -> Result<&Entry> {
        let entry = usize::try_from(node).ok().and_then(|n| self.nodes.get(n));
        entry.ok_or_else(|| Error::corrupt("memory", node, "no such node"))
    }

    fn content(&self, node: Node) -> Result<&Content> {
        let entry = self.node(node)?;
        entry.broken.clone().map_or(Ok(&entry.content), Err)
    }

    fn bytes(&self, node: Node, kind: NodeKind) -> Result<&[u8]> {
        match self.content(node)? {
            Content::Bytes(bytes) if self.node(node)?.stat.kind == kind => Ok(bytes),
            _ => Err(Error::not_found("memory", format!("not a {kind:?}"))),
        }
    }

    fn names(&self, node: Node) -> Result<&BTreeMap<String, usize>> {
        match self.content(node)? {
            Content::Names(names) => Ok(names),
            Content::Bytes(_) => Err(Error::not_found("memory", "not a directory")),
        }
    }
}

impl FileSystem for MemoryFs {
    fn root(&self) -> Node {
        0
    }

    fn stat(&self, node: Node) -> Result<Stat> {
        Ok(self.node(node)?.stat.clone())
    }

    fn lookup(&self, dir: Node, name: &str) -> Result<Node> {
        let node = self.names(dir)?.get(name).ok_or_else(|| Error::not_found("memory", "no such name"))?;
        Ok(*node as Node)
    }

    fn list(&self, dir: Node, max: usize) -> Result<Vec<DirEntry>> {
        let names = self.names(dir)?;
        if names.len() > max {
            return Err(Error::limit("memory", "too many names"));
        }
        Ok(names.iter().map(|(name, node)| DirEntry { name: name.clone(), node: *node as Node }).collect())
    }

    fn read_at(&self, file: Node, at: u64, len: usize) -> Result<Vec<u8>> {
        let bytes = self.bytes(file, NodeKind::File)?;
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        Ok(rest[..rest.len().min(len)].to_vec())
    }

    fn read_link(&self, link: Node) -> Result<String> {
        Ok(String::from_utf8_lossy(self.bytes(link, NodeKind::Link)?).into_owned())
    }

    fn usage(&self) -> Result<Usage> {
        Ok(Usage { total_bytes: 1 << 30, free_bytes: 1 << 29, free_inodes: Some(1 << 16) })
    }
}

fn entry(kind: NodeKind, content: Content) -> Entry {
    let size = match &content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Names(_) => 4096,
    };
    let mode = match kind {
        NodeKind::Directory => 0o755,
        NodeKind::Link => 0o777,
        NodeKind::File | NodeKind::Special => 0o644,
    };
    Entry {
        content,
        stat: Stat { kind, size, mode, uid: 0, gid: 0, attributes: 0, immutable: false, append_only: false },
        broken: None,
    }
}

/// A bzImage as the boot protocol describes it, with this payload.
pub(crate) fn bzimage(release: &str, payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 5 * 512 + 64];
    image[0x1f1] = 4;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
    image[0x20e..0x210].copy_from_slice(&0x400_u16.to_le_bytes());
    let text = format!("{release} (builder@host) #1 SMP");
    image[0x600..0x600 + text.len()].copy_from_slice(text.as_bytes());
    image[0x248..0x24c].copy_from_slice(&64_u32.to_le_bytes());
    image.extend(payload);
    image
}

//! Disks: images made by the real tools, held without their zeros, and changed copies of them.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use image_import::disk::{ReadAt, Result, check_range};

const PAGE: usize = 4096;

/// An image as a tool made it.
pub struct Image {
    /// Its file's name, without the extension.
    pub name: String,
    len: u64,
    pages: HashMap<u64, Box<[u8]>>,
}

impl Image {
    /// Those in `folder`, by name.
    pub fn all(folder: &Path) -> Vec<Arc<Self>> {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}: run make fuzz", folder.display()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{}: no images", folder.display());
        files.iter().map(|file| Arc::new(Self::load(file))).collect()
    }

    fn load(path: &Path) -> Self {
        let mut file = File::open(path).unwrap();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (mut len, mut pages) = (0_u64, HashMap::new());
        loop {
            let mut page = Vec::with_capacity(PAGE);
            file.by_ref().take(PAGE as u64).read_to_end(&mut page).unwrap();
            if page.is_empty() {
                return Self { name, len, pages };
            }
            let number = len / PAGE as u64;
            len += page.len() as u64;
            page.resize(PAGE, 0);
            if page.iter().any(|byte| *byte != 0) {
                pages.insert(number, page.into());
            }
        }
    }

    /// Its size.
    pub fn len(&self) -> u64 {
        self.len
    }
}

/// A changed copy of an image.
pub struct Disk {
    image: Arc<Image>,
    len: u64,
    changed: BTreeMap<u64, Box<[u8]>>,
    reads: Option<Mutex<Vec<(u64, usize)>>>,
}

impl Disk {
    /// The image as it is.
    pub fn new(image: &Arc<Image>) -> Self {
        Self { image: Arc::clone(image), len: image.len, changed: BTreeMap::new(), reads: None }
    }

    /// The same, which remembers what is read.
    pub fn watched(image: &Arc<Image>) -> Self {
        Self { reads: Some(Mutex::default()), ..Self::new(image) }
    }

    /// What was read: offset, length.
    pub fn reads(&self) -> Vec<(u64, usize)> {
        self.reads.as_ref().map(|reads| reads.lock().unwrap().clone()).unwrap_or_default()
    }

    /// Ends it at byte `len`.
    pub fn cut(&mut self, len: u64) {
        self.len = self.len.min(len);
    }

    /// Bytes of it; what lies behind the end is zeros.
    pub fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let mut found = vec![0; len];
        self.fill(&mut found, at);
        found
    }

    /// Writes to it; what lies behind the end is dropped.
    pub fn write(&mut self, at: u64, bytes: &[u8]) {
        for (at, byte) in (at..self.len).zip(bytes) {
            let number = at / PAGE as u64;
            let image = &self.image;
            let page = self.changed.entry(number).or_insert_with(|| match image.pages.get(&number) {
                Some(page) => page.clone(),
                None => vec![0; PAGE].into(),
            });
            page[(at % PAGE as u64) as usize] = *byte;
        }
    }

    fn fill(&self, mut buf: &mut [u8], mut at: u64) {
        while !buf.is_empty() {
            let (number, within) = (at / PAGE as u64, (at % PAGE as u64) as usize);
            let (now, later) = buf.split_at_mut(buf.len().min(PAGE - within));
            match self.changed.get(&number).or_else(|| self.image.pages.get(&number)) {
                Some(page) => now.copy_from_slice(&page[within..within + now.len()]),
                None => now.fill(0),
            }
            at = at.saturating_add(now.len() as u64);
            buf = later;
        }
    }
}

impl ReadAt for Disk {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        check_range("disk", self.len, at, buf.len())?;
        if let Some(reads) = &self.reads {
            reads.lock().unwrap().push((at, buf.len()));
        }
        self.fill(buf, at);
        Ok(())
    }
}

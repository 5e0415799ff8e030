//! What the fuzz targets share. `fuzz.sh` builds and runs them; each is a file of `fuzz_targets`.
//!
//! A target of bytes gets libFuzzer's input as it is. A target of disks gets it as changes of an image that a real tool
//! made (see [`change`]), so that a small input leads deep into a large disk.

mod change;
mod disk;
mod files;
pub mod guest;
mod measure;
pub mod seal;
pub mod walk;
pub mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use image_import::disk::ReadAt;

use change::{Input, Places};
use disk::{Disk, Image};

pub use libfuzzer_sys;
pub use measure::measured;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

/// A target that reads disks.
pub struct Disks {
    images: Vec<Arc<Image>>,
    places: Places,
    read: fn(Arc<dyn ReadAt>),
    seal: seal::Seal,
}

impl Disks {
    /// Of the images in folder `name` of `FUZZ_SEEDS`. What `find` reads of them is what will be changed.
    pub fn new(name: &str, read: fn(Arc<dyn ReadAt>), find: fn(Arc<dyn ReadAt>), seal: seal::Seal) -> Self {
        let seeds = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from).expect("FUZZ_SEEDS: the folder of seeds.sh");
        let images = Image::all(&seeds.join(name));
        let places = Places::of(&images, |disk: Disk| {
            let disk = Arc::new(disk);
            find(Arc::clone(&disk) as Arc<dyn ReadAt>);
            Arc::into_inner(disk).expect("a parser keeps the disk")
        });
        Self { images, places, read, seal }
    }

    /// Reads the disk that an input describes.
    pub fn run(&self, data: &[u8]) {
        let input = Input::parse(data);
        let (mut disk, changed) = input.disk(&self.images);
        if input.sealed {
            changed.into_iter().for_each(|at| (self.seal)(&mut disk, at));
        }
        let disk: Arc<dyn ReadAt> = Arc::new(disk);
        measured(|| (self.read)(disk));
    }

    /// Changes an input.
    pub fn mutate(&self, data: &mut [u8], len: usize, most: usize, seed: u32) -> usize {
        change::mutate(data, len, most, seed, &self.images, &self.places)
    }
}

/// A target that reads disks: the folder of its images, what reads one, what reads only what leads further, and the
/// checksums to be mended.
#[macro_export]
macro_rules! disks {
    ($name:literal, $read:expr, $find:expr, $seal:expr) => {
        static TARGET: std::sync::LazyLock<$crate::Disks> =
            std::sync::LazyLock::new(|| $crate::Disks::new($name, $read, $find, $seal));
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.run(data));
        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            TARGET.mutate(data, size, max_size, seed)
        });
    };
    ($name:literal, $read:expr, $seal:expr) => {
        $crate::disks!($name, $read, $read, $seal);
    };
}

/// A target that reads filesystems: the folder of its images, the name they are opened by, and the checksums to be mended.
#[macro_export]
macro_rules! filesystem {
    ($folder:literal, $name:literal, $seal:expr) => {
        // A byte of each file leads past all of its metadata.
        $crate::disks!(
            $folder,
            |disk| $crate::walk::filesystem($name, disk),
            |disk| $crate::walk::filesystem_reading($name, disk, 1),
            $seal
        );
    };
}

/// A target that reads bytes.
#[macro_export]
macro_rules! bytes {
    ($read:expr) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::measured(|| $read(data)));
    };
}

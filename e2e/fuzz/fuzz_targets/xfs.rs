//! XFS of versions 4 and 5, with the replay of its log.
#![no_main]
image_import_fuzz::filesystem!("xfs", "xfs", image_import_fuzz::seal::xfs);

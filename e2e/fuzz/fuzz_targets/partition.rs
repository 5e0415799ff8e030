//! Partition tables, and what is recognised in them.
#![no_main]
image_import_fuzz::disks!("partition", image_import_fuzz::walk::disk, image_import_fuzz::seal::gpt);

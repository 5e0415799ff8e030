//! What is on a volume, by its signatures.
#![no_main]
image_import_fuzz::disks!("recognise", image_import_fuzz::walk::recognised, image_import_fuzz::seal::none);

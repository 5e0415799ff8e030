//! All of an inspection, from object to facts.
#![no_main]
image_import_fuzz::disks!("inspect", image_import_fuzz::walk::whole, image_import_fuzz::seal::gpt);

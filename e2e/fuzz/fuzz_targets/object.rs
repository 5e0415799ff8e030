//! Every other kind of object, recognised by its first and last bytes.
#![no_main]
image_import_fuzz::disks!("object", image_import_fuzz::walk::container, image_import_fuzz::seal::none);

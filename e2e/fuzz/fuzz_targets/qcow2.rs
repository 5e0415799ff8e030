//! QCOW2: header, tables, compressed clusters.
#![no_main]
image_import_fuzz::disks!("qcow2", image_import_fuzz::walk::container, image_import_fuzz::seal::none);

//! The message from worker to controller.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::wire::message);

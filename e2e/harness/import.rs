//! Imports as the cases ask for them.

use image_import::api::{Destination, ImageImport, ImageImportSpec, LocalRef, Source};

use super::Store;

/// A Debian 12 that both clouds take.
pub const GOOD_IMAGE: &str = "debian-12.qcow2";
/// The same without cloud-init, and without virtio in its initramfs.
pub const BAD_IMAGE: &str = "debian-12-bad.qcow2";

/// An import that only checks the object `key` against a profile.
pub fn check(name: &str, key: &str, profile: &str) -> ImageImport {
    let source = Source {
        url: format!("s3://images/{key}"),
        endpoint: Some(Store::ENDPOINT.to_owned()),
        secret_ref: Some(LocalRef { name: "bucket-reader".to_owned() }),
        ..Source::default()
    };
    let spec =
        ImageImportSpec { source, profile_ref: LocalRef { name: profile.to_owned() }, ..ImageImportSpec::default() };
    ImageImport::new(name, spec)
}

/// An import that stores the image below `folder` when it complies.
pub fn import(name: &str, key: &str, profile: &str, folder: &str) -> ImageImport {
    let mut import = check(name, key, profile);
    import.spec.destination = Some(Destination {
        url: format!("s3://images/{folder}/"),
        endpoint: Some(Store::ENDPOINT.to_owned()),
        secret_ref: Some(LocalRef { name: "bucket-writer".to_owned() }),
        ..Destination::default()
    });
    import
}

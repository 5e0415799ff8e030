//! The message from worker to controller: as it stands, or packed as a worker packs it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::{Compress, Compression, FlushCompress};
use image_import::inspect::wire::decode;

const DICTIONARY: &[u8] = include_bytes!("../../../src/inspect/wire/v1.dict");

/// An input that begins with `{` is JSON to be packed, all others are the message.
pub fn message(data: &[u8]) {
    let packed = if data.starts_with(b"{") { Some(pack(data)) } else { None };
    let text = packed.unwrap_or_else(|| String::from_utf8_lossy(data).into_owned());
    let _ = decode(&text);
}

fn pack(json: &[u8]) -> String {
    let mut deflate = Compress::new(Compression::fast(), true);
    deflate.set_dictionary(DICTIONARY).unwrap();
    let mut packed = Vec::with_capacity(json.len() + 4096);
    deflate.compress_vec(json, &mut packed, FlushCompress::Finish).unwrap();
    format!("v1:{}", STANDARD_NO_PAD.encode(packed))
}

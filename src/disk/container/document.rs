//! Documents: often the error page of a store or a proxy, saved under the image's name.

use super::{Class, Format, Probe, name_only};

const PAGE: &str = "This is a document, often an error page that was saved as an image: open it in an editor, then \
                    download and upload the image again";

/// The byte order mark of UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes of a page's start that are looked at.
const PAGE_START: usize = 1024;

const fn document(name: &'static str, probe: fn(&Probe) -> bool) -> Format {
    Format { name, class: Class::Other, advice: PAGE, probe, open: name_only }
}

/// PDF (ISO 32000-1 7.5.2).
pub const PDF: Format = document("PDF", |probe| probe.starts_with(b"%PDF-"));
/// An HTML page.
pub const HTML: Format = document("HTML", |probe| {
    let start = lower_start(probe);
    let is_page = is_text(probe) && ["<head", "<body"].iter().any(|tag| start.starts_with(tag));
    is_page || begins_page(probe)
});
/// An XML document, such as an S3 error.
pub const XML: Format = document("XML", |probe| {
    let start = lower_start(probe);
    is_text(probe) && (start.starts_with("<?xml") || start.starts_with("<error>"))
});
/// A JSON document.
pub const JSON: Format = document("JSON", |probe| {
    is_text(probe)
        && lower_start(probe)
            .strip_prefix(['{', '['])
            .is_some_and(|rest| rest.trim_start().starts_with(['"', '{', '[', ']', '}']))
});
/// Any other text.
pub const TEXT: Format = document("text", is_text);

/// Nothing but text as far as the head goes: UTF-8, which may be cut at its end, without control characters.
fn is_text(probe: &Probe) -> bool {
    let text = match std::str::from_utf8(&probe.head) {
        Ok(text) => text,
        // `error_len` is `None` where a character is cut by the end, and only there.
        Err(error) if error.error_len().is_none() => {
            probe.head.get(..error.valid_up_to()).and_then(|head| std::str::from_utf8(head).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b'))
}

/// Begins as pages do, in whatever character set: no disk begins with these words, and so many bytes without a zero.
fn begins_page(probe: &Probe) -> bool {
    let head = probe.head.get(..PAGE_START).unwrap_or(&probe.head);
    let units = |unit: fn([u8; 2]) -> u16| head.as_chunks::<2>().0.iter().skip(1).map(|pair| unit(*pair)).collect();
    let start: Vec<u16> = match head {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => head.strip_prefix(UTF8_MARK).unwrap_or(head).iter().map(|byte| u16::from(*byte)).collect(),
    };
    let text = String::from_utf16_lossy(&start).trim_start().to_ascii_lowercase();
    !start.contains(&0) && ["<!doctype html", "<html"].iter().any(|tag| text.starts_with(tag))
}

/// The first words, without white space, byte order mark and capitals.
fn lower_start(probe: &Probe) -> String {
    let head = probe.head.strip_prefix(UTF8_MARK).unwrap_or(&probe.head);
    let head = head.trim_ascii_start();
    String::from_utf8_lossy(head.get(..head.len().min(64)).unwrap_or_default()).to_ascii_lowercase()
}

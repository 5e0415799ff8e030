//! From text to message, trusting nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::{Decompress, FlushDecompress, Status};
use serde_json::Value;

use super::{DICTIONARY, Envelope, MESSAGE_MAX, Message, PREFIX};

/// The most that a message may inflate to.
const JSON_MAX: usize = 64 << 10;
/// Facts are nested 10 deep.
const DEPTH_MAX: usize = 16;
/// Items of a list, or members of an object.
const LIST_MAX: usize = 256;
/// Bytes of a text. The encoder writes 512 characters at most.
const TEXT_MAX: usize = 2048;

/// Why a message is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each has its message")]
pub enum DecodeError {
    #[error("the message has more than 4096 bytes")]
    TooLong,
    #[error("the message does not start with a version that is read: v1")]
    Version,
    #[error("the message is not base64")]
    Base64,
    #[error("the message is not deflated, or damaged")]
    Deflate,
    #[error("the message inflates to more than 64 KiB")]
    TooLarge,
    #[error("the message is not JSON")]
    Json,
    #[error("the message is nested too deep, or a list or text of it is too long")]
    Shape,
    #[error("the message holds neither facts nor a result that is known")]
    Content,
}

/// Reads a worker's message. Unknown fields and enum words are passed over.
///
/// # Errors
/// [`DecodeError`] for everything that a worker does not write; time and memory are bounded before.
pub fn decode(text: &str) -> Result<Message, DecodeError> {
    let text = text.trim_end();
    if text.len() > MESSAGE_MAX {
        return Err(DecodeError::TooLong);
    }
    let packed = text.strip_prefix(PREFIX).ok_or(DecodeError::Version)?;
    let packed = STANDARD_NO_PAD.decode(packed).map_err(|_| DecodeError::Base64)?;
    let json: Value = serde_json::from_slice(&inflate(&packed)?).map_err(|_| DecodeError::Json)?;
    if !is_bounded(&json, DEPTH_MAX) {
        return Err(DecodeError::Shape);
    }
    let Envelope { facts, written, deleted, notified, refused } =
        serde_json::from_value(json).map_err(|_| DecodeError::Content)?;
    let members = [
        facts.map(Message::Facts),
        written.map(Message::Written),
        deleted.map(Message::Deleted),
        notified.map(Message::Notified),
        refused.map(Message::Refused),
    ];
    let mut members = members.into_iter().flatten();
    match (members.next(), members.next()) {
        (Some(message), None) => Ok(message),
        _ => Err(DecodeError::Content),
    }
}

/// Inflates into a buffer that does not grow.
fn inflate(packed: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut inflate = Decompress::new(true);
    let mut json = Vec::with_capacity(JSON_MAX);
    // The first call stops at the header, which names the dictionary (RFC 1950, section 2.2).
    match inflate.decompress_vec(packed, &mut json, FlushDecompress::Finish) {
        Err(e) if e.needs_dictionary().is_some() => {}
        _ => return Err(DecodeError::Deflate),
    }
    inflate.set_dictionary(DICTIONARY).map_err(|_| DecodeError::Deflate)?;
    let read = usize::try_from(inflate.total_in()).map_err(|_| DecodeError::Deflate)?;
    let rest = packed.get(read..).ok_or(DecodeError::Deflate)?;
    match inflate.decompress_vec(rest, &mut json, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) => Ok(json),
        _ if json.len() == json.capacity() => Err(DecodeError::TooLarge),
        _ => Err(DecodeError::Deflate),
    }
}

fn is_bounded(value: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::String(text) => text.len() <= TEXT_MAX,
        Value::Array(list) => list.len() <= LIST_MAX && list.iter().all(|item| is_bounded(item, depth)),
        Value::Object(members) => {
            members.len() <= LIST_MAX
                && members.iter().all(|(name, item)| name.len() <= TEXT_MAX && is_bounded(item, depth))
        }
        _ => true,
    }
}

//! From message to text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::reduce::{GENTLE, SEVERE, bound_text};
use super::{DICTIONARY, Envelope, MESSAGE_MAX, Message, PREFIX};

/// What is aimed at: room for fields of later versions, and for a status that holds many of these.
const TARGET: usize = 3000;

/// Why a message was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It does not fit, whatever is left out.
    #[error("the message has {0} bytes, and 4096 is the most that is carried")]
    TooLong(usize),
    /// It could not be written as JSON or deflated.
    #[error("the message could not be written: {0}")]
    Failed(String),
}

/// A message as the worker leaves it: never more than [`MESSAGE_MAX`] bytes. Facts that are longer lose the ends of their
/// lists, in a fixed order, and `truncated` names those lists.
///
/// # Errors
/// [`EncodeError::TooLong`] when that does not suffice.
pub fn encode(message: &Message) -> Result<String, EncodeError> {
    let mut envelope = Envelope::default();
    match message {
        Message::Facts(facts) => envelope.facts = Some(facts.clone()),
        Message::Written(written) => envelope.written = Some(written.clone()),
        Message::Deleted(deleted) => envelope.deleted = Some(deleted.clone()),
        Message::Notified(notified) => envelope.notified = Some(notified.clone()),
        Message::Refused(refusal) => envelope.refused = Some(refusal.clone()),
    }
    let mut text = write(&envelope)?;
    for (cuts, max) in [(GENTLE, TARGET), (SEVERE, MESSAGE_MAX)] {
        for cut in cuts {
            let Some(facts) = envelope.facts.as_mut().filter(|_| text.len() > max) else { break };
            if (cut.apply)(facts) {
                facts.truncated.push(cut.list.to_owned());
                facts.truncated.sort();
                facts.truncated.dedup();
                text = write(&envelope)?;
            }
        }
    }
    if text.len() > MESSAGE_MAX { Err(EncodeError::TooLong(text.len())) } else { Ok(text) }
}

fn write(envelope: &Envelope) -> Result<String, EncodeError> {
    let failed = |e: &dyn std::fmt::Display| EncodeError::Failed(e.to_string());
    let mut json = serde_json::to_value(envelope).map_err(|e| failed(&e))?;
    bound_text(&mut json);
    let json = serde_json::to_vec(&json).map_err(|e| failed(&e))?;
    let mut deflate = Compress::new(Compression::best(), true);
    deflate.set_dictionary(DICTIONARY).map_err(|e| failed(&e))?;
    // Deflate never grows its input by more than a few bytes a block (RFC 1951, section 3.2.4).
    let mut packed = Vec::with_capacity(json.len().saturating_add(json.len() / 100).saturating_add(1024));
    match deflate.compress_vec(&json, &mut packed, FlushCompress::Finish) {
        Ok(Status::StreamEnd) => Ok(format!("{PREFIX}{}", STANDARD_NO_PAD.encode(packed))),
        Ok(status) => Err(EncodeError::Failed(format!("deflate stopped: {status:?}"))),
        Err(e) => Err(failed(&e)),
    }
}

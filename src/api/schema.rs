//! What the derived schemas lack: the status default, lengths, list types and CEL rules.

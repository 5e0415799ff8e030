//! Writes a judged image into the image store.

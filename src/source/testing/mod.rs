//! Stores for tests, on loopback: a web server that can misbehave, and a real S3-compatible store.

#![allow(clippy::cast_possible_truncation, clippy::unused_self, clippy::type_complexity)]

mod minio;
mod server;

pub(crate) use minio::Minio;
pub(crate) use server::{Object, Server};

/// Bytes that differ from place to place.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| (at / 251 + at.wrapping_mul(31)) as u8).collect()
}

//! Stores for tests, on loopback: a web server that can misbehave, and a real S3-compatible store.

#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines, with small objects")]

mod minio;
mod proxy;
mod server;

pub(crate) use minio::Minio;
pub(crate) use proxy::{Change, Proxy, query};
pub(crate) use server::{Object, Server};

/// Bytes that differ from place to place.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len as u64).map(|at| (at / 251 + at.wrapping_mul(31)) as u8).collect()
}

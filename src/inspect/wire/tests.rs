#![expect(clippy::cast_possible_truncation, reason = "small numbers of the tests' own making")]

mod random;
mod sample;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::{Compress, Compression, FlushCompress};

use super::*;
use crate::inspect::facts::Fact;

fn facts_of(message: Message) -> Facts {
    match message {
        Message::Facts(facts) => *facts,
        other => panic!("{other:?}"),
    }
}

fn through(facts: &Facts) -> (usize, Facts) {
    let text = encode(&Message::Facts(Box::new(facts.clone()))).unwrap();
    (text.len(), facts_of(decode(&text).unwrap()))
}

/// Any bytes as a message of this version.
fn pack(json: &[u8]) -> String {
    let mut deflate = Compress::new(Compression::best(), true);
    deflate.set_dictionary(DICTIONARY).unwrap();
    let mut packed = Vec::with_capacity(json.len() + 4096);
    deflate.compress_vec(json, &mut packed, FlushCompress::Finish).unwrap();
    format!("{PREFIX}{}", STANDARD_NO_PAD.encode(packed))
}

#[test]
fn wire_size() {
    for (kernels, partitions, max) in [(1, 1, 1100), (3, 3, 1500), (6, 8, 2500)] {
        let facts = Facts { boot_modes: Some(sample::boot_modes()), ..sample::server(kernels, partitions) };
        let json = serde_json::to_string(&facts).unwrap().len();
        let (len, back) = through(&facts);
        eprintln!("{kernels} kernels, {partitions} partitions: {json} bytes of JSON, {len} on the wire");
        assert!(len <= max, "{len}");
        assert_eq!(back, facts, "nothing is left out");
    }
    let mut facts = sample::server(3, 3);
    let before = through(&facts).0;
    sample::services(&mut facts);
    let (len, back) = through(&facts);
    eprintln!("SSH, a packet filter and no agent: {} bytes more on the wire", len - before);
    assert!(len - before <= 350 && back == facts);
    let (len, back) = through(&Facts { boot_modes: Some(sample::boot_modes()), ..sample::server(16, 20) });
    eprintln!("16 kernels, 20 partitions: {len} on the wire, without {:?}", back.truncated);
    assert!(len <= 3000, "{len}");
}

#[test]
fn network_accounts_and_selinux_are_small() {
    let mut facts = sample::server(1, 1);
    let before = through(&facts).0;
    sample::networked(&mut facts);
    let (len, back) = through(&facts);
    eprintln!("network, accounts and SELinux: {} more on the wire", len - before);
    assert_eq!(back, facts);
    assert!(len - before <= 340, "{}", len - before);
}

#[test]
fn wire_golden() {
    let facts = sample::server(2, 2);
    eprintln!("{}", encode(&Message::Facts(Box::new(facts.clone()))).unwrap());
    assert_eq!(facts_of(decode(include_str!("golden/v1-0.1.0.txt")).unwrap()), facts);
}

#[test]
fn results_of_a_conversion_and_a_deletion_come_through() {
    let old = Written {
        url: "s3://store/a.qcow2".into(),
        bytes: u64::MAX,
        checksum: "sha256:00".into(),
        ..Written::default()
    };
    let written = Written {
        etag: Some("\"00-2\"".into()),
        virtual_size_bytes: Some(1 << 40),
        source_checksum: Some("sha256:01".into()),
        qcow2_bytes: Some(7),
        ..old.clone()
    };
    let refusal = Refusal { reason: "SourceChanged".into(), message: "another object".into(), http: None };
    let deleted = Message::Deleted(Deleted { deleted: 2, gone: 1 });
    let notified = Message::Notified(Notified {});
    for message in [Message::Written(old), Message::Written(written), deleted, notified, Message::Refused(refusal)] {
        assert_eq!(decode(&encode(&message).unwrap()).unwrap(), message);
    }
}

#[test]
fn what_a_worker_of_the_first_version_wrote_is_still_read() {
    let json = br#"{"written":{"url":"s3://b/k","bytes":7,"checksum":"sha256:00"}}"#;
    let written = Written { url: "s3://b/k".into(), bytes: 7, checksum: "sha256:00".into(), ..Written::default() };
    assert_eq!(decode(&pack(json)).unwrap(), Message::Written(written));
}

#[test]
fn any_facts_come_through_whole_or_cut_and_never_too_long() {
    let mut cut = 0;
    for seed in 0..400 {
        let facts = random::facts(seed);
        let (len, back) = through(&facts);
        assert!(len <= MESSAGE_MAX, "seed {seed}: {len}");
        if back.truncated.is_empty() {
            assert_eq!(back, facts, "seed {seed}");
        } else {
            cut += 1;
            assert_eq!(back.source, facts.source, "seed {seed}");
        }
    }
    assert!((50..350).contains(&cut), "both ways are tried: {cut}");
}

#[test]
fn the_default_kernel_is_the_last_to_go() {
    let facts = sample::server(60, 60);
    let (_, back) = through(&facts);
    for list in ["fstab.entries", "kernels", "partitions", "volumes"] {
        assert!(back.truncated.iter().any(|name| name == list), "{list}");
    }
    let kernels = &back.guest.as_ref().unwrap().linux.as_ref().unwrap().kernels;
    assert!(kernels[0].default);
    assert_eq!(kernels[0], facts.guest.as_ref().unwrap().linux.as_ref().unwrap().kernels[0]);
}

#[test]
fn text_is_bounded_and_plain() {
    let mut facts = Facts { worker: format!("\u{1b}[31m{}", "名".repeat(4000)), ..Facts::default() };
    let (_, back) = through(&facts);
    assert_eq!(back.worker, format!("[31m{}", "名".repeat(508)));
    facts.truncated = vec!["x".into()];
    assert_eq!(through(&facts).1.truncated, ["x"]);
}

#[test]
fn what_a_newer_worker_says_is_passed_over() {
    let json = br#"{"facts":{"worker":"9","news":{"a":[1]},"source":{"access":"frozen","colour":"red"},
        "table":{"known":{"scheme":"ATARI"}},"guest":{"family":"Plan9"}},"extra":true}"#;
    let facts = facts_of(decode(&pack(json)).unwrap());
    assert_eq!((facts.worker.as_str(), facts.source.access), ("9", crate::inspect::facts::Access::Other));
    assert!(matches!(facts.table, Some(Fact::Known(table)) if table.scheme == crate::inspect::facts::Scheme::Other));
}

#[test]
fn what_no_worker_wrote_is_refused() {
    let good = encode(&Message::Facts(Box::new(sample::server(1, 1)))).unwrap();
    let is = |text: &str, why: DecodeError| assert_eq!(decode(text), Err(why), "{text:.60}");
    is("", DecodeError::Version);
    is("oci runtime error: exec: no such file", DecodeError::Version);
    is(&good.replace("v1:", "v2:"), DecodeError::Version);
    is(&"v1:A".repeat(2000), DecodeError::TooLong);
    is("v1:%%%", DecodeError::Base64);
    is("v1:", DecodeError::Deflate);
    is("v1:AAAA", DecodeError::Deflate);
    is(&pack(b"{}"), DecodeError::Content);
    is(&pack(b"[]"), DecodeError::Content);
    is(&pack(br#"{"facts":{},"written":{}}"#), DecodeError::Content);
    is(&pack(br#"{"written":{"bytes":-1}}"#), DecodeError::Content);
    is(&pack(b"{\"facts\":"), DecodeError::Json);
    is(&pack(b"\xff\xfe"), DecodeError::Json);
    is(&pack(&vec![b'['; 60_000]), DecodeError::Json);
    is(&pack(format!("{{\"x\":{}1{}}}", "[".repeat(20), "]".repeat(20)).as_bytes()), DecodeError::Shape);
    is(&pack(format!("{{\"x\":[{}1]}}", "1,".repeat(300)).as_bytes()), DecodeError::Shape);
    is(&pack(format!("{{\"x\":\"{}\"}}", "a".repeat(3000)).as_bytes()), DecodeError::Shape);
    is(&pack(&vec![b' '; 200_000]), DecodeError::TooLarge);
    let mut plain = Vec::with_capacity(100);
    Compress::new(Compression::best(), true).compress_vec(b"{}", &mut plain, FlushCompress::Finish).unwrap();
    is(&format!("v1:{}", STANDARD_NO_PAD.encode(plain)), DecodeError::Deflate);
}

#[test]
fn a_damaged_message_is_refused() {
    let good = encode(&Message::Facts(Box::new(sample::server(2, 2)))).unwrap();
    for len in 0..good.len() {
        assert!(decode(&good[..len]).is_err(), "cut to {len}");
    }
    for at in 3..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        // Damage shows in the checksum; the last character may hold bits that count for nothing.
        assert!(decode(std::str::from_utf8(&bytes).unwrap()).is_err() || at == good.len() - 1, "{at}");
    }
}

#[test]
fn a_line_end_is_no_damage() {
    let text = encode(&Message::Written(Written::default())).unwrap();
    assert!(decode(&format!("{text}\n")).is_ok());
}

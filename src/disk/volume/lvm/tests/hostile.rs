//! Texts and labels that nobody would write.

use super::shapes::{A, one};
use super::written::{HIDDEN, SEEN, linear, segment, text};
use super::{shown, volumes};
use crate::disk::testkit::{self, Counting};
use crate::disk::volume::lvm::text::{Value, parse};
use crate::disk::volume::scan;
use crate::disk::{ErrorKind, ReadAt, partition};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn the_grammar_is_read_as_lvm_writes_it() {
    let section = parse(
        b"# comment\nname = \"a \\\"b\\\" \\\\c\" # more\nnumber=-5\nfraction = 1.5\nempty = []\nlist = [\"x\", 1,\n2]\n\
          outer {\n\tinner-1.2+3_x {\n\t\tdeep = 1\n\t}\n}\nname = \"second\"\n\0rubbish",
    )
    .unwrap();
    assert_eq!(section.text("name"), Some("a \"b\" \\c"));
    assert_eq!(section.0["number"], Value::Number(-5));
    assert_eq!(section.number("fraction"), Some(1));
    assert!(section.list("empty").is_empty());
    assert_eq!(section.list("list"), [Value::Text("x".into()), Value::Number(1), Value::Number(2)]);
    assert_eq!(section.section("outer").unwrap().section("inner-1.2+3_x").unwrap().number("deep"), Some(1));
}

#[test]
fn what_is_no_text_is_refused() {
    for bad in
        ["a", "a =", "a = \"", "a = \"\\", "a {", "a = [1", "}", "a = 1 }", "= 1", "a = b", "a = --1", "a = [[1]]"]
    {
        assert_eq!(parse(bad.as_bytes()).unwrap_err().kind, ErrorKind::Unsupported, "{bad}");
    }
    let deep = "a {".repeat(100_000);
    assert_eq!(parse(deep.as_bytes()).unwrap_err().kind, ErrorKind::Limit);
    let many = format!("a = [{}]", "1,".repeat(300_000));
    assert_eq!(parse(many.as_bytes()).unwrap_err().kind, ErrorKind::Limit);
    // Control characters do not leave the parser.
    assert_eq!(parse(b"a = \"x\x1b[31m\x07y\"").unwrap().text("a"), Some("x[31my"));
}

fn scanned(text: &str) -> Result<usize, ErrorKind> {
    let disk = testkit::memory(one(A, text));
    scan(&disk, &partition::read(&disk).unwrap()).map(|found| found.len()).map_err(|error| error.kind)
}

#[test]
fn thousands_of_volumes_and_segments_are_bounded() {
    let start = Instant::now();
    let segments: Vec<_> = (0..5000).map(|at| linear(at, 1, "pv0", at % 31)).collect();
    assert_eq!(scanned(&text("vg", 3, &[A], &[("v", SEEN, &segments)])), Ok(2));
    let names: Vec<_> = (0..3000).map(|at| format!("v{at}")).collect();
    let one = [linear(0, 1, "pv0", 0)];
    let logical: Vec<_> = names.iter().map(|name| (name.as_str(), SEEN, &one[..])).collect();
    assert_eq!(scanned(&text("vg", 3, &[A], &logical)), Err(ErrorKind::Limit));
    assert_eq!(scanned(&text("vg", 3, &[A], &logical[..200])), Ok(201));
    // Each of 2000 hidden volumes is made of the one before, twice.
    let stacked: Vec<_> = (0..2000)
        .map(|at| {
            let below = if at == 0 { "pv0".to_owned() } else { format!("v{}", at - 1) };
            [linear(0, 1, &below, 0), linear(1, 1, &below, 0)]
        })
        .collect();
    let status = |at: usize| if at == 1999 { SEEN } else { HIDDEN };
    let logical: Vec<_> = names
        .iter()
        .zip(&stacked)
        .enumerate()
        .map(|(at, (name, parts))| (name.as_str(), status(at), &parts[..]))
        .collect();
    assert_eq!(scanned(&text("vg", 3, &[A], &logical)), Ok(2));
    let wide = format!("stripe_count = 5000\nstripe_size = 8\nstripes = [{}]", "\"pv0\", 0, ".repeat(5000));
    assert_eq!(scanned(&text("vg", 3, &[A], &[("v", SEEN, &[segment(0, 5000, "striped", &wide)])])), Ok(2));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn absurd_numbers_end_as_trouble() {
    let good = text("vg", 3, &[A], &[("v", SEEN, &[linear(0, 1, "pv0", 0)])]);
    let huge = i64::MAX.to_string();
    for (from, to) in [
        ("extent_size = 2048", format!("extent_size = {huge}")),
        ("extent_size = 2048", "extent_size = 0".to_owned()),
        ("extent_size = 2048", "extent_size = -1".to_owned()),
        ("extent_size = 2048", format!("extent_size = {huge}{huge}")),
        ("pe_start = 2048", format!("pe_start = {huge}")),
        ("extent_count = 1", format!("extent_count = {huge}")),
        ("stripes = [\"pv0\", 0]", format!("stripes = [\"pv0\", {huge}]")),
        ("stripes = [\"pv0\", 0]", "stripes = []".to_owned()),
        ("stripes = [\"pv0\", 0]", "stripes = [0, \"pv0\"]".to_owned()),
        ("stripes = [\"pv0\", 0]", "stripe_size = 3\nstripes = [\"pv0\", 0, \"pv0\", 0]".to_owned()),
        ("type = \"striped\"", "type = \"\"".to_owned()),
        ("seqno = 3", String::new()),
        ("logical_volumes", "something_else".to_owned()),
    ] {
        let changed = good.replace(from, &to);
        assert_ne!(changed, good, "{from}");
        let found = volumes(&testkit::memory(one(A, &changed)));
        let troubled = found.iter().any(|(volume, _)| volume.trouble.is_some());
        assert!(troubled || (from == "logical_volumes" && found.len() == 1), "{to}: {:?}", shown(&found));
        for (volume, _) in &found {
            assert!(volume.trouble.as_ref().is_none_or(|t| t.what.len() < 250), "{to}");
        }
    }
}

#[test]
fn damage_never_panics_and_costs_little() {
    let mut logical = String::new();
    write!(
        logical,
        "{}",
        text("vg", 3, &[A], &[("v", SEEN, &[linear(0, 3, "pv0", 0)]), ("w", SEEN, &[linear(0, 1, "v", 0)])])
    )
    .unwrap();
    let bytes = one(A, &logical)[..4 << 20].to_vec();
    testkit::seed("volume", "lvm", || bytes.clone());
    let end = 4096 + 512 + logical.len();
    for copy in testkit::damaged(&bytes, &[512..700, 4096..4096 + 80, 4096 + 512..end], 400) {
        let counting = Counting::new(testkit::memory(copy));
        let disk: Arc<dyn ReadAt> = counting.clone();
        let Ok(table) = partition::read(&disk) else { continue };
        for (_, bytes) in scan(&disk, &table).unwrap() {
            testkit::read_all(bytes.as_ref(), 1 << 20);
        }
        assert!(counting.requests() < 200 && counting.bytes() < 32 << 20, "{} bytes", counting.bytes());
    }
    // The text itself, with a checksum that fits.
    let mut dice = testkit::Dice(77);
    for _ in 0..2000 {
        let mut raw = logical.clone().into_bytes();
        for _ in 0..=dice.below(3) {
            let at = dice.below(raw.len() as u64) as usize;
            raw[at] = *b"{}[]=\"\\,#0-9a\n\0".get(dice.below(15) as usize).unwrap();
        }
        if let Ok(section) = parse(&raw)
            && let Ok(group) = super::super::group::Group::new(&section)
        {
            let bytes: Arc<dyn ReadAt> = testkit::memory(vec![0; 1 << 20]);
            let physical = [(A.replace('-', ""), bytes)].into();
            let mut map = super::super::map::Map::new(&group, &physical);
            for name in group.logical.keys() {
                let _ = map.open(name);
            }
        }
    }
}

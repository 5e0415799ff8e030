//! `docs/truths.md`: what stands behind each rule.

use std::path::Path;

use crate::rules::RULES;

const WORDS: &[&str] = &["boot", "program", "sample", "made", "text"];

#[test]
fn every_rule_has_a_truth_and_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/truths.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("::"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let named: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let wanted: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(named, wanted, "one row for each rule of RULES, in that order");
    for row in rows {
        let [id, word, by, test] = row.try_into().unwrap_or_else(|row| panic!("four cells: {row:?}"));
        assert!(WORDS.contains(&word), "{id}: {word}");
        assert!(!by.is_empty(), "{id} says by what");
        let (file, name) = test.trim_matches('`').split_once("::").unwrap();
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{id}: {file}: {e}"));
        if file.strip_suffix(".sh").is_some() {
            let boot = format!("\nboot {} ", name.trim_start_matches("change_"));
            assert!(source.contains(&format!("\n{name}()")) && source.contains(&boot), "{id}: {file} makes no {name}");
            continue;
        }
        let is_test = |before: &str| before.trim_end().lines().rev().take(8).any(|line| line.contains("test]"));
        let found = source.split(&format!("fn {name}(")).next().filter(|before| before.len() < source.len());
        assert!(found.is_some_and(is_test), "{id}: {file} has no test {name}");
    }
}

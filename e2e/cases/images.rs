//! The program alone, without a cluster, answers about both disk images as `e2e/images/expect.tsv` says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const EXPECTED: &str = include_str!("../images/expect.tsv");

/// The results of every rule, by catalogue id.
fn inspect(image: &str, profile: &str, platform: &str) -> BTreeMap<String, String> {
    let folder = std::env::var("IMAGE_IMPORT_IMAGES").expect("the folder e2e/images/build.sh prints: run `make e2e`");
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-import"));
    command.args(["inspect", &format!("{folder}/{image}.qcow2"), "--profile", profile, "-o", "json"]);
    if platform != "-" {
        command.args(["--platform", platform]);
    }
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{command:?}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |rule: &Value, field: &str| rule[field].as_str().unwrap().to_owned();
    report["rules"].as_array().unwrap().iter().map(|rule| (text(rule, "id"), text(rule, "result"))).collect()
}

#[test]
fn every_rule_answers_as_the_images_were_built() {
    let mut wrong = Vec::new();
    let mut reports = BTreeMap::new();
    for image in ["debian-12", "debian-12-bad"] {
        for profile in ["tencent-cvm", "alibaba-ecs-2020-12", "alibaba-ecs-2018-12", "alibaba-ecs-2018-06"] {
            reports.insert((image, profile, "-"), inspect(image, profile, "-"));
        }
    }
    let mut asked = BTreeSet::new();
    for line in EXPECTED.lines().filter(|line| !line.starts_with('#')) {
        let [image, profile, platform, rule, accepted] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("five columns: {line:?}"));
        let results = reports.entry((image, profile, platform)).or_insert_with(|| inspect(image, profile, platform));
        asked.insert((image, profile, platform, rule));
        let found = results.get(rule).map_or("absent", String::as_str);
        if !accepted.split('|').any(|result| result == found) {
            wrong.push(format!("{image} {profile} ({platform}) {rule}: {found}, not {accepted}"));
        }
    }
    for ((image, profile, platform), results) in &reports {
        let rules = results.iter().filter(|(rule, _)| !asked.contains(&(*image, *profile, *platform, rule.as_str())));
        wrong.extend(rules.map(|(rule, found)| format!("{image} {profile} ({platform}) {rule}: {found}, and no row")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

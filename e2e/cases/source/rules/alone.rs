//! The same disks without a cluster: the program alone says the same of each.

use std::process::Command;

use image_import::api::{Format, ImageImport};
use image_import::report::{Outcome, Report, conditions};

use super::{Row, all_rows};
use crate::harness::check;

/// The flags that ask of a file what the import asks of the object.
fn flags(import: &ImageImport) -> Vec<String> {
    let format = import.spec.source.format.map(|format| match format {
        Format::Raw => "RAW",
        Format::Qcow2 => "QCOW2",
        Format::Vhd => "VHD",
        Format::Vmdk => "VMDK",
    });
    let size = import.spec.image.as_ref().and_then(|image| image.system_disk_size_gib);
    let format = format.map(|format| ["--format".to_owned(), format.to_owned()]);
    let size = size.map(|size| ["--system-disk-size-gib".to_owned(), size.to_string()]);
    format.into_iter().chain(size).flatten().collect()
}

/// All that is wrong with what is said of one row.
fn wrong(row: &Row, file: &std::path::Path) -> Vec<String> {
    let mut import = check(&row.name(), "key", row.profile);
    (row.change)(&mut import);
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-import"));
    command.arg("inspect").arg(file).args(["--profile", row.profile, "-o", "json"]).args(flags(&import));
    let output = command.output().unwrap();
    let report: Report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{command:?}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
    let failed = report.rules.iter().filter(|rule| rule.result == Outcome::Fail);
    let failed: Vec<&str> = failed.map(|rule| rule.id.as_str()).collect();
    let mut wrong = Vec::new();
    if failed != row.failed {
        let more = report.rules.iter().filter(|rule| rule.result == Outcome::Fail && !row.failed.contains(&&*rule.id));
        let more: Vec<_> = more.map(|rule| &rule.message).collect();
        wrong.push(format!("failed: {failed:?}, not {:?}: {more:?}", row.failed));
    }
    match conditions(&report).into_iter().find(|condition| condition.type_ == row.rule) {
        None => wrong.push("no such condition".to_owned()),
        Some(found) if (found.status, found.reason.as_str()) != ("False", row.code) => {
            wrong.push(format!("{}/{}: {}", found.status, found.reason, found.message));
        }
        Some(found) => {
            let parts = row.says.iter().filter(|part| !found.message.contains(**part));
            wrong.extend(parts.map(|part| format!("{part:?} is not in: {}", found.message)));
        }
    }
    wrong.into_iter().map(|what| format!("{}: {what}", row.id)).collect()
}

#[test]
fn every_fault_is_named_without_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrongs = Vec::new();
    let mut asked = 0;
    for row in all_rows() {
        // What only a store can answer.
        let Some(object) = row.object.as_ref().filter(|_| !["SRC-02", "SRC-06"].contains(&row.id)) else { continue };
        let file = folder.path().join(row.name());
        std::fs::write(&file, object).unwrap();
        wrongs.extend(wrong(&row, &file));
        std::fs::remove_file(file).unwrap();
        asked += 1;
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    assert!(asked >= 25, "{asked}");
}

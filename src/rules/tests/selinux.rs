//! LNX-06.

use crate::inspect::Facts;
use crate::inspect::facts::{SeLinux, SeLinuxMode, SecurityModule, TroubleKind};
use crate::report::Outcome::{self, Advice, Fail, NotApplicable, Pass, Unknown, Warn};
use crate::rules::Request;
use crate::rules::fixture::{A2018_06, A2018_12, A2020, linux, outcome, result, selinux, trouble, windows};

fn is(mode: SeLinuxMode, module: SecurityModule) -> impl Fn(&mut Facts, &mut Request) {
    move |f, _| {
        *selinux(f) = SeLinux {
            mode,
            place: "/etc/selinux/config:7".into(),
            module,
            because: "CONFIG_LSM=\"selinux\" in /boot/config-1".into(),
            autorelabel: true,
        };
    }
}

/// C-06. Columns: 2020-12, both of 2018.
#[test]
fn selinux_matters_as_much_as_each_document_says() {
    let rows: &[(SeLinuxMode, SecurityModule, Outcome, Outcome)] = &[
        (SeLinuxMode::Enforcing, SecurityModule::On, Warn, Fail),
        (SeLinuxMode::Enforcing, SecurityModule::Unknown, Warn, Fail),
        (SeLinuxMode::Enforcing, SecurityModule::Off, Advice, Advice),
        (SeLinuxMode::Permissive, SecurityModule::On, Advice, Warn),
        (SeLinuxMode::Permissive, SecurityModule::Off, Pass, Pass),
        (SeLinuxMode::Disabled, SecurityModule::On, Pass, Pass),
        (SeLinuxMode::Unknown, SecurityModule::On, Unknown, Unknown),
    ];
    for (mode, module, in_2020, in_2018) in rows.iter().copied() {
        for (profile, wanted) in [(A2020, in_2020), (A2018_12, in_2018), (A2018_06, in_2018)] {
            let rule = result(profile, "LNX-06", is(mode, module));
            assert_eq!(rule.result, wanted, "{profile} {mode:?} {module:?}: {}", rule.message);
        }
    }
    let strict = result(A2018_06, "LNX-06", is(SeLinuxMode::Enforcing, SecurityModule::On));
    let lenient = result(A2020, "LNX-06", is(SeLinuxMode::Enforcing, SecurityModule::On));
    assert!(strict.message.contains("/etc/selinux/config:7") && strict.message.contains("/.autorelabel"));
    assert!(!strict.remedy.contains("has to stay on") && lenient.remedy.contains("has to stay on"));
    let unknown = result(A2020, "LNX-06", is(SeLinuxMode::Enforcing, SecurityModule::Unknown));
    assert!(unknown.message.contains("the file decides"), "{}", unknown.message);
}

#[test]
fn without_the_file_there_is_nothing_to_say() {
    assert_eq!(outcome(A2018_06, "LNX-06", |_, _| {}), Pass);
    assert_eq!(outcome(A2018_06, "LNX-06", |f, _| linux(f).selinux = Some(trouble(TroubleKind::Limit))), Unknown);
    assert_eq!(
        outcome(A2018_06, "LNX-06", |f, _| {
            windows(f);
        }),
        NotApplicable
    );
}

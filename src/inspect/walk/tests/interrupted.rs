//! Whatever read is refused, for whatever reason: no rule says anything else than it says of the whole image.

use super::*;
use crate::api::ImportProfile;
use crate::inspect::Budget;
use crate::profiles;
use crate::report::{Outcome, judge};
use crate::rules::Request;
use crate::source::open_file;

/// Which reads are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// None.
    Never,
    /// This one: a store that answers again, a request too large for what is left of a budget.
    Only(u64),
    /// This one and all that follow.
    From(u64),
}

/// An object that refuses reads, with an error of this kind.
struct Interrupted {
    bytes: Arc<dyn ReadAt>,
    refused: Refused,
    kind: ErrorKind,
    meter: Arc<Meter>,
}

impl ReadAt for Interrupted {
    fn len(&self) -> u64 {
        self.bytes.len()
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        let number = self.meter.requests();
        self.meter.note(0);
        let refused = match self.refused {
            Refused::Never => false,
            Refused::Only(only) => only == number,
            Refused::From(first) => first <= number,
        };
        if !refused {
            return self.bytes.read_exact_at(buf, at);
        }
        if self.kind == ErrorKind::Limit {
            self.meter.note_refused();
        }
        Err(Error::new(self.kind, "source", "refused"))
    }
}

/// What every rule of every profile says: profile, rule, result, code.
type Says = Vec<(String, String, Outcome, String)>;

fn says(facts: &Facts, profiles: &[ImportProfile]) -> Says {
    let of_one = |profile: &ImportProfile| {
        let name = profile.metadata.name.clone().unwrap();
        let report = judge(facts, &name, &profile.spec, &Request::default());
        report.rules.into_iter().map(|rule| (name.clone(), rule.id, rule.result, rule.code)).collect::<Vec<_>>()
    };
    profiles.iter().flat_map(of_one).collect()
}

/// What is said of a part is what is said of the whole, or nothing, because of the limit.
fn assert_nothing_else(part: &Says, whole: &Says, when: &str) {
    assert_eq!(part.len(), whole.len());
    for (part, whole) in part.iter().zip(whole) {
        let silent = part.2 == Outcome::Unknown && part.3 == "LimitExceeded";
        assert!(part == whole || silent, "{when}: {part:?} instead of {whole:?}");
    }
}

/// A kernel that a cloud can start: a wrong verdict would be a failure.
const DRIVERS: &str = "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_NET=y\nCONFIG_XEN_BLKDEV_FRONTEND=y\nCONFIG_XEN_NETDEV_FRONTEND=y\n";

/// The image as RAW and as compressed QCOW2, in files.
fn images(dir: &Path) -> [std::path::PathBuf; 2] {
    let [plain, packed] = ["whole.raw", "whole.qcow2"].map(|name| dir.join(name));
    std::fs::write(&plain, guest_with(dir, DRIVERS)).unwrap();
    let [from, to] = [&plain, &packed].map(|path| path.to_str().unwrap());
    run("qemu-img", "qemu-utils", &["convert", "-c", "-f", "raw", "-O", "qcow2", from, to]);
    [plain, packed]
}

#[test]
fn a_refused_read_makes_no_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let profiles = profiles::built_in();
    for image in images(dir.path()) {
        let bytes: Arc<dyn ReadAt> = Arc::new(Memory(std::fs::read(&image).unwrap()));
        let look = |refused, kind| {
            let meter = Arc::new(Meter::default());
            let bytes = Arc::new(Interrupted { bytes: bytes.clone(), refused, kind, meter: Arc::clone(&meter) });
            (inspect(&Opened { meter: Arc::clone(&meter), ..opened(bytes) }), meter.requests())
        };
        let (facts, reads) = look(Refused::Never, ErrorKind::Io);
        let whole = says(&facts.unwrap(), &profiles);
        assert!(reads > 10, "{reads} reads are too few to tell");
        for at in 0..reads {
            for refused in [Refused::Only(at), Refused::From(at)] {
                let when = format!("{}, {refused:?} of {reads}", image.display());
                let facts = look(refused, ErrorKind::Limit).0.unwrap();
                assert_nothing_else(&says(&facts, &profiles), &whole, &when);
                match look(refused, ErrorKind::Io).0 {
                    Err(error) => assert_eq!(error.kind, ErrorKind::Io, "{when}"),
                    Ok(facts) => assert_eq!(says(&facts, &profiles), whole, "{when}"),
                }
            }
        }
    }
}

#[test]
fn a_budget_that_is_used_up_makes_no_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let profiles = profiles::built_in();
    for image in images(dir.path()) {
        let look = |budget| inspect(&open_file(&image, &budget).unwrap()).unwrap();
        let facts = look(Budget::default());
        let (whole, reads) = (says(&facts, &profiles), facts.reads);
        let mut complete = 0;
        let steps = (0..=reads.bytes).step_by(64 << 10).map(|bytes| Budget { bytes, ..Budget::default() });
        for budget in (0..=reads.requests).map(|requests| Budget { requests, ..Budget::default() }).chain(steps) {
            let facts = look(budget);
            assert!(facts.reads.requests <= budget.requests && facts.reads.bytes <= budget.bytes, "{budget:?}");
            let part = says(&facts, &profiles);
            assert_nothing_else(&part, &whole, &format!("{}, {budget:?}", image.display()));
            complete += u32::from(part == whole);
        }
        assert!((1..4).contains(&complete), "{complete} budgets were enough");
        let part = look(Budget { time: std::time::Duration::ZERO, ..Budget::default() });
        assert_nothing_else(&says(&part, &profiles), &whole, "no time");
    }
}

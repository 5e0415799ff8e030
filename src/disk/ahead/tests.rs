use std::sync::{Arc, Mutex};

use super::*;
use crate::disk::Slice;
use crate::disk::want::wanted_for;

/// An object whose every sector names the next, of which sectors are fetched when they are announced.
struct Chain {
    there: Mutex<Vec<u64>>,
    /// What was announced at once.
    rounds: Mutex<Vec<Vec<u64>>>,
    broken: bool,
}

const SECTOR: u64 = 512;

impl Chain {
    fn new(broken: bool) -> Arc<Self> {
        Arc::new(Self { there: Mutex::default(), rounds: Mutex::default(), broken })
    }
    fn rounds(&self) -> Vec<Vec<u64>> {
        self.rounds.lock().unwrap().clone()
    }
}

impl ReadAt for Chain {
    fn len(&self) -> u64 {
        SECTOR << 40
    }
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> Result<()> {
        if rehearsing() && !self.there.lock().unwrap().contains(&(at / SECTOR)) {
            lack(at, buf.len() as u64);
            return Err(lacking(at));
        }
        buf.copy_from_slice(&(at / SECTOR + 1).to_le_bytes()[..buf.len()]);
        Ok(())
    }
    fn will_read_all(&self, places: &[(u64, u64)]) -> Result<()> {
        if self.broken {
            return Err(Error::io("test", "broken"));
        }
        let sectors: Vec<u64> = places.iter().map(|(at, _)| at / SECTOR).collect();
        self.there.lock().unwrap().extend(&sectors);
        self.rounds.lock().unwrap().push(sectors);
        Ok(())
    }
}

/// Follows the chain from a sector on.
fn follow(object: &dyn ReadAt, mut sector: u64, steps: u64) -> Result<()> {
    for _ in 0..steps {
        let mut next = [0; 8];
        object.read_exact_at(&mut next, sector * SECTOR)?;
        sector = u64::from_le_bytes(next);
    }
    Ok(())
}

#[test]
fn what_does_not_depend_on_another_shares_a_round() {
    let object = Chain::new(false);
    let window: Arc<dyn ReadAt> = Arc::new(Slice::new(object.clone(), 100 * SECTOR, u64::MAX));
    fetch_ahead(object.as_ref(), || {
        let _ = follow(object.as_ref(), 10, 3);
        let _ = follow(window.as_ref(), 20, 2);
        follow(object.as_ref(), 30, 1)
    });
    assert_eq!(object.rounds(), [vec![10, 30, 120], vec![11, 221], vec![12]]);
    assert!(!rehearsing());
    follow(object.as_ref(), 500, 3).unwrap();
}

#[test]
fn what_many_want_is_fetched_once() {
    let lack = |at, len| Lack { at, len, wanted_for: String::new() };
    assert_eq!(merged(&[lack(50, 10), lack(0, 10), lack(5, 20), lack(50, 10), lack(25, 1)]), [(0, 26), (50, 10)]);
}

#[test]
fn a_rehearsal_ends() {
    let object = Chain::new(false);
    fetch_ahead(object.as_ref(), || follow(object.as_ref(), 0, u64::MAX));
    assert_eq!(object.rounds().len(), ROUNDS);
    let object = Chain::new(false);
    let sector = |n: u64| object.read_vec_at(n * SECTOR, 8).map(drop);
    fetch_ahead(object.as_ref(), || (0..MOST).try_for_each(sector));
    assert!(object.rounds().len() <= ROUNDS);
    let object = Chain::new(false);
    fetch_ahead(object.as_ref(), || {
        std::thread::sleep(LONG * 2 / 3);
        follow(object.as_ref(), 0, u64::MAX)
    });
    assert_eq!(object.rounds().len(), 1, "what is slow is not done again and again");
}

#[test]
fn what_fails_ahead_fails_nothing() {
    let object = Chain::new(true);
    fetch_ahead(object.as_ref(), || follow(object.as_ref(), 0, 3));
    assert!(object.rounds().is_empty());
    follow(object.as_ref(), 0, 3).unwrap();
    let panics = std::panic::catch_unwind(|| fetch_ahead(Chain::new(false).as_ref(), || panic!("a reader's mistake")));
    assert!(panics.is_err() && !rehearsing());
}

#[test]
fn a_file_that_streams_is_left_to_itself() {
    let object = Chain::new(false);
    fetch_ahead(object.as_ref(), || {
        lack(0, LONGEST + 1);
        Err(lacking(0))
    });
    assert!(object.rounds().is_empty());
}

#[test]
fn a_request_says_for_whom_it_is() {
    LACKS.replace(Some(Vec::new()));
    for (at, name) in [(0, "/etc/fstab"), (100, "/etc/fstab"), (200, "/boot"), (900, "/usr")] {
        let _file = wanted_for(name);
        lack(at, 50);
    }
    FETCHED.replace(LACKS.take().unwrap());
    assert_eq!(wanted_by(0, 100), "/etc/fstab");
    assert_eq!(wanted_by(0, 300), "/etc/fstab; and 1 more");
    assert_eq!(wanted_by(300, 900), "");
    FETCHED.take();
}

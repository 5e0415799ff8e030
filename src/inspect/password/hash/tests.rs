//! Hashes as libxcrypt makes them, by perl's crypt(), and as openssl does; and hashes that nobody makes.

use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

/// crypt(3).
fn crypt(password: &str, setting: &str) -> String {
    let program = "print crypt($ARGV[0], $ARGV[1])";
    let run = Command::new("perl").args(["-e", program, "--", password, setting]).output().expect("perl");
    let hash = String::from_utf8(run.stdout).unwrap();
    assert!(hash.starts_with('$'), "crypt(3) refuses {setting}: {hash}");
    hash
}

#[test]
fn a_password_is_known_by_the_hash_that_the_system_makes_of_it() {
    for setting in [
        "$1$saltsalt$",
        "$1$s$",
        "$5$saltsaltsaltsalt",
        "$5$rounds=1000$salt",
        "$6$saltsaltsaltsalt",
        "$6$s",
        "$6$rounds=10000$salt",
        "$2a$04$abcdefghijklmnopqrstuu",
        "$2b$05$abcdefghijklmnopqrstuu",
        "$2y$05$abcdefghijklmnopqrstuu",
        "$y$j75$F5Jx5fExrKuPp53xLKQ..1",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1",
        "$y$jAT$abcd",
    ] {
        for password in ["", "a", "Passw0rd!", "a password of more than sixteen bytes", "pässwörd", &"x".repeat(72)] {
            let hash = crypt(password, setting);
            assert_eq!(matches(password.as_bytes(), &hash), Ok(true), "{password} {hash}");
            assert_eq!(matches(b"another", &hash), Ok(false), "{hash}");
        }
    }
}

#[test]
fn openssl_agrees() {
    for option in ["-1", "-5", "-6"] {
        let args = ["passwd", option, "-salt", "saltsalt", "Passw0rd!"];
        let run = Command::new("openssl").args(args).output().expect("openssl");
        let hash = String::from_utf8(run.stdout).unwrap();
        assert_eq!(matches(b"Passw0rd!", hash.trim()), Ok(true), "{hash}");
    }
}

#[test]
fn what_is_not_computed_is_said() {
    use Uncompared::{Malformed, Scheme, TooCostly};
    let gost = crypt("a", "$gy$j75$abcd");
    let digest = ".".repeat(43);
    let rows = [
        (gost.as_str(), Scheme),
        ("$7$DU..../....2Q9obwLhin8qvQl6sisAO/$X", Scheme),
        ("$2x$05$abcdefghijklmnopqrstuuLkMM7iIB3UaW2hyWUQ3PYEDDHZzbWUG", Scheme),
        ("$argon2id$v=19$m=65536,t=3,p=1$a$b", Scheme),
        ("ab01FAX.bQRSU", Scheme),
        ("x", Scheme),
        ("", Scheme),
        ("$6$", Malformed),
        ("$6$salt", Malformed),
        ("$6$salt$", Malformed),
        ("$6$rounds=$salt$abc", Malformed),
        ("$6$rounds=05000$salt$abc", Malformed),
        ("$6$rounds=-1$salt$abc", Malformed),
        ("$6$rounds=999$salt$abc", Malformed),
        ("$6$rounds=200001$salt$abc", TooCostly),
        ("$5$rounds=999999999$salt$abc", TooCostly),
        ("$5$rounds=99999999999999999999$salt$abc", TooCostly),
        ("$2b$13$abcdefghijklmnopqrstuuLkMM7iIB3UaW2hyWUQ3PYEDDHZzbWUG", TooCostly),
        ("$2b$31$abcdefghijklmnopqrstuuLkMM7iIB3UaW2hyWUQ3PYEDDHZzbWUG", TooCostly),
        ("$2b$99$abcdefghijklmnopqrstuuLkMM7iIB3UaW2hyWUQ3PYEDDHZzbWUG", TooCostly),
        ("$2b$03$abcdefghijklmnopqrstuuLkMM7iIB3UaW2hyWUQ3PYEDDHZzbWUG", Malformed),
        ("$2b$05$abc", Malformed),
        ("$2b$05$äbcdefghijklmnopqrstuuLkMM7iIB3UaW2hyWUQ3PYEDDHZzbWU", Malformed),
        (&format!("$y$jCT$abcd${digest}"), TooCostly),
        (&format!("$y$jFT$abcd${digest}"), TooCostly),
        (&format!("$y$jjT$abcd${digest}"), TooCostly),
        (&format!("$y$j..$abcd${digest}"), Malformed),
        (&format!("$y$.9T$abcd${digest}"), Malformed),
        (&format!("$y$j9T.$abcd${digest}"), Malformed),
        (&format!("$y$j95.0$abcd${digest}"), Malformed),
        (&format!("$y$j9z$abcd${digest}"), Malformed),
        (&format!("$y$$abcd${digest}"), Malformed),
        ("$y$j9T$abcd$", Malformed),
        ("$y$j9T$abcd$abcd", Malformed),
    ];
    for (hash, why) in rows {
        assert_eq!(matches(b"Passw0rd!", hash), Err(why), "{hash}");
    }
    assert_eq!(matches(&b"x".repeat(129), &crypt("a", "$6$salt")), Err(TooCostly));
    assert_eq!(matches(b"a\0b", &crypt("a", "$6$salt")), Ok(false));
}

/// Whatever a hash asks for. An unoptimised build takes longer, hence the slack.
#[test]
fn the_dearest_hashes_take_no_longer_than_they_may() {
    let digest = ".".repeat(43);
    for hash in [
        format!("$5$rounds={SHA_ROUNDS_MAX}$saltsaltsaltsalt${digest}"),
        format!("$6$rounds={SHA_ROUNDS_MAX}$saltsaltsaltsalt${}", ".".repeat(86)),
        "$2b$12$abcdefghijklmnopqrstuuLkMM7iIB3UaW2hyWUQ3PYEDDHZzbWUG".to_owned(),
        format!("$y$jBT$F5Jx5fExrKuPp53xLKQ..1${digest}"),
        format!("$y$jF/$F5Jx5fExrKuPp53xLKQ..1${digest}"),
    ] {
        let start = Instant::now();
        let found = matches(&b"x".repeat(PASSWORD_MAX), &hash);
        let took = start.elapsed();
        eprintln!("{hash}: {found:?} in {took:?}");
        assert_eq!(found, Ok(false), "{hash}");
        assert!(took < Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 2 }), "{hash}: {took:?}");
    }
}

/// Each character of each hash, changed: an answer comes back, and never that the password is the same.
#[test]
fn a_changed_hash_is_answered() {
    for setting in ["$1$salt$", "$5$salt", "$6$rounds=1000$salt", "$2b$04$abcdefghijklmnopqrstuu", "$y$j75$abcd"] {
        let hash = crypt("Passw0rd!", setting);
        let prefix = setting.rfind('$').unwrap();
        for at in 0..hash.len() {
            for with in ["$", "z", "9", "ä", "\u{0}", ""] {
                let changed = format!("{}{with}{}", &hash[..at], &hash[at + 1..]);
                // What is dear is known to be; the last digit of some schemes has bits that say nothing.
                if changed != hash && at > prefix && at + 1 < hash.len() {
                    assert_ne!(matches(b"Passw0rd!", &changed), Ok(true), "{changed}");
                } else {
                    let _ = matches(b"Passw0rd!", &changed);
                }
            }
        }
    }
}

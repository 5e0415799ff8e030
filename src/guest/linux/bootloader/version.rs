//! The order of versions that boot loaders share (UAPI.10 Version Format Specification).

use std::cmp::Ordering;

/// Which of two versions is the newer one: `Greater` where `a` is.
pub fn compare(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let noise = |c: char| !c.is_ascii_alphanumeric() && !"~-^.".contains(c);
        (a, b) = (a.trim_start_matches(noise), b.trim_start_matches(noise));
        // A tilde comes before the end, a hyphen and a caret after it, and all of them before anything else.
        if let Some(order) = step(&mut a, &mut b, '~') {
            return order;
        }
        if a.is_empty() || b.is_empty() {
            return a.len().min(1).cmp(&b.len().min(1));
        }
        if let Some(order) = ['-', '^', '.'].into_iter().find_map(|mark| step(&mut a, &mut b, mark)) {
            return order;
        }
        let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let digits = digit(a) || digit(b);
        let run = |text: &str| {
            let ends = |c: char| if digits { !c.is_ascii_digit() } else { !c.is_ascii_alphabetic() };
            text.find(ends).unwrap_or(text.len())
        };
        let ((x, rest_a), (y, rest_b)) = (a.split_at(run(a)), b.split_at(run(b)));
        let order = if digits {
            let (plain_x, plain_y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            let by_number = plain_x.len().cmp(&plain_y.len()).then(plain_x.cmp(plain_y));
            (!x.is_empty()).cmp(&!y.is_empty()).then(by_number)
        } else {
            x.cmp(y)
        };
        if order != Ordering::Equal || (rest_a.len(), rest_b.len()) == (a.len(), b.len()) {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// Takes a mark that both begin with; the order where only one does.
fn step(a: &mut &str, b: &mut &str, mark: char) -> Option<Ordering> {
    match (a.strip_prefix(mark), b.strip_prefix(mark)) {
        (Some(rest_a), Some(rest_b)) => {
            (*a, *b) = (rest_a, rest_b);
            None
        }
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::compare;

    /// `systemd-analyze compare-versions` is the same order.
    #[test]
    fn versions_are_ordered_as_systemd_orders_them() {
        let rows = [
            ("6.1.0-10-amd64", "6.1.0-9-amd64"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0-1"),
            ("1.0.1", "1.0-1"),
            ("1.0^git1", "1.0"),
            ("1.0.1", "1.0"),
            ("10a", "10"),
            ("a", "1"),
            ("007", "7"),
            ("1_1", "1.1"),
            ("122.1", "123~rc1-1"),
            ("", "~"),
            ("1.a", "1.0"),
            ("11", "1a"),
        ];
        for (a, b) in rows {
            let output = std::process::Command::new("systemd-analyze").args(["compare-versions", a, b]).output();
            let wanted = match output.expect("install the Debian package systemd").status.code() {
                Some(0) => Equal,
                Some(11) => Greater,
                Some(12) => Less,
                other => panic!("{a} {b}: {other:?}"),
            };
            assert_eq!(compare(a, b), wanted, "{a} {b}");
            assert_eq!(compare(b, a), wanted.reverse(), "{b} {a}");
        }
    }
}

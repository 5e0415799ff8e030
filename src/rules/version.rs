//! Versions, compared by their numbers.

use std::cmp::Ordering;

/// The leading numbers of a version: `1:22.4.2-1+deb12u3` is 22, 4, 2.
pub fn numbers(version: &str) -> Vec<u64> {
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let end = upstream.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(upstream.len());
    upstream[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

/// Compares number by number; a missing one counts as 0.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (numbers(a), numbers(b));
    let at = |list: &[u64], i: usize| list.get(i).copied().unwrap_or(0);
    (0..a.len().max(b.len())).map(|i| at(&a, i).cmp(&at(&b, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_decide_not_letters() {
        assert_eq!(compare("681.10.0", "681.2.0"), Ordering::Greater);
        assert_eq!(compare("0.7.5-10.el6", "0.7.9"), Ordering::Less);
        assert_eq!(compare("1:22.4.2-1+deb12u3", "22.4.2"), Ordering::Equal);
        assert_eq!(compare("13", "13.0"), Ordering::Equal);
        assert!(numbers("rolling").is_empty());
    }
}

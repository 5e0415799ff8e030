//! Bytes that a text file writes as a mark and a number of fixed length.

/// How a format writes the bytes that it does not allow in a name.
pub struct Escape {
    /// What stands before the digits.
    pub mark: &'static str,
    /// How many digits follow.
    pub digits: usize,
    /// Their base, 8 or 16.
    pub radix: u32,
}

impl Escape {
    /// Undoes it. A mark without a byte's number behind it stays as it is.
    pub fn undo(&self, text: &str) -> String {
        let mut parts = text.split(self.mark);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            if let Some((digits, rest)) = part.split_at_checked(self.digits)
                && let Ok(byte) = u8::from_str_radix(digits, self.radix)
            {
                out.push(char::from(byte));
                out.push_str(rest);
            } else {
                out.push_str(self.mark);
                out.push_str(part);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_becomes_its_byte_and_anything_else_stays() {
        let octal = Escape { mark: "\\", digits: 3, radix: 8 };
        for (text, plain) in [
            ("/a\\040b\\011", "/a b\t"),
            ("plain", "plain"),
            ("\\04", "\\04"),
            ("\\09x", "\\09x"),
            ("\\777", "\\777"),
            ("\\é4", "\\é4"),
            ("\\\\040", "\\ "),
        ] {
            assert_eq!(octal.undo(text), plain, "{text}");
        }
        let udev = Escape { mark: "\\x", digits: 2, radix: 16 };
        assert_eq!(udev.undo("my\\x20disk\\x2f\\x2\\xzz"), "my disk/\\x2\\xzz");
    }
}

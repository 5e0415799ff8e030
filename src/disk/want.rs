//! Who wants the bytes: what a thread is busy with, told to whoever pays for its reads.

use std::cell::RefCell;

/// What one thread is busy with at once; deeper is forgotten.
const DEEPEST: usize = 16;

thread_local! {
    static BUSY_WITH: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// While this lives, reads of this thread are wanted for what it was made with.
#[must_use]
pub struct Want(bool);

/// Reads of this thread are for `what` (a layer, a path of the guest) until the value goes.
pub fn wanted_for(what: impl Into<String>) -> Want {
    BUSY_WITH.with_borrow_mut(|stack| {
        let fits = stack.len() < DEEPEST;
        if fits {
            stack.push(what.into());
        }
        Want(fits)
    })
}

impl Drop for Want {
    fn drop(&mut self) {
        if self.0 {
            BUSY_WITH.with_borrow_mut(|stack| drop(stack.pop()));
        }
    }
}

/// What a read of this thread is for now, the innermost first: `/etc/fstab, p1 (ext4)`. Empty when nobody said.
pub fn wanted() -> String {
    BUSY_WITH.with_borrow(|stack| stack.iter().rev().map(String::as_str).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_comes_first_and_goes_first() {
        assert_eq!(wanted(), "");
        let _disk = wanted_for("p1");
        {
            let _file = wanted_for("/etc/fstab");
            assert_eq!(wanted(), "/etc/fstab, p1");
        }
        assert_eq!(wanted(), "p1");
    }

    #[test]
    fn too_deep_is_forgotten_and_nothing_else() {
        let all: Vec<Want> = (0..20).map(|n| wanted_for(n.to_string())).collect();
        assert_eq!(wanted().split(", ").next(), Some("15"));
        drop(all);
        assert_eq!(wanted(), "");
    }
}

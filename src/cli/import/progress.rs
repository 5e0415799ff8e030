//! How far a conversion is, on stderr, when that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the figures change.
const EVERY: Duration = Duration::from_millis(200);
const LOOKS: &str = "{msg} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// A bar, which is drawn only where somebody looks.
pub struct Bar(ProgressBar);

impl Bar {
    /// Starts it.
    pub fn new(what: &'static str) -> Self {
        if std::io::stderr().is_terminal() {
            Self::on(ProgressDrawTarget::stderr(), what)
        } else {
            Self(ProgressBar::hidden())
        }
    }

    fn on(target: ProgressDrawTarget, what: &'static str) -> Self {
        let style = ProgressStyle::with_template(LOOKS).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar =
            ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("=> ")).with_message(what);
        Self(bar)
    }

    /// So much of all is done.
    pub fn tell(&self, done: u64, total: u64) {
        if self.0.length() == Some(0) && total > 0 {
            // A bar of nothing would be a full one.
            self.0.enable_steady_tick(EVERY);
        }
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps what is written.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bar_of_nothing_is_not_drawn() {
        let screen = Screen::default();
        let bar = Bar::on(ProgressDrawTarget::term_like(Box::new(screen.clone())), "writing");
        std::thread::sleep(2 * EVERY);
        assert_eq!(*screen.0.lock().unwrap(), "");
        bar.tell(0, 7);
        std::thread::sleep(2 * EVERY);
        let drawn = screen.0.lock().unwrap().clone();
        assert!(drawn.contains("0 B of 7 B") && !drawn.contains("of 0 B"), "{drawn}");
    }

    #[test]
    fn the_bar_can_be_drawn() {
        assert!(ProgressStyle::with_template(LOOKS).is_ok());
        let bar = Bar(ProgressBar::hidden());
        bar.tell(3, 7);
        assert_eq!((bar.0.position(), bar.0.length()), (3, Some(7)));
    }
}

//! Which of the ways to write it down count.

//! Condition types and reasons, spelled once.

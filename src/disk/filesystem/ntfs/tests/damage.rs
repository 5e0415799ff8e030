//! Changed bytes: whatever they say, every call returns, and within its bounds.

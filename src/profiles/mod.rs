//! The clouds' published rules, as YAML in the binary.

//! Volumes: what lies between a partition and its filesystem.

//! Facts about a Linux guest, each by reading its own files; nothing of the guest is ever run.

//! Facts, profile and request to a report.

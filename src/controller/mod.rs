//! What the cluster does about an import.

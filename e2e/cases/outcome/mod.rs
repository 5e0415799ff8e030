//! What becomes of a worker Job: every row of the outcome table, on a real kubelet.

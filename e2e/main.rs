//! End-to-end cases on a real cluster: API server, kubelet, containerd and an object store, none of them imitated.
//!
//! `make e2e` starts what they need; with `KUBECONFIG` and `REGISTRY` set they run on that cluster.
//! One file in `cases/` for each behaviour; `harness/` has what they share.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a case cannot go on without fails it"
)]

mod harness;

mod cases {
    mod api;
    mod images;
    mod lifecycle;
    mod outcome;
    mod password;
    mod smoke;
    mod source;
    mod verdicts;
}

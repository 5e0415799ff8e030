//! What the cases share: a namespace of their own, the object store, the operator, and waiting with a good error.

mod case;
mod import;
mod operator;
mod receiver;
mod store;
mod wait;

pub use case::Case;
pub use import::{BAD_IMAGE, GOOD_IMAGE, check, import};
pub use operator::Operator;
pub use receiver::{Receiver, TOKEN};
pub use store::Store;
pub use wait::{Triple, condition, triple};

use std::process::{Command, Output};

/// Where the chart was installed.
pub fn operator_namespace() -> String {
    std::env::var("OPERATOR_NAMESPACE").unwrap_or_else(|_| "image-import-operator".to_owned())
}

/// Runs kubectl against the cluster under test.
pub fn kubectl(args: &[&str]) -> Output {
    Command::new("kubectl").args(args).output().expect("kubectl is on PATH: `make e2e` puts it there")
}

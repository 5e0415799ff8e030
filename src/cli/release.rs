//! `image-import release-finalizers`.

use std::fmt::Write as _;
use std::process::ExitCode;

use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use super::inspect::exit;
use crate::api::CustomImage;
use crate::controller::deletion::record::{holds_on, release};

/// Records that are asked for at once.
const PAGE: u32 = 200;

/// Flags of `release-finalizers`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only of this namespace; default: of all
    #[arg(long, short)]
    namespace: Option<String>,
}

/// Runs it.
pub fn run(args: &Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("image-import: the program could not start: {error}");
            return ExitCode::from(exit::INTERNAL);
        }
    };
    let mut text = String::new();
    let done = runtime.block_on(release_all(args.namespace.as_deref(), &mut text));
    let shown = super::show(&text, ExitCode::SUCCESS);
    match done {
        Ok(()) => shown,
        Err(error) => {
            eprintln!("image-import: {error}; run it again, it goes on where it stopped");
            ExitCode::from(exit::TRANSPORT)
        }
    }
}

/// Takes the finalizer off every record that has it, and writes down each.
async fn release_all(namespace: Option<&str>, text: &mut String) -> kube::Result<()> {
    let client = Client::try_default().await?;
    let all: Api<CustomImage> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = match all.list(&page).await {
            // Where there is no such resource, there is nothing that holds on.
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            list => list?,
        };
        for record in list.items.iter().filter(|record| holds_on(record)) {
            let namespace = record.namespace().unwrap_or_default();
            if release_one(&Api::namespaced(client.clone(), &namespace), record).await? {
                let _ = writeln!(text, "{namespace}/{}", record.name_any());
            }
        }
        match list.metadata.continue_ {
            Some(next) if !next.is_empty() => page = page.continue_token(&next),
            _ => return Ok(()),
        }
    }
}

/// As [`release`]; once more when the record changed meanwhile.
async fn release_one(api: &Api<CustomImage>, record: &CustomImage) -> kube::Result<bool> {
    match release(api, record).await {
        Err(kube::Error::Api(status)) if status.code == 409 => match api.get_opt(&record.name_any()).await? {
            Some(fresh) => release(api, &fresh).await,
            None => Ok(false),
        },
        released => released,
    }
}

//! Target to facts: opens the file or object and looks at it on a thread that may block.

use std::path::Path;

use super::{Args, Refused, exit, progress};
use crate::api::Source;
use crate::disk::Error;
use crate::inspect::facts::Access;
use crate::inspect::password::Password;
use crate::inspect::{self, Budget, Facts};
use crate::rules::DataDisk;
use crate::source::{self, CredentialSource, Egress, Opened};

/// Everything that can be found out about the target, and about the data disks beside it.
pub fn facts(args: &Args) -> Result<(Facts, Vec<DataDisk>), Refused> {
    let password = args.password_file.as_deref().map(|path| password(path, args.compare_password)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Refused::new(exit::INTERNAL, format!("no runtime: {e}")))?;
    runtime.block_on(async {
        let system = of_object(args, &args.target, password).await?;
        let mut disks = Vec::new();
        for disk in &args.data_disks {
            let facts = of_object(args, &disk.target, None).await?;
            let (name, url) = (disk.name.clone(), crate::source::redacted(&disk.target));
            disks.push(DataDisk {
                name,
                facts,
                url,
                bucket_region: args.region.clone(),
                format: None,
                size_gib: disk.size_gib,
            });
        }
        Ok((system, disks))
    })
}

async fn of_object(args: &Args, target: &str, password: Option<Password>) -> Result<Facts, Refused> {
    let opened = open(args, target).await?;
    let meter = opened.meter.clone();
    // Reading an image is plain blocking code over an asynchronous source.
    let work = tokio::task::spawn_blocking(move || inspect::inspect_with(&opened, password.as_ref()));
    let facts = progress::during(meter.clone(), work).await;
    if args.trace_reads {
        eprint!("{}", progress::trace(&meter.reads()));
    }
    match facts {
        Ok(facts) => facts.map_err(|e| refused(&e)),
        Err(_) => Err(Refused::new(exit::INTERNAL, "the reader panicked; please report this image")),
    }
}

fn password(path: &Path, compare: bool) -> Result<Password, Refused> {
    let refused = |error| Refused::new(exit::NO_INPUT, format!("{}: {error}", path.display()));
    Password::read(path, compare).map_err(refused)
}

async fn open(args: &Args, target: &str) -> Result<Opened, Refused> {
    if is_address(target) {
        let credentials = CredentialSource::from_env(|name| std::env::var(name).ok()).map_err(|e| refused(&e))?;
        let source = Source {
            url: target.to_owned(),
            region: args.region.clone(),
            endpoint: args.endpoint.clone(),
            addressing: args.addressing,
            ..Source::default()
        };
        return source::open(&source, &credentials, &Egress::own_machine(), &Budget::default())
            .await
            .map_err(|e| refused(&e));
    }
    let opened = source::open_file(Path::new(target), &Budget::default()).map_err(|e| refused(&e))?;
    let why = match opened.facts.access {
        Access::Reached => return Ok(opened),
        Access::Forbidden => "may not be read",
        Access::NotFound | Access::Other => "there is no such file",
    };
    Err(Refused::new(exit::NO_INPUT, format!("{target}: {why}")))
}

/// Whether the target is an address and not a path.
pub fn is_address(target: &str) -> bool {
    target.split_once("://").is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn refused(error: &Error) -> Refused {
    let message = crate::report::clean(&error.to_string(), crate::report::MESSAGE_BYTES);
    Refused::new(exit::of_error(error), message)
}

//! Worker Jobs in the API server: made once under their name, deleted by their UID.

use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::core::response::Status as Refusal;
use kube::{Client, ResourceExt};

use super::outcome::owned_by;
use crate::api::conditions::reason as word;

/// What came of making a Job.
#[derive(Debug)]
pub enum Made {
    /// It is there.
    New(Box<Job>),
    /// One of its name is there, of the same owner, and has this UID.
    Unnoted(String),
    /// One of its name is there, and belongs to someone else.
    Foreign,
    /// One of its name was there a moment ago.
    Gone,
    /// The namespace is being deleted.
    Terminating,
    /// It was refused: a reason of [`super::reason::REASONS`], and the server's words.
    Refused(&'static str, String),
}

/// Jobs of a namespace.
pub fn api(client: &Client, namespace: &str) -> Api<Job> {
    Api::namespaced(client.clone(), namespace)
}

/// Makes a Job of the owner with this UID; with `dry_run` only asks whether it could be made.
///
/// # Errors
/// What the API server says, but for refusals.
pub async fn make(api: &Api<Job>, job: &Job, owner: &str, dry_run: bool) -> kube::Result<Made> {
    let params = PostParams { dry_run, ..PostParams::default() };
    match api.create(&params, job).await {
        Ok(made) => Ok(Made::New(Box::new(made))),
        Err(kube::Error::Api(refusal)) if refusal.code == 409 => Ok(match api.get_opt(&job.name_any()).await? {
            None => Made::Gone,
            Some(there) if owned_by(there.metadata.owner_references.as_ref(), owner) => {
                Made::Unnoted(there.uid().unwrap_or_default())
            }
            Some(_) => Made::Foreign,
        }),
        Err(kube::Error::Api(refusal)) if matches!(refusal.code, 403 | 422) => Ok(refused(&refusal)),
        Err(error) => Err(error),
    }
}

fn refused(refusal: &Refusal) -> Made {
    let causes = refusal.details.as_ref().map(|d| &d.causes);
    if causes.is_some_and(|c| c.iter().any(|c| c.reason == "NamespaceTerminating")) {
        return Made::Terminating;
    }
    let quota = refusal.message.contains("exceeded quota") || refusal.message.contains("failed quota");
    Made::Refused(if quota { word::QUOTA_EXCEEDED } else { word::POD_REFUSED }, refusal.message.clone())
}

/// Deletes a Job, its pods first; another of its name is left.
///
/// # Errors
/// What the API server says, but that it is gone.
pub async fn delete(api: &Api<Job>, name: &str, uid: &str) -> kube::Result<()> {
    let only = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    match api.delete(name, &DeleteParams::foreground().preconditions(only)).await {
        Ok(_) => {
            tracing::info!(job = name, uid, "Deleted a worker Job");
            Ok(())
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(message: &str, cause: &str) -> Made {
        let details = json!({"causes": [{"reason": cause, "message": "m", "field": ""}]});
        refused(&serde_json::from_value(json!({"code": 403, "message": message, "details": details})).unwrap())
    }

    #[test]
    fn a_refusal_has_a_reason() {
        assert!(matches!(said("jobs is forbidden", "NamespaceTerminating"), Made::Terminating));
        let reason = |made| match made {
            Made::Refused(reason, _) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(said("exceeded quota: count/jobs.batch=0", "")), "QuotaExceeded");
        assert_eq!(reason(said("denied by policy", "")), "PodRefused");
    }
}

//! The Job that sends a notice.

use k8s_openapi::api::batch::v1::Job;
use kube::Resource;

use super::{IMPORT_NAME, Mount, Order, build, path};
use crate::api::{ImageImport, LocalRef};
use crate::controller::key::Stage;
use crate::controller::notification::Named;
use crate::controller::settings::Settings;
use crate::notify::Event;
use crate::worker::{NotifyArgs, RESULT, WEBHOOK_SECRET};

/// The key of a Secret that signs notices.
const SIGNING_KEY: &str = "signingKey";

fn mount(secret: &LocalRef, optional: bool) -> Mount<'_> {
    let (keys, optional_keys): (&[_], &[_]) = if optional { (&[], &[SIGNING_KEY]) } else { (&[SIGNING_KEY], &[]) };
    Mount { secret, volume: "webhook-secret", path: WEBHOOK_SECRET, keys, optional_keys }
}

/// The Job that tells one receiver of an import's end; `None` for an import that is not stored.
pub fn notice(settings: &Settings, import: &ImageImport, to: &Named, event: &Event, name: &str) -> Option<Job> {
    let mount = to.secret.as_ref().map(|secret| mount(secret, to.secret_optional));
    let args = NotifyArgs {
        url: to.url.clone(),
        event: event.clone(),
        secret_file: path(mount.as_ref()).map(|folder| folder.join(SIGNING_KEY)),
        secret_optional: mount.is_some() && to.secret_optional,
        result: RESULT.into(),
        egress: settings.egress.clone(),
    };
    let order = Order {
        stage: Stage::Notify,
        owner: import.controller_owner_ref(&())?,
        namespace: import.metadata.namespace.clone(),
        import_uid: import.metadata.uid.as_deref().unwrap_or_default(),
        named: (IMPORT_NAME, import.metadata.name.as_deref().unwrap_or_default()),
        args: args.to_args(),
        mounts: mount.into_iter().collect(),
        deadline: settings.deadline(Stage::Notify),
    };
    Some(build(settings, order, name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{import, settings};
    use super::*;

    fn built(secret: Option<&str>, secret_optional: bool) -> Value {
        let to = Named {
            key: "k".into(),
            host: "https://hooks.example".into(),
            url: "https://hooks.example/t0ken".into(),
            secret: secret.map(|name| LocalRef { name: name.into() }),
            secret_optional,
        };
        let event = Event::new("id", "2026-11-21T10:00:00Z", true, crate::notify::Notice::default());
        serde_json::to_value(notice(&settings(""), &import(), &to, &event, "web-base-n-0123456789").unwrap()).unwrap()
    }

    #[test]
    fn a_notice_has_the_event_and_nothing_but_the_signing_key() {
        let job = built(Some("signing"), false);
        assert_eq!(job["metadata"]["labels"]["imageimport.dev/stage"], "notify");
        assert_eq!(job["metadata"]["ownerReferences"][0]["uid"], "1234-uid");
        assert_eq!((&job["spec"]["activeDeadlineSeconds"], &job["spec"]["backoffLimit"]), (&json!(300), &json!(3)));
        let pod = &job["spec"]["template"]["spec"];
        let args: Vec<&str> =
            pod["containers"][0]["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(args[..3], ["worker", "notify", "--url=https://hooks.example/t0ken"]);
        assert!(args[3].starts_with("--event={\"specversion\":\"1.0\",\"id\":\"id\""), "{args:?}");
        assert_eq!(args[4], "--secret-file=/run/credentials/webhook/signingKey");
        assert_eq!(
            args[5..],
            ["--result=/dev/termination-log", "--egress-allow=10.0.0.0/8", "--egress-deny=10.96.0.1/32"]
        );
        let key = json!([{"key": "signingKey", "path": "signingKey"}]);
        let secret = |more: Value| {
            let mut secret = json!({"name": "signing", "items": key});
            secret.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([{"name": "webhook-secret", "projected": {"sources": [{"secret": secret}]}}])
        };
        assert_eq!(pod["volumes"], secret(json!({})));

        let default = built(Some("signing"), true);
        let pod = &default["spec"]["template"]["spec"];
        assert_eq!(pod["volumes"], secret(json!({"optional": true})));
        assert!(pod["containers"][0]["args"].as_array().unwrap().contains(&json!("--secret-optional")));

        for optional in [false, true] {
            let unsigned = built(None, optional);
            let pod = &unsigned["spec"]["template"]["spec"];
            assert_eq!(pod["volumes"], Value::Null);
            assert!(!pod["containers"][0]["args"].to_string().contains("secret"));
        }
    }
}

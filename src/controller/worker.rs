//! The worker's Job and pod.

mod notice;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, EnvVarSource, KeyToPath, ObjectFieldSelector, PodSecurityContext, PodSpec,
    PodTemplateSpec, ProjectedVolumeSource, SeccompProfile, SecretProjection, SecurityContext, Volume, VolumeMount,
    VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::ObjectMeta;

use super::deletion::Subject;
use super::key::Stage;
use super::queue::Kind;
use super::settings::Settings;
use super::verdict;
use super::work::Task;
use crate::api::{
    Destination, Disk, Format, ImageImport, ImportProfileSpec, LocalRef, SYSTEM_DISK, Source, SourceIdentity,
};
use crate::worker::{
    ConvertArgs, DESTINATION_CREDENTIALS, DeleteArgs, EgressArgs, Exit, InspectArgs, PASSWORD, RESULT,
    SOURCE_CREDENTIALS,
};

pub use notice::notice;

/// Label of every worker Job and pod: the UID of its import. Names may be longer than a label's value.
pub const IMPORT_UID: &str = "imageimport.dev/import-uid";
/// Annotation of every worker Job and pod of an import: its name.
pub const IMPORT_NAME: &str = "imageimport.dev/import";
/// Annotation of every worker Job and pod of a record: its name.
pub const RECORD_NAME: &str = "imageimport.dev/custom-image";
/// Label of every worker Job and pod: `inspect`, `convert`, `delete` or `notify`.
pub const STAGE: &str = "imageimport.dev/stage";
/// The user all worker containers run as.
const USER: i64 = 65532;
/// Keys a credential must have, and those it may have.
const KEYS: &[&str] = &["accessKeyID", "secretAccessKey"];
const OPTIONAL_KEYS: &[&str] = &["sessionToken"];
/// The key of a Secret that holds the password of the image's root.
const PASSWORD_KEY: &str = "password";

/// A Secret that a pod mounts.
struct Mount<'a> {
    secret: &'a LocalRef,
    volume: &'static str,
    path: &'static str,
    keys: &'static [&'static str],
    optional_keys: &'static [&'static str],
}

impl<'a> Mount<'a> {
    fn credentials(secret: &'a LocalRef, volume: &'static str, path: &'static str) -> Self {
        Self { secret, volume, path, keys: KEYS, optional_keys: OPTIONAL_KEYS }
    }

    fn source(disk: Disk<'a>) -> Option<Self> {
        let secret = disk.source.secret_ref.as_ref()?;
        Some(Self::credentials(secret, "source-credentials", SOURCE_CREDENTIALS))
    }

    fn destination(secret: Option<&'a LocalRef>) -> Option<Self> {
        Some(Self::credentials(secret?, "destination-credentials", DESTINATION_CREDENTIALS))
    }

    fn password(import: &'a ImageImport, disk: Disk) -> Option<Self> {
        let secret = import.spec.image.as_ref()?.password_secret_ref.as_ref().filter(|_| disk.name == SYSTEM_DISK)?;
        Some(Self { secret, volume: "password", path: PASSWORD, keys: &[PASSWORD_KEY], optional_keys: &[] })
    }
}

/// What one Job is for.
struct Order<'a> {
    stage: Stage,
    owner: OwnerReference,
    namespace: Option<String>,
    import_uid: &'a str,
    /// The annotation that names whom to look at when something happens to the Job.
    named: (&'static str, &'a str),
    args: Vec<String>,
    mounts: Vec<Mount<'a>>,
    deadline: SignedDuration,
}

/// The Job of one of an import's tasks, complete; a copy's rests on what was inspected.
pub fn job(
    settings: &Settings,
    import: &ImageImport,
    profile: Option<&ImportProfileSpec>,
    task: &Task,
    name: &str,
) -> Option<Job> {
    let (stage, disk) = (task.stage, import.spec.disk(&task.disk)?);
    let (args, second) = match stage {
        Stage::Inspect => (inspect_args(settings, import, disk).to_args(), Mount::password(import, disk)),
        Stage::Convert => {
            let destination = import.spec.destination.as_ref()?;
            (
                convert_args(&settings.egress, import, disk, profile)?.to_args(),
                Mount::destination(destination.secret_ref.as_ref()),
            )
        }
        Stage::Delete | Stage::Notify => return None,
    };
    let order = Order {
        stage,
        owner: import.controller_owner_ref(&())?,
        namespace: import.metadata.namespace.clone(),
        import_uid: import.metadata.uid.as_deref().unwrap_or_default(),
        named: (IMPORT_NAME, import.metadata.name.as_deref().unwrap_or_default()),
        args,
        mounts: Mount::source(disk).into_iter().chain(second).collect(),
        deadline: deadline(settings, import, stage),
    };
    Some(build(settings, order, name))
}

/// The Job of a deletion.
pub fn deletion(settings: &Settings, subject: &Subject, name: &str) -> Job {
    let mount = Mount::destination(subject.secret.as_ref());
    let args = DeleteArgs {
        objects: subject.objects.clone(),
        destination_credentials: path(mount.as_ref()),
        result: RESULT.into(),
        egress: settings.egress.clone(),
    };
    let order = Order {
        stage: Stage::Delete,
        owner: subject.owner.clone(),
        namespace: Some(subject.namespace.clone()),
        import_uid: &subject.import_uid,
        named: (if subject.kind == Kind::Import { IMPORT_NAME } else { RECORD_NAME }, &subject.name),
        args: args.to_args(),
        mounts: mount.into_iter().collect(),
        deadline: settings.deadline(Stage::Delete),
    };
    build(settings, order, name)
}

fn build(settings: &Settings, order: Order, name: &str) -> Job {
    let stage = order.stage;
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: order.namespace,
        labels: Some(labels(settings, order.import_uid, stage)),
        annotations: Some(annotations(settings, order.named)),
        owner_references: Some(vec![order.owner]),
        ..ObjectMeta::default()
    };
    let day = 86_400;
    let spec = JobSpec {
        backoff_limit: Some(3),
        active_deadline_seconds: Some(order.deadline.as_secs()),
        ttl_seconds_after_finished: Some(if stage == Stage::Convert { 7 * day } else { day }),
        pod_replacement_policy: Some("Failed".into()),
        pod_failure_policy: Some(failure_policy(stage)),
        template: PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: metadata.labels.clone(),
                annotations: metadata.annotations.clone(),
                ..ObjectMeta::default()
            }),
            spec: Some(pod(settings, stage, order.args, &order.mounts)),
        },
        ..JobSpec::default()
    };
    Job { metadata, spec: Some(spec), status: None }
}

/// How long a worker may take: what the import says, at most what the operator allows.
pub fn deadline(settings: &Settings, import: &ImageImport, stage: Stage) -> SignedDuration {
    let own = import.spec.deadline_seconds.map(|seconds| SignedDuration::from_secs(seconds.into()));
    own.map_or(settings.deadline(stage), |own| own.min(settings.deadline(stage)))
}

fn labels(settings: &Settings, import_uid: &str, stage: Stage) -> BTreeMap<String, String> {
    let own = [
        ("app.kubernetes.io/name", "image-import-operator"),
        ("app.kubernetes.io/component", "worker"),
        ("app.kubernetes.io/managed-by", "image-import-operator"),
        (IMPORT_UID, import_uid),
        (STAGE, stage.container()),
        // A sidecar never ends, and takes a part of the termination message's room.
        ("sidecar.istio.io/inject", "false"),
    ];
    let mut all = settings.worker.labels.clone();
    all.extend(own.map(|(k, v)| (k.to_owned(), v.to_owned())));
    all
}

fn annotations(settings: &Settings, (key, name): (&str, &str)) -> BTreeMap<String, String> {
    let own = [
        ("linkerd.io/inject", "disabled"),
        ("vault.hashicorp.com/agent-inject", "false"),
        ("cluster-autoscaler.kubernetes.io/safe-to-evict", "true"),
    ];
    let mut all: BTreeMap<_, _> = own.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    all.extend(settings.worker.annotations.clone());
    all.insert(key.to_owned(), name.to_owned());
    all
}

/// Evictions do not count, and what will not heal is not repeated.
fn failure_policy(stage: Stage) -> PodFailurePolicy {
    let disrupted = PodFailurePolicyOnPodConditionsPattern { status: "True".into(), type_: "DisruptionTarget".into() };
    let final_codes = PodFailurePolicyOnExitCodesRequirement {
        container_name: Some(stage.container().into()),
        operator: "In".into(),
        // 101 is a Rust panic, 134 and 139 are SIGABRT and SIGSEGV.
        values: vec![Exit::Internal as i32, Exit::Config as i32, 101, 134, 139],
    };
    let rule = |action: &str| PodFailurePolicyRule { action: action.into(), ..PodFailurePolicyRule::default() };
    PodFailurePolicy {
        rules: vec![
            PodFailurePolicyRule { on_pod_conditions: Some(vec![disrupted]), ..rule("Ignore") },
            PodFailurePolicyRule { on_exit_codes: Some(final_codes), ..rule("FailJob") },
        ],
    }
}

fn pod(settings: &Settings, stage: Stage, args: Vec<String>, mounts: &[Mount]) -> PodSpec {
    let config = &settings.worker;
    let mount = |mount: &Mount| VolumeMount {
        name: mount.volume.to_owned(),
        mount_path: mount.path.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    let mut env = config.env.clone();
    env.push(EnvVar {
        name: "JOB_UID".into(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: None,
                field_path: "metadata.labels['batch.kubernetes.io/controller-uid']".into(),
            }),
            ..EnvVarSource::default()
        }),
    });
    let container = Container {
        name: stage.container().into(),
        image: Some(settings.worker_image.clone()),
        image_pull_policy: filled(&config.image_pull_policy),
        args: Some(args),
        env: Some(env),
        resources: Some(config.resources.clone()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
            ..SecurityContext::default()
        }),
        // Logs may carry a guest's text: only the message counts.
        termination_message_policy: Some("File".into()),
        termination_message_path: Some(RESULT.into()),
        volume_mounts: Some(mounts.iter().map(mount).collect::<Vec<_>>()).filter(|v| !v.is_empty()),
        ..Container::default()
    };
    PodSpec {
        restart_policy: Some("Never".into()),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(30),
        enable_service_links: Some(false),
        host_users: config.host_users,
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container],
        volumes: Some(mounts.iter().map(volume).collect::<Vec<_>>()).filter(|v| !v.is_empty()),
        node_selector: Some(config.node_selector.clone()).filter(|v| !v.is_empty()),
        tolerations: Some(config.tolerations.clone()).filter(|v| !v.is_empty()),
        affinity: config.affinity.clone(),
        priority_class_name: filled(&config.priority_class_name),
        runtime_class_name: filled(&config.runtime_class_name),
        image_pull_secrets: Some(config.image_pull_secrets.clone()).filter(|v| !v.is_empty()),
        ..PodSpec::default()
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A Secret's documented keys and no others, so that no other Secret can be used; one `optional` covers a whole source,
/// hence two.
fn volume(mount: &Mount) -> Volume {
    let project = |keys: &[&str], optional: bool| VolumeProjection {
        secret: Some(SecretProjection {
            name: mount.secret.name.clone(),
            items: Some(keys.iter().map(|k| KeyToPath { key: (*k).into(), path: (*k).into(), mode: None }).collect()),
            optional: optional.then_some(true),
        }),
        ..VolumeProjection::default()
    };
    let groups = [(mount.keys, false), (mount.optional_keys, true)].into_iter().filter(|(keys, _)| !keys.is_empty());
    Volume {
        name: mount.volume.to_owned(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(groups.map(|(keys, optional)| project(keys, optional)).collect()),
            default_mode: None,
        }),
        ..Volume::default()
    }
}

fn source(disk: Disk) -> Source {
    Source { secret_ref: None, ..disk.source.clone() }
}

fn path(mount: Option<&Mount>) -> Option<PathBuf> {
    mount.map(|mount| mount.path.into())
}

fn inspect_args(settings: &Settings, import: &ImageImport, disk: Disk) -> InspectArgs {
    let deadline = deadline(settings, import, Stage::Inspect).as_secs().unsigned_abs();
    let password = Mount::password(import, disk);
    InspectArgs {
        source: source(disk),
        source_credentials: path(Mount::source(disk).as_ref()),
        password_file: path(password.as_ref()).map(|folder| folder.join(PASSWORD_KEY)),
        compare_password: password.is_some() && import.spec.image.as_ref().is_some_and(|i| i.compare_password),
        result: RESULT.into(),
        // Facts with LimitExceeded must arrive before the Job's time is up.
        seconds: (deadline / 2).max(1),
        egress: settings.egress.clone(),
    }
}

/// What a copy of a disk that was read is told; `None` where there is none, or nowhere to copy it to.
pub fn convert_args(
    egress: &EgressArgs,
    import: &ImageImport,
    disk: Disk,
    profile: Option<&ImportProfileSpec>,
) -> Option<ConvertArgs> {
    let read = import.disk(disk.name)?;
    let SourceIdentity { etag, size_bytes, .. } = read.source.clone()?;
    let found = read.image.as_ref().and_then(|i| i.format.as_deref()).and_then(format);
    let destination = import.spec.destination.clone()?;
    Some(ConvertArgs {
        source: source(disk),
        source_credentials: path(Mount::source(disk).as_ref()),
        etag,
        size: u64::try_from(size_bytes).ok()?,
        destination_credentials: path(Mount::destination(destination.secret_ref.as_ref()).as_ref()),
        destination: Destination {
            secret_ref: None,
            format: destination.format.or(found),
            // Only the system disk is made larger.
            virtual_size_gib: destination.virtual_size_gib.filter(|_| disk.name == SYSTEM_DISK),
            ..destination
        },
        found,
        max_qcow2_bytes: profile.and_then(|profile| verdict::decided_while_converting(import, disk.name, profile)),
        destination_name: format!("{}-{}", import.metadata.name.as_deref().unwrap_or_default(), disk.name),
        result: RESULT.into(),
        egress: egress.clone(),
    })
}

fn format(name: &str) -> Option<Format> {
    [Format::Raw, Format::Qcow2, Format::Vhd, Format::Vmdk].into_iter().find(|f| f.name() == name)
}

/// Address of the object that a disk's conversion Job with this UID writes.
pub fn own_url(settings: &Settings, import: &ImageImport, disk: &str, job_uid: &str) -> Option<String> {
    convert_args(&settings.egress, import, import.spec.disk(disk)?, None).map(|args| args.object_url(Some(job_uid)))
}

#[cfg(test)]
pub(super) mod tests;

//! Imports virtual-machine disk images from buckets, and says beforehand whether a cloud will take them.
//!
//! The tree is the data flow, in order:
//!
//! ```text
//! bucket ─► source ─► container ─► partition ─► volume ─► filesystem ─► guest ─► FACTS
//!   worker pod, one Job a disk: no API access; hostile bytes stay here            │ termination message, at most 4096 B
//! =================================================================================▼==========
//!   controller: sees no image byte, dials no user endpoint, reads no Secret    decode, bounded
//!                                                                                 ▼
//!   ImportProfile, spec.image, waivers ─► rules ◄── judged, and again ── status.disks[].inspection.facts
//!                                           └─► report ─► conditions ─► Ready / Stalled
//!                                                  │ compliant
//!                                                  ▼
//!      convert worker (If-Match etag) ─► image store, own key ─► status ─► CustomImage (published)
//! ```
//!
//! [`source`] gives the bytes of an object, within a budget. [`disk`] makes files of bytes, [`guest`] makes facts of
//! files, [`inspect`] walks them all. [`rules`] judge facts by the data of [`profiles`]; [`report`] writes the verdicts
//! down. [`convert`] writes the passing image, [`notify`] tells how an import ended. [`worker`] is what runs in the pod,
//! [`controller`] what the cluster does about it, [`api`] what users write, [`cli`] the program's face.

pub mod api;
pub mod cli;
pub mod controller;
pub mod convert;
pub mod disk;
pub mod guest;
pub mod inspect;
pub mod metrics;
pub mod notify;
pub mod profiles;
pub mod report;
pub mod rules;
pub mod server;
pub mod source;
pub mod telemetry;
pub mod worker;

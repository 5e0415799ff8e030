//! What is in the bucket: every way in which an object can be wrong, missing, forbidden or replaced.

mod again;
mod connections;
mod destinations;
mod disks;
mod form;
mod mending;
mod objects;
mod rules;
mod sizes;
mod startable;

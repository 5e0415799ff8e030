//! What is left out of facts that are too long to be carried, least needed first.

use serde_json::Value;

use crate::inspect::Facts;
use crate::inspect::facts::{Fact, Interface, Kernel, Linux, Volume};

/// Text is evidence: longer than this it is none.
const TEXT_MAX: usize = 512;

/// One thing that can be left out.
pub(super) struct Cut {
    /// Name for `truncated`: the list that lost its end.
    pub list: &'static str,
    /// Leaves it out; true when there was something.
    pub apply: fn(&mut Facts) -> bool,
}

/// Evidence and tails that no rule's verdict rests on.
pub(super) const GENTLE: &[Cut] = &[
    Cut { list: "volumes.top", apply: |facts| each_volume(facts, |v| clear(&mut v.top)) },
    Cut { list: "partitions.name", apply: |facts| partitions(facts, |list| each(list, |p| clear(&mut p.name))) },
    Cut { list: "kernels", apply: |facts| kernels(facts, |list| cut(list, 8)) },
    Cut {
        list: "kernels.drivers.inInitramfs",
        apply: |facts| kernels(facts, |list| each_but_first(list, shorten_members)),
    },
    Cut { list: "kernels", apply: |facts| kernels(facts, |list| cut(list, 4)) },
    Cut { list: "kernels", apply: |facts| kernels(facts, |list| cut(list, 2)) },
    // By these the worker has found what fstab names.
    Cut { list: "partitions.uuid", apply: |facts| partitions(facts, |list| each(list, |p| clear(&mut p.uuid))) },
    Cut { list: "fstab.entries", apply: |facts| fstab(facts, 32) },
    Cut { list: "volumes", apply: |facts| cut(&mut facts.volumes, 32) },
    Cut { list: "partitions", apply: |facts| partitions(facts, |list| cut(list, 32)) },
];

/// What a rule may miss, and then answers Unknown: better than no message at all.
pub(super) const SEVERE: &[Cut] = &[
    Cut { list: "container.unsafeReferences", apply: |facts| references(facts, 2) },
    Cut { list: "fstab.entries", apply: |facts| fstab(facts, 12) },
    Cut { list: "volumes", apply: |facts| cut(&mut facts.volumes, 12) },
    Cut { list: "partitions", apply: |facts| partitions(facts, |list| cut(list, 12)) },
    Cut { list: "kernels", apply: |facts| kernels(facts, |list| cut(list, 1)) },
    Cut { list: "boot.commandLine", apply: |facts| boot(facts) },
    Cut { list: "bootModes", apply: |facts| facts.boot_modes.take().is_some() },
    Cut { list: "network.interfaces", apply: |facts| interfaces(facts, |list| cut(list, 2)) },
    Cut { list: "fstab.entries", apply: |facts| fstab(facts, 4) },
    Cut { list: "volumes", apply: |facts| cut(&mut facts.volumes, 4) },
    Cut { list: "partitions", apply: |facts| partitions(facts, |list| cut(list, 4)) },
    Cut { list: "linux", apply: |facts| facts.guest.as_mut().is_some_and(|guest| guest.linux.take().is_some()) },
    Cut { list: "volumes", apply: |facts| cut(&mut facts.volumes, 0) },
    Cut { list: "partitions", apply: |facts| partitions(facts, |list| cut(list, 0)) },
    Cut { list: "guest", apply: |facts| facts.guest.take().is_some() },
];

/// Shortens every text and takes control characters out.
pub(super) fn bound_text(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().count() > TEXT_MAX || text.contains(char::is_control) => {
            *text = text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect();
        }
        Value::Array(list) => list.iter_mut().for_each(bound_text),
        Value::Object(members) => members.values_mut().for_each(bound_text),
        _ => {}
    }
}

/// Empties text or list; true when there was something in it.
fn clear<T: Default + PartialEq>(field: &mut T) -> bool {
    std::mem::take(field) != T::default()
}

fn cut<T>(list: &mut Vec<T>, len: usize) -> bool {
    let longer = list.len() > len;
    list.truncate(len);
    longer
}

fn each<T>(list: &mut [T], change: fn(&mut T) -> bool) -> bool {
    // Not `any`: every one has to be changed.
    list.iter_mut().fold(false, |changed, item| change(item) | changed)
}

fn each_but_first(list: &mut [Kernel], change: fn(&mut Kernel) -> bool) -> bool {
    list.get_mut(1..).is_some_and(|rest| each(rest, change))
}

fn each_volume(facts: &mut Facts, change: fn(&mut Volume) -> bool) -> bool {
    each(&mut facts.volumes, change)
}

/// The paths of drivers in an initramfs become file names: that they are there still shows.
fn shorten_members(kernel: &mut Kernel) -> bool {
    let members = kernel.drivers.iter_mut().filter_map(|driver| driver.in_initramfs.as_mut());
    members.fold(false, |changed, member| match member.rsplit_once('/') {
        Some((_, name)) => {
            *member = name.to_owned();
            true
        }
        None => changed,
    })
}

fn linux(facts: &mut Facts) -> Option<&mut Linux> {
    facts.guest.as_mut()?.linux.as_mut()
}

fn known<T>(fact: &mut Option<Fact<T>>) -> Option<&mut T> {
    match fact {
        Some(Fact::Known(value)) => Some(value),
        _ => None,
    }
}

fn kernels(facts: &mut Facts, change: fn(&mut Vec<Kernel>) -> bool) -> bool {
    linux(facts).is_some_and(|linux| change(&mut linux.kernels))
}

fn fstab(facts: &mut Facts, len: usize) -> bool {
    linux(facts).and_then(|linux| known(&mut linux.fstab)).is_some_and(|fstab| cut(&mut fstab.entries, len))
}

fn interfaces(facts: &mut Facts, change: fn(&mut Vec<Interface>) -> bool) -> bool {
    let network = facts.guest.as_mut().and_then(|guest| known(&mut guest.network));
    network.is_some_and(|network| change(&mut network.interfaces))
}

fn boot(facts: &mut Facts) -> bool {
    linux(facts).and_then(|linux| known(&mut linux.boot)).is_some_and(|boot| clear(&mut boot.command_line))
}

fn partitions(facts: &mut Facts, change: fn(&mut Vec<crate::inspect::facts::Partition>) -> bool) -> bool {
    known(&mut facts.table).is_some_and(|table| change(&mut table.partitions))
}

fn references(facts: &mut Facts, len: usize) -> bool {
    facts.container.as_mut().is_some_and(|container| cut(&mut container.unsafe_references, len))
}

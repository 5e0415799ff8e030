//! Lists of devices in NetworkManager's configuration (NetworkManager.conf(5), "Device List Format").

use std::collections::BTreeMap;

use super::files::LAYER;
use super::link::is_cloud_driver;
use crate::disk::{Error, Result};
use crate::guest::linux::glob;

/// Most items of a list, and the longest one: no interface has a longer name.
const MAX_ITEMS: usize = 64;
const MAX_ITEM: usize = 48;

/// A list that files add to and take from, each item with the place that put it in.
#[derive(Debug, Default)]
pub struct Specs {
    items: BTreeMap<String, String>,
}

impl Specs {
    /// Takes one `key=value`: a key that ends in `+` adds to the list, one in `-` takes from it.
    ///
    /// # Errors
    /// `Limit` for a list of too many items.
    pub fn set(&mut self, key: &str, value: &str, place: &str) -> Result<()> {
        let words = value.split([',', ';']).map(str::trim).filter(|word| !word.is_empty() && word.len() <= MAX_ITEM);
        if key.ends_with('-') {
            words.for_each(|word| drop(self.items.remove(word)));
            return Ok(());
        }
        if !key.ends_with('+') {
            self.items.clear();
        }
        for word in words {
            self.items.insert(word.to_owned(), place.to_owned());
            if self.items.len() > MAX_ITEMS {
                return Err(Error::limit(LAYER, format!("more than {MAX_ITEMS} devices in one list ({place})")));
            }
        }
        Ok(())
    }

    /// Where the list takes in a cloud's card of that name.
    pub fn place_of(&self, name: &str) -> Option<&str> {
        let except = |item: &str| item.strip_prefix("except:").map(str::to_owned);
        if self.items.keys().filter_map(|item| except(item)).any(|item| is(&item, name)) {
            return None;
        }
        let mut wanted = self.items.iter().filter(|(item, _)| except(item).is_none()).peekable();
        // A list of nothing but exceptions takes in all else.
        let found =
            if wanted.peek().is_none() { self.items.iter().next() } else { wanted.find(|(item, _)| is(item, name)) };
        found.map(|(_, place)| place.as_str())
    }
}

/// Whether an item is a cloud's card of that name. One with a hardware address is another machine's.
fn is(item: &str, name: &str) -> bool {
    match item.split_once(':') {
        None => item == "*" || item == name,
        Some(("type", kind)) => kind == "ethernet",
        Some(("interface-name", of)) => match of.strip_prefix('=') {
            Some(exact) => exact == name,
            None => glob::matches(of.strip_prefix('~').unwrap_or(of), name),
        },
        Some(("driver", of)) => {
            let of = of.split('/').next().unwrap_or_default();
            is_cloud_driver(|driver| glob::matches(of, driver))
        }
        Some(_) => false,
    }
}

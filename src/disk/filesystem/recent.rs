//! The few things that were used last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// At most so many values, the one not used for longest dropped first.
pub(super) struct Recent<T> {
    most: usize,
    held: Mutex<VecDeque<(u64, Arc<T>)>>,
}

impl<T> Recent<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, held: Mutex::default() }
    }

    /// What is held under `key`, or what `make` makes of it.
    pub(super) fn get<E>(&self, key: u64, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(found) = self.take(key) {
            return Ok(self.put(key, found));
        }
        Ok(self.put(key, Arc::new(make()?)))
    }

    fn take(&self, key: u64) -> Option<Arc<T>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let place = held.iter().position(|(held, _)| *held == key)?;
        held.remove(place).map(|(_, value)| value)
    }

    fn put(&self, key: u64, value: Arc<T>) -> Arc<T> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= self.most {
            held.pop_front();
        }
        held.push_back((key, Arc::clone(&value)));
        value
    }
}

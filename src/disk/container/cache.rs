//! A cache of byte blocks that forgets the least recently used ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks by a number that names them; together at most `limit` bytes.
pub struct Cache {
    limit: usize,
    inner: Mutex<Inner>,
}

/// A block, as it was made: not copied to be kept.
pub type Block = Arc<Vec<u8>>;

#[derive(Default)]
struct Inner {
    blocks: HashMap<u64, (u64, Block)>,
    /// Time of last use to block: the first is the oldest.
    order: BTreeMap<u64, u64>,
    clock: u64,
    bytes: usize,
}

impl Cache {
    /// An empty cache of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::default() }
    }

    /// The block `key`; made by `make` when it is not there. Nothing is locked meanwhile, so two threads may both make
    /// it, and either result serves.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get_or<E>(&self, key: u64, make: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Block, E> {
        if let Some(found) = self.get(key) {
            return Ok(found);
        }
        let block = Arc::new(make()?);
        self.put(key, &block);
        Ok(block)
    }

    /// The block `key`, where it is there.
    pub fn get(&self, key: u64) -> Option<Block> {
        self.lock().find(key)
    }

    /// Forgets what would be forgotten for a block of `len` bytes, before it is made.
    pub fn make_room(&self, len: u64) {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.lock().shrink(self.limit.saturating_sub(len));
    }

    /// Keeps `block` as the block `key`.
    pub fn put(&self, key: u64, block: &Block) {
        self.lock().insert(key, Arc::clone(block), self.limit);
    }

    /// A panic elsewhere leaves at worst a cache that forgot something.
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn find(&mut self, key: u64) -> Option<Block> {
        let (used, block) = self.blocks.get_mut(&key)?;
        self.order.remove(used);
        self.clock = self.clock.wrapping_add(1);
        *used = self.clock;
        self.order.insert(self.clock, key);
        Some(Arc::clone(block))
    }

    fn insert(&mut self, key: u64, block: Block, limit: usize) {
        self.forget(key);
        self.clock = self.clock.wrapping_add(1);
        self.bytes = self.bytes.saturating_add(block.len());
        self.order.insert(self.clock, key);
        self.blocks.insert(key, (self.clock, block));
        self.shrink(limit);
    }

    fn shrink(&mut self, limit: usize) {
        while self.bytes > limit {
            let Some(oldest) = self.order.first_key_value().map(|(_, key)| *key) else { break };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, key: u64) {
        if let Some((used, block)) = self.blocks.remove(&key) {
            self.order.remove(&used);
            self.bytes = self.bytes.saturating_sub(block.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(cache: &Cache, key: u64) -> bool {
        let mut made = false;
        let _: Result<_, ()> = cache.get_or(key, || {
            made = true;
            Ok(vec![0; 10])
        });
        made
    }

    #[test]
    fn keeps_what_was_used_last_within_its_limit() {
        let cache = Cache::new(30);
        assert!(block(&cache, 1) && block(&cache, 2) && block(&cache, 3));
        assert!(!block(&cache, 1), "still there, and now the youngest");
        assert!(block(&cache, 4), "pushes out 2");
        assert!(!block(&cache, 1) && !block(&cache, 3) && !block(&cache, 4));
        assert!(block(&cache, 2));
        assert!(cache.lock().bytes <= 30);
    }

    #[test]
    fn a_block_larger_than_the_cache_is_given_and_not_kept() {
        let cache = Cache::new(5);
        assert!(block(&cache, 1));
        assert!(block(&cache, 1));
        assert_eq!(cache.lock().bytes, 0);
    }
}

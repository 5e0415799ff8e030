//! Who may run a worker: a global limit, a limit for each namespace, namespaces in turn, first come first served inside.
//!
//! A slot is reserved before the Job is made and is given back when the Job is gone, so the limits hold whatever the
//! caches have not seen yet. After a restart the running Jobs are counted in first.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Who has workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An ImageImport.
    Import,
    /// A CustomImage, whose objects are deleted.
    Record,
}

/// An import or a record that runs or waits: namespace and UID, and kind and name to wake it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Kind.
    pub kind: Kind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
}

/// Slots and those who wait for one.
#[derive(Debug)]
pub struct Queue {
    limit: usize,
    limit_per_namespace: usize,
    held: HashMap<String, Ticket>,
    waiting: BTreeMap<String, VecDeque<Ticket>>,
    /// The namespace that got the last slot.
    last: String,
}

impl Queue {
    /// No slot is taken.
    pub fn new(limit: usize, limit_per_namespace: usize) -> Self {
        Self { limit, limit_per_namespace, held: HashMap::new(), waiting: BTreeMap::new(), last: String::new() }
    }

    /// Counts in a worker that runs already, above the limits if need be.
    pub fn adopt(&mut self, ticket: Ticket) {
        self.drop_waiting(&ticket.uid);
        self.held.insert(ticket.uid.clone(), ticket);
    }

    /// True when a slot is held by this object.
    pub fn holds(&self, uid: &str) -> bool {
        self.held.contains_key(uid)
    }

    /// Asks for a slot: waits at its namespace's end unless it holds one or waits already. Returns those who got one by it.
    pub fn request(&mut self, ticket: Ticket) -> Vec<Ticket> {
        if self.holds(&ticket.uid) {
            return vec![];
        }
        let line = self.waiting.entry(ticket.namespace.clone()).or_default();
        if !line.iter().any(|t| t.uid == ticket.uid) {
            line.push_back(ticket);
        }
        self.grant()
    }

    /// Gives a slot or a place in the line back. Returns those who got one by it.
    pub fn release(&mut self, uid: &str) -> Vec<Ticket> {
        self.drop_waiting(uid);
        if self.held.remove(uid).is_none() {
            return vec![];
        }
        self.grant()
    }

    /// Gives back all that belong to imports which are no more. Returns those who got a slot by it.
    pub fn retain(&mut self, alive: &HashSet<String>) -> Vec<Ticket> {
        self.held.retain(|uid, _| alive.contains(uid));
        for line in self.waiting.values_mut() {
            line.retain(|t| alive.contains(&t.uid));
        }
        self.waiting.retain(|_, line| !line.is_empty());
        self.grant()
    }

    /// Its place in the line, from 1, as namespaces take turns: the next to get a slot has the first.
    pub fn place(&self, uid: &str) -> Option<usize> {
        let (own, at) = self
            .waiting
            .iter()
            .find_map(|(namespace, line)| line.iter().position(|ticket| ticket.uid == uid).map(|at| (namespace, at)))?;
        // The turns go on behind the last namespace, and from the first again.
        let turn = |namespace: &String| (*namespace <= self.last, namespace.clone());
        let ahead = self.waiting.iter().filter(|(namespace, _)| *namespace != own);
        let ahead = ahead.map(|(namespace, line)| line.len().min(at + usize::from(turn(namespace) < turn(own))));
        Some(ahead.sum::<usize>() + at + 1)
    }

    /// Workers that run or may start.
    pub fn running(&self) -> usize {
        self.held.len()
    }

    /// Imports in line.
    pub fn queued(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    fn drop_waiting(&mut self, uid: &str) {
        for line in self.waiting.values_mut() {
            line.retain(|t| t.uid != uid);
        }
        self.waiting.retain(|_, line| !line.is_empty());
    }

    fn grant(&mut self) -> Vec<Ticket> {
        let mut granted = vec![];
        while self.held.len() < self.limit {
            let free =
                |ns: &&String| self.held.values().filter(|t| t.namespace == **ns).count() < self.limit_per_namespace;
            let after =
                self.waiting.range::<String, _>((std::ops::Bound::Excluded(&self.last), std::ops::Bound::Unbounded));
            let next = after.map(|(ns, _)| ns).find(free).or_else(|| self.waiting.keys().find(free)).cloned();
            let Some(namespace) = next else { break };
            let Some(line) = self.waiting.get_mut(&namespace) else { break };
            let Some(ticket) = line.pop_front() else { break };
            if line.is_empty() {
                self.waiting.remove(&namespace);
            }
            self.last = namespace;
            self.held.insert(ticket.uid.clone(), ticket.clone());
            granted.push(ticket);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(namespace: &str, n: u32) -> Ticket {
        Ticket {
            kind: Kind::Import,
            namespace: namespace.into(),
            name: format!("i{n}"),
            uid: format!("{namespace}/{n}"),
        }
    }
    fn uids(tickets: &[Ticket]) -> Vec<&str> {
        tickets.iter().map(|t| t.uid.as_str()).collect()
    }

    #[test]
    fn first_come_first_served_up_to_the_limit() {
        let mut q = Queue::new(2, 2);
        assert_eq!(uids(&q.request(t("a", 1))), ["a/1"]);
        assert_eq!(uids(&q.request(t("a", 2))), ["a/2"]);
        assert!(q.request(t("a", 3)).is_empty());
        assert!(q.request(t("a", 4)).is_empty());
        assert_eq!((q.running(), q.queued()), (2, 2));
        assert_eq!(uids(&q.release("a/1")), ["a/3"], "a freed slot starts exactly one");
        assert!(q.holds("a/3") && !q.holds("a/4"));
    }

    #[test]
    fn the_place_in_the_line_is_the_order_in_which_slots_are_given() {
        let mut q = Queue::new(1, 1);
        q.request(t("b", 0));
        let waiting = [t("a", 1), t("a", 2), t("a", 3), t("b", 1), t("c", 1), t("c", 2)];
        for ticket in &waiting {
            q.request(ticket.clone());
        }
        let mut running = "b/0".to_owned();
        assert_eq!(q.place(&running), None, "it has a slot");
        let places: HashMap<String, usize> =
            waiting.iter().map(|ticket| (ticket.uid.clone(), q.place(&ticket.uid).unwrap())).collect();
        for turn in 1..=waiting.len() {
            running = uids(&q.release(&running))[0].to_owned();
            assert_eq!(places[&running], turn, "{running}");
        }
    }

    #[test]
    fn namespaces_take_turns() {
        let mut q = Queue::new(1, 1);
        q.request(t("a", 0));
        for n in 1..=3 {
            q.request(t("a", n));
        }
        q.request(t("b", 1));
        q.request(t("c", 1));
        let mut order = vec![];
        let mut running = "a/0".to_owned();
        while let Some(next) = q.release(&running).pop() {
            running.clone_from(&next.uid);
            order.push(next.uid);
        }
        assert_eq!(order, ["b/1", "c/1", "a/1", "a/2", "a/3"]);
    }

    #[test]
    fn a_namespace_at_its_limit_does_not_hold_up_others() {
        let mut q = Queue::new(3, 1);
        q.request(t("a", 1));
        assert!(q.request(t("a", 2)).is_empty());
        assert_eq!(uids(&q.request(t("b", 1))), ["b/1"]);
        assert_eq!(uids(&q.release("a/1")), ["a/2"]);
    }

    #[test]
    fn asking_twice_changes_nothing() {
        let mut q = Queue::new(1, 1);
        q.request(t("a", 1));
        assert!(q.request(t("a", 1)).is_empty());
        q.request(t("a", 2));
        q.request(t("a", 2));
        assert_eq!((q.running(), q.queued()), (1, 1));
        assert!(q.release("a/2").is_empty(), "leaving the line frees no slot");
        assert!(q.release("nobody").is_empty());
        assert_eq!((q.running(), q.queued()), (1, 0));
    }

    #[test]
    fn who_gives_up_queues_last() {
        let mut q = Queue::new(1, 1);
        q.request(t("a", 1));
        q.request(t("a", 2));
        assert_eq!(uids(&q.release("a/1")), ["a/2"]);
        q.request(t("a", 3));
        q.request(t("a", 1));
        assert_eq!(uids(&q.release("a/2")), ["a/3"]);
    }

    #[test]
    fn running_workers_count_after_a_restart() {
        let mut q = Queue::new(2, 2);
        for n in 1..=3 {
            q.adopt(t("a", n));
        }
        assert!(q.request(t("b", 1)).is_empty(), "over the limit: nobody starts");
        assert!(q.release("a/1").is_empty());
        assert_eq!(uids(&q.release("a/2")), ["b/1"]);
    }

    #[test]
    fn deleted_imports_give_their_slots_back() {
        let mut q = Queue::new(1, 1);
        q.request(t("a", 1));
        q.request(t("a", 2));
        q.request(t("b", 1));
        let granted = q.retain(&HashSet::from(["b/1".to_owned()]));
        assert_eq!(uids(&granted), ["b/1"]);
        assert_eq!((q.running(), q.queued()), (1, 0));
    }

    #[test]
    fn limits_hold_for_any_order_of_calls() {
        let mut q = Queue::new(4, 2);
        let mut seed = 7_u64;
        for _ in 0..5000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let ticket = t(["a", "b", "c"][(seed >> 33) as usize % 3], (seed >> 40) as u32 % 9);
            if (seed >> 20) & 1 == 0 {
                q.request(ticket);
            } else {
                q.release(&ticket.uid);
            }
            assert!(q.held.len() <= 4);
            for ns in ["a", "b", "c"] {
                assert!(q.held.values().filter(|t| t.namespace == ns).count() <= 2);
            }
            let idle = q.held.len() < 4
                && ["a", "b", "c"].iter().any(|ns| {
                    q.held.values().filter(|t| t.namespace == *ns).count() < 2 && q.waiting.contains_key(*ns)
                });
            assert!(!idle, "a slot is free and someone waits for it");
        }
    }
}

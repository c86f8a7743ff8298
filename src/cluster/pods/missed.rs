//! Which Pods asked and have no toolbox? Their names, as long as they are so; bounded.

use std::collections::BTreeSet;

/// Names that are kept. Beyond them Pods are told of but not counted.
const MOST: usize = 10_000;

/// Pods by namespace and name.
type Name = (Box<str>, Box<str>);

/// The Pods that are missed right now.
#[derive(Debug, Default)]
pub(super) struct Missed {
    all: BTreeSet<Name>,
    /// Those of the listing that is under way.
    listed: Option<BTreeSet<Name>>,
}

impl Missed {
    /// Everything is told anew.
    pub(super) fn listing(&mut self) {
        self.listed = Some(BTreeSet::new());
    }

    /// Everything has been told: who was not is gone.
    pub(super) fn settle(&mut self) {
        if let Some(listed) = self.listed.take() {
            self.all = listed;
        }
    }

    /// This Pod is missed. Whether that is news.
    pub(super) fn put(&mut self, namespace: &str, name: &str) -> bool {
        let pod: Name = (namespace.into(), name.into());
        if let Some(listed) = self.listed.as_mut().filter(|listed| listed.len() < MOST) {
            listed.insert(pod.clone());
        }
        if self.all.len() >= MOST {
            return !self.all.contains(&pod);
        }
        self.all.insert(pod)
    }

    /// It is not, or is no more.
    pub(super) fn remove(&mut self, namespace: &str, name: &str) {
        self.all.remove(&(namespace.into(), name.into()));
    }

    /// How many there are.
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.all.len()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_forgets_who_is_gone() {
        let mut missed = Missed::default();
        assert!(missed.put("shop", "a") && missed.put("shop", "b"));
        assert!(!missed.put("shop", "a"));
        missed.listing();
        assert!(!missed.put("shop", "b") && missed.put("shop", "c"));
        missed.settle();
        assert_eq!(missed.count(), 2);
        missed.remove("shop", "c");
        missed.remove("shop", "never there");
        assert_eq!(missed.count(), 1);
    }

    #[test]
    fn it_is_bounded() {
        let mut missed = Missed::default();
        missed.listing();
        for number in 0..MOST + 5 {
            assert!(missed.put("shop", &number.to_string()));
        }
        missed.settle();
        assert_eq!(missed.count(), i64::try_from(MOST).unwrap());
    }
}

//! A cluster of plain values in which time goes by in seconds, and what may happen to it.

use std::cell::Cell;

use super::super::*;

pub(super) const REPLICAS: usize = 3;

/// Of a world in seconds.
pub(super) const LIFETIMES: Lifetimes = Lifetimes {
    authority: Duration::seconds(180),
    leaf: Duration::seconds(40),
    margin: Duration::seconds(10),
};

/// How old the caBundle of a caller may be: some API server is always late.
const LAG: usize = 8;

#[derive(Debug, Clone, Default)]
pub(super) struct Replica {
    remembered: Option<Authorities>,
    shown: Option<Shown>,
    next_trusted: Option<(String, usize)>,
    /// Reads nothing and writes nothing while it is cut off.
    pub(super) cut_off_until: usize,
    /// What it saw last.
    saw: Option<(Stored, usize, Vec<String>)>,
}

/// What is in the cluster, and who looks at it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) step: usize,
    pub(super) now: OffsetDateTime,
    pub(super) stored: Stored,
    pub(super) version: usize,
    /// The caBundles of all steps, oldest first.
    pub(super) bundles: Vec<Vec<String>>,
    pub(super) replicas: Vec<Replica>,
    pub(super) holder: Option<usize>,
    pub(super) keys: Cell<u32>,
}

/// What may happen to a cluster.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Costs nothing as long as somebody remembers.
    Delete,
    Holder(Option<usize>),
    Restart(usize),
    CutOff(usize, usize),
    Wait(usize),
    /// Costs calls until it is put right.
    Wipe,
    Foreign,
    Jump(i64),
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            step: 0,
            now: OffsetDateTime::UNIX_EPOCH + Duration::days(20_000),
            stored: Stored::Nothing,
            version: 1,
            bundles: vec![vec![String::new(); 2]],
            replicas: vec![Replica::default(); REPLICAS],
            holder: Some(0),
            keys: Cell::new(0),
        }
    }

    /// One second, in which every replica looks once.
    pub(super) fn tick(&mut self) {
        self.step += 1;
        self.now += Duration::SECOND;
        self.bundles.push(self.bundles.last().unwrap().clone());
        for index in 0..REPLICAS {
            self.look(index);
        }
    }

    fn look(&mut self, index: usize) {
        let mut replica = self.replicas[index].clone();
        let reads = self.step >= replica.cut_off_until;
        if reads {
            let bundles = self.bundles.last().unwrap().clone();
            replica.saw = Some((self.stored.clone(), self.version, bundles));
        }
        let (stored, version, bundles) = match &replica.saw {
            Some((stored, version, bundles)) => (stored.clone(), *version, Some(bundles.clone())),
            None => (Stored::Unread, 0, None),
        };
        if let Stored::All(all) = &stored {
            replica.remembered = Some(all.clone());
        }
        let trusted_for = self.trusted_for(&mut replica, &stored, bundles.as_deref());
        let shown = replica.shown.clone();
        let remembered = replica.remembered.clone();
        let seen = Seen {
            now: self.now,
            stored: &stored,
            remembered: remembered.as_ref(),
            bundles: bundles.as_deref(),
            next_trusted_for: trusted_for,
            shown: shown.as_ref(),
        };
        if let Some((authority, until)) = leaf(&seen, &LIFETIMES) {
            replica.shown = Some(Shown {
                issuer: authority.cert.clone(),
                made: self.now,
                until,
            });
        }
        self.replicas[index] = replica;
        if !reads || self.holder != Some(index) {
            return;
        }
        for act in plan(&seen, &LIFETIMES) {
            match act {
                Act::Trust => {
                    let bundle = seen.current().unwrap().bundle();
                    *self.bundles.last_mut().unwrap() = vec![bundle; 2];
                }
                Act::Write(change) => {
                    let after = changed(change, &seen, &LIFETIMES, |v| Ok(self.fresh(v))).unwrap();
                    if let (Some(after), true) = (after, version == self.version) {
                        self.stored = Stored::All(after);
                        self.version += 1;
                    }
                }
            }
        }
    }

    fn trusted_for(
        &self,
        replica: &mut Replica,
        stored: &Stored,
        bundles: Option<&[String]>,
    ) -> Duration {
        let next = match stored {
            Stored::All(all) => all.next.as_ref().map(|next| next.cert.clone()),
            _ => None,
        };
        let everywhere = |cert: &String| {
            bundles
                .unwrap_or_default()
                .iter()
                .all(|b| b.contains(&**cert))
        };
        let since = match (next.filter(everywhere), replica.next_trusted.take()) {
            (Some(cert), Some((known, since))) if cert == known => Some((cert, since)),
            (Some(cert), _) => Some((cert, self.step)),
            (None, _) => None,
        };
        replica.next_trusted = since;
        let since = replica
            .next_trusted
            .as_ref()
            .map_or(self.step, |(_, since)| *since);
        Duration::seconds(i64::try_from(self.step - since).unwrap())
    }

    pub(super) fn fresh(&self, validity: Validity) -> Authority {
        self.keys.set(self.keys.get() + 1);
        Authority {
            cert: format!("<{}>", self.keys.get()),
            key: "key".into(),
            validity,
        }
    }

    pub(super) fn happen(&mut self, event: &Event) {
        match *event {
            Event::Delete => {
                self.stored = Stored::Nothing;
                self.version += 1;
            }
            Event::Holder(holder) => self.holder = holder,
            Event::Restart(index) => self.replicas[index] = Replica::default(),
            Event::CutOff(index, steps) => self.replicas[index].cut_off_until = self.step + steps,
            Event::Wait(steps) => (0..steps).for_each(|_| self.tick()),
            Event::Wipe => *self.bundles.last_mut().unwrap() = vec![String::new(); 2],
            Event::Foreign => {
                let validity = Validity::between(self.now, self.now + LIFETIMES.authority);
                self.stored = Stored::All(Authorities {
                    signing: self.fresh(validity),
                    next: None,
                    retired: vec![],
                });
                self.version += 1;
            }
            Event::Jump(seconds) => self.now += Duration::seconds(seconds),
        }
    }

    /// A leaf that some caller would not believe.
    pub(super) fn gap(&self) -> Option<String> {
        let from = self.bundles.len().saturating_sub(LAG);
        let believed = |cert: &str| {
            let recent = &self.bundles[from..];
            recent.iter().flatten().all(|bundle| bundle.contains(cert))
        };
        let shown = self
            .replicas
            .iter()
            .filter_map(|replica| replica.shown.as_ref());
        let bad = shown.filter(|shown| !believed(&shown.issuer) || shown.until <= self.now);
        let bad: Vec<_> = bad.collect();
        (!bad.is_empty()).then(|| format!("at {}: {bad:?} of {:?}", self.now, self.bundles.last()))
    }

    /// Everything as it should be, and nobody wants to change it but by time.
    fn is_settled(&self) -> bool {
        let Stored::All(all) = &self.stored else {
            return false;
        };
        let bundle = all.bundle();
        let trusted = self.bundles.last().unwrap().iter().all(|b| *b == bundle);
        let shown = self.replicas.iter().all(|replica| {
            replica
                .shown
                .as_ref()
                .is_some_and(|shown| shown.issuer == all.signing.cert)
        });
        trusted && shown && all.signing.validity.holds(self.now) && self.gap().is_none()
    }

    pub(super) fn settle(&mut self) -> bool {
        (0..120).any(|_| {
            self.tick();
            self.is_settled()
        })
    }
}

//! Two replicas, one Secret and two caBundles in a world of plain values: whatever happens there, is a
//! caller who trusts the caBundles of a moment ago shown a leaf that it believes?

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

const REPLICAS: usize = 3;

/// Of a world in seconds.
const LIFETIMES: Lifetimes = Lifetimes {
    authority: Duration::seconds(180),
    leaf: Duration::seconds(40),
    margin: Duration::seconds(10),
};

/// How old the caBundle of a caller may be: some API server is always late.
const LAG: usize = 8;

#[derive(Debug, Clone, Default)]
struct Replica {
    remembered: Option<Authorities>,
    shown: Option<Shown>,
    next_trusted: Option<(String, usize)>,
    /// Reads nothing and writes nothing while it is cut off.
    cut_off_until: usize,
    /// What it saw last.
    saw: Option<(Stored, usize, Vec<String>)>,
}

/// What is in the cluster, and who looks at it.
#[derive(Debug)]
struct World {
    step: usize,
    now: OffsetDateTime,
    stored: Stored,
    version: usize,
    /// The caBundles of all steps, oldest first.
    bundles: Vec<Vec<String>>,
    replicas: Vec<Replica>,
    holder: Option<usize>,
    keys: Cell<u32>,
}

/// What may happen to a cluster.
#[derive(Debug, Clone)]
enum Event {
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
    fn new() -> Self {
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
    fn tick(&mut self) {
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

    fn fresh(&self, validity: Validity) -> Authority {
        self.keys.set(self.keys.get() + 1);
        Authority {
            cert: format!("<{}>", self.keys.get()),
            key: "key".into(),
            validity,
        }
    }

    fn happen(&mut self, event: &Event) {
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
    fn gap(&self) -> Option<String> {
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

    fn settle(&mut self) -> bool {
        (0..120).any(|_| {
            self.tick();
            self.is_settled()
        })
    }
}

fn replica() -> impl Strategy<Value = usize> {
    0..REPLICAS
}

/// What must cost no call.
fn harmless() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1_usize..60).prop_map(Event::Wait),
        1 => Just(Event::Delete),
        1 => proptest::option::of(replica()).prop_map(Event::Holder),
        1 => replica().prop_map(Event::Restart),
        // Shorter than a leaf lasts.
        1 => (replica(), 1_usize..10).prop_map(|(who, steps)| Event::CutOff(who, steps)),
    ]
}

fn anything() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => harmless(),
        1 => Just(Event::Wipe),
        1 => Just(Event::Foreign),
        1 => (-1_000_i64..1_000).prop_map(Event::Jump),
        1 => (replica(), 1_usize..300).prop_map(|(who, steps)| Event::CutOff(who, steps)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_caller_is_shown_a_leaf_that_it_does_not_believe(
        events in proptest::collection::vec(harmless(), 0..30)
    ) {
        let mut world = World::new();
        prop_assert!(world.settle());
        for event in &events {
            world.happen(event);
            // Whoever keeps the Secret must remember it before it is lost.
            if !matches!(event, Event::Wait(_)) {
                world.holder = world.holder.or(Some(0));
                world.replicas.iter_mut().for_each(|replica| replica.cut_off_until = 0);
                world.tick();
            }
            for _ in 0..20 {
                world.tick();
                prop_assert_eq!(world.gap(), None, "after {:?}", event);
            }
        }
    }

    #[test]
    fn whatever_happens_it_is_put_right(events in proptest::collection::vec(anything(), 0..30)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
            world.tick();
        }
        for replica in &mut world.replicas {
            replica.cut_off_until = 0;
        }
        world.holder = Some(1);
        prop_assert!(world.settle(), "{:?}", world);
        let Stored::All(all) = &world.stored else { unreachable!() };
        prop_assert!(all.retired.len() <= MOST_RETIRED);
    }
}

#[test]
fn authorities_follow_each_other_and_old_ones_go() {
    let mut world = World::new();
    assert!(world.settle());
    for _ in 0..1_000 {
        world.tick();
        assert_eq!(world.gap(), None);
        let Stored::All(all) = &world.stored else {
            panic!("it was lost")
        };
        assert!(all.retired.len() <= 1);
    }
    // The first, and one more whenever two thirds of a life are over.
    assert_eq!(world.keys.get(), 1 + 1_000 / 120);
}

#[test]
fn without_the_margin_callers_are_lost() {
    let hasty = Lifetimes {
        margin: Duration::ZERO,
        ..LIFETIMES
    };
    let mut world = World::new();
    assert!(world.settle());
    // As if the margin were over at once: what the other tests would see.
    let all = match &world.stored {
        Stored::All(all) => all.clone(),
        _ => unreachable!(),
    };
    let next = world.fresh(all.signing.validity);
    world.stored = Stored::All(Authorities {
        next: Some(next),
        ..all
    });
    world.version += 1;
    world.tick();
    let seen = Seen {
        now: world.now,
        stored: &world.stored,
        remembered: None,
        bundles: Some(world.bundles.last().unwrap()),
        next_trusted_for: Duration::ZERO,
        shown: None,
    };
    assert_eq!(change(&seen, &LIFETIMES), None);
    assert_eq!(change(&seen, &hasty), Some(Change::Promote));
    let after = changed(Change::Promote, &seen, &hasty, |v| Ok(world.fresh(v)));
    world.stored = Stored::All(after.unwrap().unwrap());
    world.version += 1;
    world.tick();
    assert!(world.gap().is_some(), "a caller still has the old caBundle");
}

#[test]
fn who_was_trusted_before_the_first_authority_stays_so_for_a_leafs_life() {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    let before =
        Authority::make(Validity::between(now - Duration::DAY, now + Duration::DAY)).unwrap();
    let ended =
        Authority::make(Validity::between(now - Duration::DAY, now - Duration::HOUR)).unwrap();
    let bundles = [
        format!("{}{}", before.cert, ended.cert),
        "garbage".to_owned(),
    ];
    let mut seen = Seen {
        now,
        stored: &Stored::Nothing,
        remembered: None,
        bundles: None,
        next_trusted_for: Duration::ZERO,
        shown: None,
    };
    assert_eq!(
        plan(&seen, &LIFETIMES),
        [],
        "whom others trust is not known yet"
    );
    seen.bundles = Some(&bundles);
    assert_eq!(plan(&seen, &LIFETIMES), [Act::Write(Change::First)]);
    let first = changed(Change::First, &seen, &LIFETIMES, Authority::make)
        .unwrap()
        .unwrap();
    assert_eq!(first.retired.len(), 1);
    assert_eq!(first.retired[0].cert.trim(), before.cert.trim());
    let stays = now + LIFETIMES.leaf + LIFETIMES.margin;
    assert_eq!(first.retired[0].until, stays.unix_timestamp());
}

#[test]
fn a_leaf_never_changes_from_one_that_is_trusted_to_one_that_is_not() {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    let make = || Authority::make(Validity::between(now, now + LIFETIMES.authority)).unwrap();
    let (old, new) = (make(), make());
    let stored = Stored::All(Authorities {
        signing: new.clone(),
        next: None,
        retired: vec![],
    });
    let shown = Shown {
        issuer: old.cert.clone(),
        made: now,
        until: now + LIFETIMES.leaf,
    };
    let changes = |bundles: Option<&[String]>, shown: Option<&Shown>, now: OffsetDateTime| {
        let seen = Seen {
            now,
            stored: &stored,
            remembered: None,
            bundles,
            next_trusted_for: Duration::ZERO,
            shown,
        };
        leaf(&seen, &LIFETIMES).is_some()
    };
    let (old_alone, both) = ([old.cert.clone()], [format!("{}{}", old.cert, new.cert)]);
    assert!(!changes(Some(&old_alone), Some(&shown), now));
    assert!(changes(Some(&both), Some(&shown), now));
    assert!(
        changes(Some(&[String::new()]), Some(&shown), now),
        "neither is trusted"
    );
    assert!(
        changes(None, Some(&shown), now),
        "nothing is known against it"
    );
    assert!(
        changes(Some(&old_alone), None, now),
        "anything is better than none"
    );
    let end = now + LIFETIMES.leaf;
    assert!(
        changes(Some(&old_alone), Some(&shown), end),
        "or than one that ends"
    );
}

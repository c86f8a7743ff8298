//! Two replicas, one Secret and two caBundles in a world of plain values: whatever happens there, is a
//! caller who trusts the caBundles of a moment ago shown a leaf that it believes?

use proptest::prelude::*;

use super::*;
use world::{Event, LIFETIMES, REPLICAS, World};

mod world;

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

//! Keys that share a hash are different keys.

use syncline_core::Key;
use syncline_snapshot::{Lookup, Probe, Record, Snapshot};

use crate::records::*;

#[test]
fn the_colliding_keys_of_these_tests_do_collide() {
    let hashes: std::collections::BTreeSet<u64> = (0..100).map(|n| colliding_key(n).hash()).collect();
    assert_eq!(hashes.len(), 1);
}

#[test]
fn a_new_key_is_not_taken_for_the_known_one_it_collides_with() {
    let known = delivered(colliding_key(1), 0);
    let snapshot = Snapshot::open(vec![segment([Record::Put(known.clone())])]);
    let mut probe = Probe::build(&snapshot, 1 << 20).unwrap();
    let stranger = colliding_key(2);
    assert_eq!(snapshot.get(&stranger).unwrap(), None);
    assert_eq!(probe.lookup(&stranger, fingerprint(&stranger, 0)).unwrap(), Lookup::New);
    assert_eq!(probe.lookup(&stranger, fingerprint(&stranger, 0)).unwrap(), Lookup::Repeated(None));
    assert_eq!(probe.seen_count(), 0);
    assert_eq!(probe.lookup(&known.key, fingerprint(&known.key, 0)).unwrap(), Lookup::Unchanged);
    let again = probe.lookup(&known.key, fingerprint(&known.key, 1)).unwrap();
    assert_eq!(again, Lookup::Repeated(Some(Box::new(known))));
}

/// More keys of one hash than a page holds, split over two segments, with others around them.
#[test]
fn keys_of_one_hash_that_fill_several_pages_are_each_their_own() {
    let keys: Vec<Key> =
        (0..4_000).map(colliding_key).chain((0..500u32).map(|i| Key::new(&i.to_le_bytes()))).collect();
    let put = |keys: &[Key], step| -> Vec<Record> {
        keys.iter().step_by(step).map(|k| Record::Put(delivered(k.clone(), 0))).collect()
    };
    let mut newer = put(&keys[1..], 2);
    newer.extend(keys.iter().step_by(20).map(|k| Record::Erase(k.clone())));
    let snapshot = Snapshot::open(vec![segment(put(&keys, 2)), segment(newer)]);
    let mut probe = Probe::build(&snapshot, 1 << 24).unwrap();
    assert_eq!(probe.known_count(), 4_500 - 225);
    for (i, key) in keys.iter().enumerate().step_by(5) {
        let answer = probe.lookup(key, fingerprint(key, (i % 2) as u8)).unwrap();
        let expected = match i {
            _ if i % 20 == 0 => Lookup::New,
            _ if i % 2 == 0 => Lookup::Unchanged,
            _ => Lookup::Known(Box::new(delivered(key.clone(), 0))),
        };
        assert_eq!(answer, expected, "key {i}");
        assert_eq!(snapshot.get(key).unwrap().is_some(), i % 20 != 0, "key {i}");
    }
    let unseen = probe.unseen().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(unseen.len(), 4_500 - 900);
    assert!(unseen.windows(2).all(|pair| position(&pair[0].key) < position(&pair[1].key)));
}

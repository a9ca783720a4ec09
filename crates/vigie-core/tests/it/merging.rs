//! Merging buckets is a pure function of the set of samples, and sealing changes no published figure.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;
use vigie_core::bucket::{Bucket, BucketSummary, SEALED_MAX, Sample, Samples};

use crate::rows::{HORIZON, START, Said, Source, Stored, said};

fn source() -> Source {
    Source::in_zone(TimeZone::get("Europe/Paris").unwrap(), HORIZON)
}

/// The rows cut into portions: each row goes into the portions that its number names, one at least. The portions come in
/// the order given, some of them twice.
#[derive(Debug, Clone)]
struct Portions {
    rows: Vec<Said>,
    of_row: Vec<Vec<usize>>,
    order: Vec<usize>,
}

const PORTIONS: usize = 5;

fn portions() -> impl Strategy<Value = Portions> {
    let order = Just((0..PORTIONS).chain(0..PORTIONS).collect::<Vec<_>>()).prop_shuffle();
    (prop::collection::vec(said(), 1..60), order).prop_flat_map(|(rows, order)| {
        let of_row = prop::collection::vec(prop::collection::vec(0..PORTIONS, 1..3), rows.len());
        (Just(rows).prop_shuffle(), of_row, Just(order)).prop_map(|(rows, of_row, order)| {
            Portions {
                rows,
                of_row,
                order,
            }
        })
    })
}

impl Portions {
    fn portion(&self, number: usize) -> Vec<&Said> {
        let rows = self.rows.iter().zip(&self.of_row);
        rows.filter(|(_, portions)| portions.contains(&number))
            .map(|(said, _)| said)
            .collect()
    }
}

fn summaries(stored: &Stored) -> Vec<BucketSummary> {
    let rhythm = Some(SignedDuration::from_mins(15));
    stored.0.values().map(|b| b.summarise(rhythm)).collect()
}

/// What readers see: figures and coverage, to the bit.
fn published(stored: &Stored) -> String {
    let mut text = String::new();
    for summary in summaries(stored) {
        for (measure, found) in &summary.measures {
            let figures = serde_json::to_string(&found.figures).unwrap();
            let coverage = found.coverage.map(f64::to_bits);
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{:?} {measure} {figures} {coverage:?}", summary.key);
        }
    }
    text
}

/// Seals, with few samples or many given up.
fn seal(stored: &mut Stored, most: usize) {
    stored.0.values_mut().for_each(|bucket| bucket.seal(most));
}

fn kept() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![0, 3, SEALED_MAX])
}

/// Whether a row was fetched before the deadline of its bucket.
fn in_time(source: &Source, said: &Said) -> bool {
    source
        .buckets([said])
        .iter()
        .all(|bucket| said.fetched_at() <= bucket.deadline)
}

proptest! {
    #[test]
    fn any_portions_in_any_order_and_twice_give_the_same_documents(portions in portions()) {
        let source = source();
        let mut whole = Stored::default();
        whole.merge(&source.buckets(&portions.rows));
        let mut stored = Stored::default();
        for &number in &portions.order {
            stored.merge(&source.buckets(portions.portion(number)));
        }
        prop_assert_eq!(&stored, &whole);
        // In one go and then again: nothing changes, and the check after writing is content.
        for bucket in source.buckets(&portions.rows) {
            let stored = stored.0.get_mut(&bucket.key).unwrap();
            prop_assert!(stored.includes(&bucket));
            prop_assert!(!stored.merge(&bucket));
        }
    }

    #[test]
    fn merging_is_associative(a in prop::collection::vec(said(), 0..20), b in prop::collection::vec(said(), 0..20),
                              c in prop::collection::vec(said(), 0..20)) {
        let source = source();
        let [a, b, c] = [a, b, c].map(|rows| source.buckets(&rows));
        let mut left = Stored::default();
        left.merge(&a);
        left.merge(&b);
        left.merge(&c);
        let mut tail = Stored::default();
        tail.merge(&b);
        tail.merge(&c);
        let mut right = Stored::default();
        right.merge(&a);
        right.merge(&tail.0.into_values().collect::<Vec<_>>());
        prop_assert_eq!(left, right);
    }

    /// The rows fetched in time are there before the sealing, as its caller makes sure; the late ones come before and after
    /// it, and everything may come again.
    #[test]
    fn figures_do_not_depend_on_when_it_was_sealed(portions in portions(), sealings in prop::collection::vec(0..=PORTIONS, 0..3), most in kept()) {
        let source = source();
        let (timely, late): (Vec<&Said>, Vec<&Said>) =
            portions.rows.iter().partition(|said| in_time(&source, said));
        let mut never = Stored::default();
        never.merge(&source.buckets(&portions.rows));
        let mut stored = Stored::default();
        stored.merge(&source.buckets(timely));
        for (step, late) in late.chunks(late.len().div_ceil(PORTIONS).max(1)).enumerate() {
            if sealings.contains(&step) {
                seal(&mut stored, most);
            }
            stored.merge(&source.buckets(late.iter().copied()));
        }
        prop_assert_eq!(published(&stored), published(&never));
        seal(&mut stored, most);
        prop_assert_eq!(published(&stored), published(&never));
        for number in 0..PORTIONS {
            stored.merge(&source.buckets(portions.portion(number)));
        }
        prop_assert_eq!(published(&stored), published(&never));
        for bucket in source.buckets(&portions.rows) {
            prop_assert!(stored.0[&bucket.key].includes(&bucket));
        }
        // Sealing is idempotent, and the labels are those of all rows.
        let sealed = stored.clone();
        seal(&mut stored, most);
        prop_assert_eq!(&stored, &sealed);
        for (key, bucket) in &never.0 {
            prop_assert_eq!(&stored.0[key].label, &bucket.label);
        }
    }

    #[test]
    fn documents_are_read_back_as_they_were_written(rows in prop::collection::vec(said(), 1..30), sealed in prop::option::of(kept())) {
        let mut stored = Stored::default();
        stored.merge(&source().buckets(&rows));
        if let Some(most) = sealed {
            seal(&mut stored, most);
        }
        for bucket in stored.0.values() {
            let text = serde_json::to_string(bucket).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Bucket>(&text).unwrap(), bucket);
        }
    }

    /// What the check after writing is for: a bucket that lacks one sample does not pass it.
    #[test]
    fn a_missing_sample_is_noticed(rows in prop::collection::vec(said(), 1..30), lost in any::<prop::sample::Index>()) {
        let source = source();
        let mut whole = Stored::default();
        whole.merge(&source.buckets(&rows));
        let keys: Vec<_> = whole.0.keys().cloned().collect();
        let bucket = &whole.0[lost.get(&keys)];
        let count = bucket.measures.values().map(Samples::len).sum::<usize>();
        prop_assume!(count > 0);
        let mut lost = lost.index(count);
        let mut without = bucket.clone();
        for samples in without.measures.values_mut() {
            if lost < samples.len() {
                let others = samples.iter().enumerate().filter(|(index, _)| *index != lost);
                let others: Vec<Sample> = others.map(|(_, sample)| sample).collect();
                let superseded = samples.superseded().to_vec();
                *samples = Samples::of(samples.kind, samples.unit.clone(), others).beside(superseded);
                break;
            }
            lost -= samples.len();
        }
        prop_assert!(!without.includes(bucket));
        prop_assert!(bucket.includes(&without));
    }

    /// What was known at a time is what had been fetched until then, where no value comes back: told by the rows themselves.
    #[test]
    fn what_was_known_is_what_had_been_fetched(mut rows in prop::collection::vec(said(), 1..60), at in 0_i64..400, most in prop::option::of(Just(SEALED_MAX))) {
        let source = source();
        for said in &mut rows {
            // Each fetch says another value.
            said.values = [Some(said.fetched_at as f64), None];
        }
        let at = Timestamp::from_second(START + at * 60).unwrap();
        let mut stored = Stored::default();
        stored.merge(&source.buckets(&rows));
        if let Some(most) = most {
            seal(&mut stored, most);
        }
        let mut expected = Stored::default();
        expected.merge(&source.buckets(rows.iter().filter(|said| said.fetched_at() <= at)));
        for bucket in stored.0.values_mut() {
            let (known, untold) = bucket.known_at(at);
            prop_assert_eq!(untold, 0);
            *bucket = known;
        }
        stored.0.retain(|_, bucket| !bucket.measures.is_empty());
        prop_assert_eq!(published(&stored), published(&expected));
    }
}

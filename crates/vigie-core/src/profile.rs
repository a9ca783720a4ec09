//! What a body is like, in few bytes: a sketch of its identifiers and the medians of its watched measures. Kept for the last bodies
//! of a source, so that the next can be compared with them.

/// Identifiers kept: the smallest hashes. Enough to tell "all the same" from "none of them".
const IDS_MAX: usize = 32;

/// The form of [`Profile::to_bytes`].
const FORM: u8 = 1;

/// How far the median of a measure may lie from what is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jump {
    /// So many times more or less.
    Factor(f64),
    /// So much more or less, in the measure's unit: for scales whose zero means nothing.
    By(f64),
}

impl Jump {
    /// Whether a value lies beyond. By a factor, nothing is said of zero and of values of another sign.
    pub fn is_beyond(self, usual: f64, value: f64) -> bool {
        match self {
            Jump::By(most) => (value - usual).abs() > most,
            Jump::Factor(most) => {
                usual * value > 0.0 && !(most.recip()..=most).contains(&(value / usual))
            }
        }
    }
}

/// What a body is like.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// The smallest hashes of its identifiers, ascending, each once.
    ids: Vec<u32>,
    /// The medians of the watched measures; NaN for none.
    medians: Vec<f32>,
}

impl Profile {
    /// The median of a watched measure, unless the body has no value of it.
    pub fn median(&self, index: usize) -> Option<f64> {
        let median = f64::from(*self.medians.get(index)?);
        // As a person would write the single-precision number.
        (!median.is_nan()).then(|| (median * 1e6).round() / 1e6)
    }

    /// How many different identifiers it has, at most those that are kept.
    pub fn entities(&self) -> usize {
        self.ids.len()
    }

    /// The share of the identifiers of both that they have in common (the Jaccard index), estimated from the smallest hashes of
    /// their union; exact where there are few.
    pub fn likeness(&self, other: &Self) -> f64 {
        let (mut one, mut two) = (self.ids.as_slice(), other.ids.as_slice());
        let (mut all, mut common) = (0_u32, 0_u32);
        let full = self.ids.len() == IDS_MAX || other.ids.len() == IDS_MAX;
        while !full || all < IDS_MAX as u32 {
            match (one.first(), two.first()) {
                (None, None) => break,
                (Some(a), Some(b)) if a == b => {
                    common += 1;
                    (one, two) = (&one[1..], &two[1..]);
                }
                (Some(a), Some(b)) if a < b => one = &one[1..],
                (Some(_), None) => one = &one[1..],
                (_, Some(_)) => two = &two[1..],
            }
            all += 1;
        }
        if all == 0 {
            return 1.0;
        }
        f64::from(common) / f64::from(all)
    }

    /// As the ledger keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 + 4 * (self.ids.len() + self.medians.len()));
        bytes.extend([FORM, self.ids.len() as u8]);
        bytes.extend(self.ids.iter().flat_map(|id| id.to_le_bytes()));
        bytes.extend(self.medians.iter().flat_map(|median| median.to_le_bytes()));
        bytes
    }

    /// Reads it back; `None` for bytes of another form, which then say nothing.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[form, ids], rest) = bytes.split_first_chunk::<2>()?;
        let (words, []) = rest.as_chunks::<4>() else {
            return None;
        };
        let (ids, medians) = words.split_at_checked(usize::from(ids))?;
        (form == FORM).then(|| Self {
            ids: ids.iter().map(|word| u32::from_le_bytes(*word)).collect(),
            medians: medians
                .iter()
                .map(|word| f32::from_le_bytes(*word))
                .collect(),
        })
    }
}

/// Makes a [`Profile`] in one pass over the rows.
#[derive(Debug)]
pub struct Profiler<'m> {
    measures: &'m [usize],
    values: Vec<Vec<f64>>,
    ids: Vec<u32>,
    sum: u64,
}

impl<'m> Profiler<'m> {
    /// Watches these measures, by their index in a row's values.
    pub fn new(measures: &'m [usize]) -> Self {
        Self {
            measures,
            values: vec![Vec::new(); measures.len()],
            ids: Vec::with_capacity(IDS_MAX + 1),
            sum: 0,
        }
    }

    /// Takes a row.
    #[inline]
    pub fn add(&mut self, entity: &str, values: &[Option<f64>]) {
        let hash = identity(entity);
        self.sum = self.sum.wrapping_add(hash);
        let id = (hash >> 32) as u32;
        if self.ids.len() < IDS_MAX || self.ids.last().is_some_and(|last| id < *last) {
            self.keep(id);
        }
        for (kept, index) in self.values.iter_mut().zip(self.measures) {
            kept.extend(values.get(*index).copied().flatten());
        }
    }

    fn keep(&mut self, id: u32) {
        if let Err(place) = self.ids.binary_search(&id) {
            self.ids.insert(place, id);
            self.ids.truncate(IDS_MAX);
        }
    }

    /// A number that is the same for bodies with the same identifiers, in any order.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// What all the rows are like.
    pub fn finish(self) -> Profile {
        let median = |mut values: Vec<f64>| {
            let middle = values.len() / 2;
            if values.is_empty() {
                return f32::NAN;
            }
            *values.select_nth_unstable_by(middle, f64::total_cmp).1 as f32
        };
        Profile {
            ids: self.ids,
            medians: self.values.into_iter().map(median).collect(),
        }
    }
}

/// A number for an identifier, the same in every version: it is kept in ledgers. Not for adversaries: who sends colliding
/// identifiers makes his own entities look known.
pub fn identity(entity: &str) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = entity.len() as u64;
    let (words, rest) = entity.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    for word in words.iter().chain([&last]) {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(ODD);
        hash ^= hash >> 32;
    }
    // The finish of SplitMix64.
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: impl Iterator<Item = u32>) -> Profile {
        let mut profiler = Profiler::new(&[]);
        for id in ids {
            profiler.add(&format!("station-{id}"), &[]);
        }
        profiler.finish()
    }

    #[test]
    fn likeness_is_near_the_share_in_common() {
        let all = of(0..2_000);
        assert!((all.likeness(&of((0..2_000).rev())) - 1.0).abs() < 1e-9);
        assert!(all.likeness(&of(5_000..7_000)) < 1e-9);
        let half = all.likeness(&of(667..2_667));
        assert!((0.25..0.75).contains(&half), "{half}");
        // Exact for few.
        assert!((of(0..4).likeness(&of(2..6)) - 2.0 / 6.0).abs() < 1e-9);
        assert!((of(0..0).likeness(&of(0..0)) - 1.0).abs() < 1e-9);
        assert!(of(0..3).likeness(&all) < 0.1);
    }

    #[test]
    fn profiles_come_back_from_bytes_and_are_small() {
        let mut profiler = Profiler::new(&[1, 0]);
        for id in 0..500 {
            profiler.add(&id.to_string(), &[None, Some(f64::from(id))]);
        }
        let profile = profiler.finish();
        assert_eq!(profile.median(0), Some(250.0));
        assert_eq!(profile.median(1), None);
        assert_eq!(profile.median(2), None);
        let bytes = profile.to_bytes();
        assert_eq!(bytes.len(), 2 + 4 * 34);
        let back = Profile::from_bytes(&bytes).unwrap();
        assert_eq!(back.median(0), Some(250.0));
        assert_eq!(back.ids, profile.ids);
        for wrong in [&bytes[..1], &bytes[..bytes.len() - 1], &[9, 0], &[FORM, 7]] {
            assert_eq!(Profile::from_bytes(wrong), None);
        }
    }

    #[test]
    fn the_number_of_an_identifier_never_changes() {
        assert_eq!(identity("16107"), 6_667_786_668_167_781_450);
        assert_ne!(identity("a"), identity("a\0"));
    }

    #[test]
    fn jumps_are_by_a_factor_or_by_an_amount() {
        let factor = Jump::Factor(3.0);
        assert!(!factor.is_beyond(1013.0, 1000.0));
        assert!(factor.is_beyond(1013.0, 29.9));
        assert!(factor.is_beyond(1.0, 1000.0));
        assert!(!factor.is_beyond(0.0, 1000.0));
        assert!(!factor.is_beyond(-1.0, 5.0));
        assert!(Jump::By(15.0).is_beyond(-5.0, 23.0));
        assert!(!Jump::By(15.0).is_beyond(-5.0, 10.0));
    }
}

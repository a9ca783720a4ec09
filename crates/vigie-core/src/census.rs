//! The entities of a source, counted: a feed that invents a new identifier for every row must not fill the disk.

use std::collections::HashSet;

use crate::profile::identity;

/// The entities that a source has had, by the numbers of their identifiers.
#[derive(Debug, Default, Clone)]
pub struct Census {
    known: HashSet<u64>,
    /// Sums of bodies whose entities are all known: most bodies are such, and need no second look.
    sums: HashSet<u64>,
    changed: bool,
}

impl Census {
    /// Reads it back; whatever is no number of eight bytes at the end is left out.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<8>();
        Self {
            known: numbers
                .iter()
                .map(|number| u64::from_le_bytes(*number))
                .collect(),
            ..Self::default()
        }
    }

    /// As the ledger keeps it, if it has changed since it was read or last asked for.
    pub fn to_bytes_if_changed(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut numbers: Vec<u64> = self.known.iter().copied().collect();
        numbers.sort_unstable();
        Some(
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect(),
        )
    }

    /// Whether a body with this [`crate::profile::Profiler::sum`] was looked at and had known entities only.
    pub fn knows_body(&self, sum: u64) -> bool {
        self.sums.contains(&sum)
    }

    /// Remembers that all entities of a body are known.
    pub fn remember_body(&mut self, sum: u64) {
        self.sums.insert(sum);
    }

    /// Whether the entity may have rows: it is known, or there is room for one more.
    pub fn admit(&mut self, entity: &str, most: usize) -> bool {
        let number = identity(entity);
        if self.known.contains(&number) {
            return true;
        }
        if self.known.len() >= most {
            return false;
        }
        self.changed = true;
        self.known.insert(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_entities_stay_welcome_when_there_is_no_room_for_more() {
        let mut census = Census::default();
        assert_eq!(census.to_bytes_if_changed(), None);
        assert!(census.admit("a", 2) && census.admit("b", 2) && !census.admit("c", 2));
        let bytes = census.to_bytes_if_changed().unwrap();
        assert_eq!(bytes.len(), 16);
        assert_eq!(census.to_bytes_if_changed(), None);
        let mut census = Census::from_bytes(&bytes);
        assert!(census.admit("b", 1) && census.admit("a", 1) && !census.admit("c", 2));
        assert!(census.admit("c", 3));
    }
}

//! A column, and what its name and values speak for.

use super::{
    columns::Column,
    values::{Facts, Numbers, Times, names_time},
};

/// A column that was looked at.
pub(super) struct Seen<'c, 'a> {
    pub(super) column: &'c Column<'a>,
    pub(super) facts: Facts,
    pub(super) times: Option<Times>,
    pub(super) numbers: Option<Numbers>,
    pub(super) words: Vec<String>,
}

impl Seen<'_, '_> {
    pub(super) fn says(&self, known: &[&str]) -> bool {
        self.words.iter().any(|word| known.contains(&word.as_str()))
    }

    pub(super) fn is_distinct(&self, rows: usize) -> bool {
        self.facts.present == rows && self.facts.distinct == rows
    }

    /// How much the name is that of an identifier.
    pub(super) fn identity(&self) -> usize {
        let last = self.words.last().map_or("", String::as_str);
        let joined = [
            "eventid",
            "stationid",
            "stopid",
            "postid",
            "videoid",
            "publicid",
            "gameid",
            "dealid",
            "siteid",
            "sensorid",
            "publicid",
            "incidentid",
            "uniqueid",
            "tripid",
            "stationcode",
            "icaoid",
            "codesite",
        ];
        let ends_so = last.len() > 3
            && last.ends_with("id")
            && self.facts.is_whole
            && ![
                "paid", "valid", "invalid", "grid", "humid", "solid", "hybrid", "android",
            ]
            .contains(&last);
        let parts = self.column.path.split(['.', '[']).count();
        let base = if self.words == ["id"] || self.column.path == "#key" {
            13
        } else if ["id", "uuid", "guid", "identifier", "identifiant"].contains(&last)
            || joined.contains(&last)
            || ends_so
        {
            11
        } else if self.says(&[
            "id",
            "uuid",
            "code",
            "symbol",
            "ticker",
            "icao",
            "iata",
            "isin",
            "callsign",
            "slug",
            "reference",
            "ident",
            "stationcode",
            "eventid",
            "station",
            "key",
        ]) {
            9
        } else if self.says(&[
            "name",
            "nom",
            "title",
            "label",
            "city",
            "country",
            "region",
            "currency",
            "perimetre",
            "stacja",
            "article",
        ]) {
            6
        } else if self.says(&["url", "link", "href"]) {
            4
        } else if self.facts.is_text {
            2
        } else {
            0
        };
        (base * 2_usize)
            .saturating_sub(usize::from(parts > 2))
            .saturating_sub(usize::from(!self.column.is_own))
    }

    pub(super) fn may_identify(&self, rows: usize) -> bool {
        self.facts.present == rows
            && self.times.is_none()
            && self.facts.longest <= 200
            && !self.column.path.contains(['\'', '"'])
            && !self.column.path.starts_with('$')
            && (self.facts.is_text || self.facts.is_whole && self.identity() >= 17)
            && !(self.numbers.is_some() && self.identity() < 12)
    }

    /// A larger figure is the likelier time of observation.
    pub(super) fn observation(&self) -> i32 {
        let word = |known: &[&str]| self.says(known);
        let rank = if word(&[
            "birth", "founded", "opened", "closed", "expires", "expiry", "end", "ending", "ends",
            "until", "to", "next", "sunrise", "sunset", "ath", "atl", "joined",
        ]) {
            1
        } else if word(&[
            "observed",
            "obs",
            "obstime",
            "measured",
            "measurement",
            "mesure",
            "reading",
            "phenomenontime",
        ]) {
            9
        } else if word(&[
            "created",
            "pub",
            "pubdate",
            "published",
            "issued",
            "effective",
            "sent",
            "posted",
            "started",
            "start",
            "onset",
            "from",
            "begin",
            "origin",
        ]) {
            6
        } else if word(&[
            "updated",
            "update",
            "modified",
            "lastupdate",
            "lastmodified",
            "maj",
            "received",
            "receipt",
        ]) {
            5
        } else if names_time(&self.column.names) {
            8
        } else {
            4
        };
        let is_varied = self.facts.distinct > 1 && self.facts.distinct * 20 > self.facts.present;
        let is_complete = self.facts.present == self.column.values.len();
        rank * 2 + i32::from(is_varied) + i32::from(is_complete)
            - i32::from(!self.column.is_own) * 9
            - i32::from(self.words.len() > 3)
    }
}

/// Whether the path is one of the row itself.
pub(super) fn is_own(seen: &[Seen<'_, '_>], path: &str) -> bool {
    seen.iter()
        .any(|seen| seen.column.path == path && seen.column.is_own)
        || path.contains('{')
}

/// Whether the values at that path are all there, each another one.
pub(super) fn is_unique(seen: &[Seen<'_, '_>], key: &str, rows: usize) -> bool {
    seen.iter()
        .any(|seen| seen.column.path == key && seen.is_distinct(rows))
}

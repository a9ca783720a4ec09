//! The words of rankings: who is first, who came and went.

use jiff::Timestamp;
use vigie_core::analysis::RankLine;

use super::Speaker;
use crate::{number::count, time};

impl Speaker<'_> {
    pub(super) fn first(&self, line: &RankLine, compared: bool) -> String {
        let name = Self::name(&line.name);
        let before = match line.before {
            Some(rank) if rank <= 1.0 => self.pick(", comme avant", ", as before").to_owned(),
            Some(rank) => {
                let rank = self.number(rank, 0);
                if self.is_french() {
                    format!(" (rang {rank} avant)")
                } else {
                    format!(" (rank {rank} before)")
                }
            }
            None if compared => self
                .pick(", absent auparavant", ", not in it before")
                .to_owned(),
            None => String::new(),
        };
        format!(
            "{}{}{name}{before}.",
            self.pick("En tête", "First"),
            self.colon()
        )
    }

    pub(super) fn movement(
        &self,
        entries: u32,
        exits: u32,
        since: Timestamp,
        first: Option<&RankLine>,
    ) -> String {
        let article = if self.is_french() && self.dated(since) {
            "le "
        } else {
            ""
        };
        let since = time::moment(since, self.period, self.tz, self.language);
        let since = format!("{article}{since}");
        let several = |number_of: u32, one: &str, many: &str| {
            let singular = if self.is_french() {
                number_of < 2
            } else {
                number_of == 1
            };
            format!(
                "{} {}",
                count(u64::from(number_of), self.language),
                if singular { one } else { many }
            )
        };
        let mut text = if self.is_french() {
            format!(
                "{} et {} depuis {since}",
                several(entries, "entrée", "entrées"),
                several(exits, "sortie", "sorties")
            )
        } else {
            format!(
                "{} and {} since {since}",
                several(entries, "entry", "entries"),
                several(exits, "exit", "exits")
            )
        };
        if let Some(line) = first
            && let Some(rank) = line.rank
        {
            let (name, rank) = (Self::name(&line.name), self.number(rank, 0));
            text.push_str(self.semicolon());
            let highest = if self.is_french() {
                format!("meilleure entrée\u{A0}: {name}, au rang {rank}")
            } else {
                format!("highest entry: {name}, at rank {rank}")
            };
            text.push_str(&highest);
        }
        text + "."
    }
}

//! A draft, written as a definition with comments.

use std::fmt::Write as _;

use vigie_core::text::Language;

use super::{
    Wishes,
    detect::Body,
    draft::{Clock, Draft, Gauge, Key, Where},
    words::Sureness,
};
use crate::{
    definition::Model,
    format::{CsvOptions, Format},
};

/// The time after which the times of rows are taken to be forecasts, as in definitions that do not say it.
const FUTURE_SECONDS: i64 = 900;

pub(super) struct Writer<'d> {
    text: String,
    language: Language,
    pub(super) draft: &'d Draft,
}

/// The definition.
pub(super) fn definition(draft: &Draft, body: &Body<'_>, wishes: &Wishes<'_>) -> String {
    let mut writer = Writer {
        text: String::new(),
        language: wishes.language,
        draft,
    };
    writer.sheet(wishes);
    writer.format(body);
    writer.rows(wishes);
    writer.fields(wishes);
    writer.measures();
    writer.text
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What may stand in a comment.
fn commented(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    crate::text::clip(&text, 90)
}

pub(super) fn duration(seconds: i64) -> String {
    match seconds {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

impl Writer<'_> {
    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub(super) fn comment(&mut self, fr: &str, en: &str) {
        let text = self.say(fr, en).to_owned();
        self.line(&format!("# {text}"));
    }

    fn say<'s>(&self, fr: &'s str, en: &'s str) -> &'s str {
        match self.language {
            Language::Fr => fr,
            Language::En => en,
        }
    }

    /// A line with a remark behind it.
    pub(super) fn noted(&mut self, text: &str, fr: &str, en: &str) {
        let remark = self.say(fr, en).to_owned();
        self.line(&format!("{text}  # {remark}"));
    }

    fn format(&mut self, body: &Body<'_>) {
        self.line("[format]");
        let kind = match &body.format {
            Format::Json { geo: true, .. } => "geojson",
            Format::Json { .. } => "json",
            Format::Xml => "xml",
            Format::Csv(_) => "csv",
            Format::GtfsRealtime => "gtfs-realtime",
        };
        self.line(&format!("kind = {}", quoted(kind)));
        if let Format::Json { jsonp: true, .. } = body.format {
            self.line("jsonp = true");
        }
        if let Some(label) = body.encoding {
            self.noted(
                &format!("encoding = {}", quoted(label)),
                "TODO supposé : vérifiez les accents",
                "TODO guessed: check the letters with accents",
            );
        }
        if let Format::Csv(CsvOptions {
            delimiter,
            comment,
            skip,
            ..
        }) = &body.format
        {
            if *delimiter != b',' {
                self.line(&format!(
                    "delimiter = {}",
                    quoted(&char::from(*delimiter).to_string())
                ));
            }
            if let Some(comment) = comment {
                self.line(&format!(
                    "comment = {}",
                    quoted(&char::from(*comment).to_string())
                ));
            }
            if *skip > 0 {
                self.noted(
                    &format!("skip = {skip}"),
                    "lignes avant l’en-tête",
                    "lines before the header",
                );
            }
            if !body.has_header {
                self.line("header = false");
            }
        }
        if body.decimal_comma {
            self.line("decimal_comma = true");
        }
        self.line("");
    }

    fn rows(&mut self, wishes: &Wishes<'_>) {
        let draft = self.draft;
        self.line("[rows]");
        self.noted(
            &format!("model = {}", quoted(draft.model.as_str())),
            "observations : des mesures d’entités ; events : ce qui est arrivé, avec ses révisions",
            "observations: measures of entities; events: what happened, with its revisions",
        );
        let count = draft.candidate.count;
        self.noted(
            &format!("select = {}", quoted(&draft.candidate.select)),
            &format!("{count} dans ce corps"),
            &format!("{count} in this body"),
        );
        if let Some(columns) = &draft.candidate.columns {
            self.noted(
                &format!("columns = {}", quoted(columns)),
                "une ligne par rang de ces listes parallèles",
                "a row per index of these parallel lists",
            );
        }
        if draft.candidate.has_header {
            self.line("header = true");
        }
        let horizon = match (draft.model, draft.step) {
            (Model::Events, _) | (_, Some(_)) => "2d",
            _ => "6h",
        };
        self.noted(
            &format!("horizon = {}", quoted(horizon)),
            "TODO pendant combien de temps le fournisseur peut réviser une ligne",
            "TODO how long the provider may revise a row",
        );
        let ahead = draft
            .latest
            .map_or(0, |latest| latest.as_second() - wishes.now.as_second());
        if ahead > FUTURE_SECONDS {
            self.noted(
                &format!("future = {}", quoted(&format!("{}d", ahead / 86_400 + 1))),
                "le corps a des heures à venir : des prévisions, ou un fuseau à préciser",
                "the body has times to come: forecasts, or a time zone to fill in",
            );
        }
        self.noted(
            "expected = { min = 1, shrink = 0.5 }",
            "moins de la moitié des lignes du dernier bon corps : suspect",
            "with fewer than half the rows of the last good body, one is suspect",
        );
        self.comment(
            "errors = [\"error.message\"]  # où le fournisseur écrit ses erreurs, s’il répond 200 quand même",
            "errors = [\"error.message\"]  # where the provider writes its errors, if it answers 200 all the same",
        );
        self.line("");
    }

    fn fields(&mut self, wishes: &Wishes<'_>) {
        let draft = self.draft;
        self.line("[fields]");
        let is_event = draft.model == Model::Events;
        let key = if is_event { "key" } else { "entity" };
        match &draft.key {
            Key::Path(path) => self.line(&format!("{key} = {}", quoted(path))),
            Key::Single => self.noted(
                &format!("{key} = {{ constant = {} }}", quoted(wishes.id.as_str())),
                "TODO le corps ne parle que d’une entité, sans la nommer",
                "TODO the body is about one entity, and does not name it",
            ),
            Key::Place => self.noted(
                &format!("{key} = \"#position\""),
                "TODO aucun identifiant n’a été trouvé : le rang en tient lieu, et change si l’ordre change",
                "TODO no identifier was found: the place in the list stands in, and changes with the order",
            ),
        }
        match &draft.observed {
            Some(clock) => self.clock("observed_at", clock),
            None => self.noted(
                "observed_at = \"#fetched_at\"",
                "TODO le corps n’a pas d’heure : celle du téléchargement en tient lieu",
                "TODO the body has no time: that of the fetch stands in",
            ),
        }
        if let Some(clock) = &draft.published {
            self.clock("published_at", clock);
            if is_event {
                let format = &clock.times.format;
                let zone = match (&clock.zone, clock.times.is_local) {
                    (_, false) => String::new(),
                    (Some(path), true) => format!(", time_zone = {{ path = {} }}", quoted(path)),
                    (None, true) => ", time_zone = \"zone\"".to_owned(),
                };
                self.noted(
                    &format!(
                        "revision = {{ path = {}, format = {}{zone} }}",
                        quoted(&clock.path),
                        quoted(format)
                    ),
                    "la version la plus récente l’emporte",
                    "the latest version counts",
                );
            }
        }
        match &draft.place {
            Some(Where::Degrees { lon, lat }) => {
                self.line(&format!(
                    "point = {{ lon = {}, lat = {} }}",
                    quoted(lon),
                    quoted(lat)
                ));
            }
            Some(Where::Geometry(path)) => {
                self.line(&format!("point = {{ geometry = {} }}", quoted(path)));
            }
            Some(Where::Text(path)) => {
                let part = |pattern: &str| {
                    format!("{{ path = {}, match = {} }}", quoted(path), quoted(pattern))
                };
                let (lat, lon) = (part(r"^\s*([-+0-9.]+)"), part(r"[, ]\s*([-+0-9.]+)\s*$"));
                self.noted(
                    &format!("point = {{ lat = {lat}, lon = {lon} }}"),
                    "TODO vérifier l’ordre",
                    "TODO check the order",
                );
            }
            None => {}
        }
        if let Some(name) = &draft.name {
            self.line(&format!(
                "{} = {}",
                if is_event { "title" } else { "name" },
                quoted(name)
            ));
        }
        self.line("");
        if !draft.texts.is_empty() {
            self.line("[fields.attributes]");
            self.comment(
                "Des textes gardés avec chaque ligne : ôtez ceux qui ne servent pas.",
                "Texts that are kept with each row: remove those that are of no use.",
            );
            for (id, path) in &draft.texts {
                self.line(&format!("{id} = {}", quoted(path)));
            }
            self.line("");
        }
    }

    fn clock(&mut self, key: &str, clock: &Clock) {
        let path = quoted(&clock.path);
        let times = &clock.times;
        if times.format == "rfc3339" && !times.is_local {
            self.line(&format!("{key} = {path}"));
            return;
        }
        let format = quoted(&times.format);
        if !times.is_local {
            self.line(&format!("{key} = {{ path = {path}, format = {format} }}"));
            return;
        }
        if let Some(zone) = &clock.zone {
            let format = if times.format == "rfc3339" {
                String::new()
            } else {
                format!(", format = {format}")
            };
            self.noted(
                &format!(
                    "{key} = {{ path = {path}{format}, time_zone = {{ path = {} }} }}",
                    quoted(zone)
                ),
                "le corps nomme le fuseau",
                "the body names the time zone",
            );
            return;
        }
        let is_utc =
            clock.path.to_lowercase().contains("utc") || clock.path.to_lowercase().contains("gmt");
        let zone = if is_utc { "UTC" } else { "zone" };
        let format = if times.format == "rfc3339" {
            String::new()
        } else {
            format!(", format = {format}")
        };
        let line = format!("{key} = {{ path = {path}{format}, time_zone = \"{zone}\" }}");
        match (is_utc, times.is_date) {
            (true, _) => self.line(&line),
            (false, true) => self.noted(
                &line,
                "TODO une date seule : dans quel fuseau (un nom IANA, ou zone pour le lieu surveillé), et à quelle heure (at = \"14:15\") ?",
                "TODO a date alone: in which time zone (an IANA name, or zone for the watched place), and at what time (at = \"14:15\")?",
            ),
            (false, false) => self.noted(
                &line,
                "TODO heure locale sans décalage : écrivez son fuseau (Europe/Paris, UTC…) ; zone est celui du lieu surveillé",
                "TODO local time without offset: write its time zone (Europe/Paris, UTC…); zone is that of the watched place",
            ),
        }
        if times.is_ambiguous {
            self.comment(
                "TODO jour et mois peuvent être dans l’autre ordre : tous deux se lisent.",
                "TODO day and month may be the other way round: both can be read.",
            );
        }
    }

    fn measures(&mut self) {
        let draft = self.draft;
        if draft.gauges.is_empty() && draft.model == Model::Observations {
            self.comment(
                "Le corps n’a pas de nombre à suivre : le rang dans la liste en tient lieu.",
                "The body has no number to follow: the place in the list stands in.",
            );
            self.line("[measures.rank]");
            self.line("title = { fr = \"Rang\", en = \"Rank\" }");
            self.line("path = \"#position\"");
            self.line("unit = \"1\"");
            self.line("kind = \"rank\"");
            self.line("headline = true");
        } else if !draft.gauges.is_empty() {
            self.comment(
                "Les titres viennent des noms du corps : écrivez-les dans les deux langues (TODO). Ôtez les mesures inutiles.",
                "Titles are made from the names of the body: write them in both languages (TODO). Remove measures of no use.",
            );
            for (index, gauge) in draft.gauges.iter().enumerate() {
                self.gauge(gauge, index < 2);
            }
        }
        if !draft.left_out.is_empty() {
            self.line("");
            self.comment("Laissés de côté :", "Left out:");
            for left_out in draft.left_out.iter().take(20) {
                self.line(&format!("#   {}", commented(left_out)));
            }
            if draft.left_out.len() > 20 {
                self.line("#   …");
            }
        }
    }

    fn gauge(&mut self, gauge: &Gauge, is_headline: bool) {
        self.line(&format!("[measures.{}]", gauge.id));
        let title = quoted(&gauge.title);
        self.line(&format!("title = {{ fr = {title}, en = {title} }}"));
        self.line(&format!("path = {}", quoted(&gauge.path)));
        let unit = format!("unit = {}", quoted(gauge.meaning.unit));
        match gauge.meaning.sureness {
            Sureness::Said => self.line(&unit),
            Sureness::Guessed => self.noted(
                &unit,
                "TODO supposée d’après le nom",
                "TODO guessed from the name",
            ),
            Sureness::Unknown => self.noted(
                &unit,
                "TODO l’unité : un code UCUM (Cel, km, %, MW…) ou un {mot}",
                "TODO the unit: a UCUM code (Cel, km, %, MW…) or a {word}",
            ),
        }
        if self.draft.model == Model::Observations {
            match gauge.meaning.kind {
                Some("counter") => self.noted(
                    "kind = \"counter\"",
                    "TODO s’il ne fait que croître ; sinon \"gauge\"",
                    "TODO if it only grows; else \"gauge\"",
                ),
                Some(kind) => self.line(&format!("kind = {}", quoted(kind))),
                None => {}
            }
        }
        if gauge.meaning.sums {
            self.line("across = \"sum\"");
        }
        if gauge.numbers.decimals > 0 {
            self.line(&format!("decimals = {}", gauge.numbers.decimals));
        }
        if gauge.numbers.decimal_comma {
            self.line("decimal_comma = true");
        }
        if let Some(strip) = &gauge.numbers.strip {
            self.line(&format!("strip = [{}]", quoted(strip)));
        }
        if !gauge.numbers.nulls.is_empty() {
            let words: Vec<String> = gauge
                .numbers
                .nulls
                .iter()
                .map(|word| quoted(word))
                .collect();
            self.line(&format!("nulls = [{}]", words.join(", ")));
        }
        if is_headline {
            self.line("headline = true");
        }
        self.line("");
    }
}

//! A rich, made-up analysis: what a reader of a real report would meet, the ugly parts included.

mod rates;
mod storms;
mod zones;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use vigie_core::{
    analysis::{
        Analysis, Anomalies, Anomaly, Band, Basis, CaptureCount, Change, Chart, ChartKind,
        Correlation, Credit, EntityLine, EventFigures, EventLine, Findings, Freshness, Headline,
        HistoryFacts, MapPoint, Mark, Period, PeriodKind, Problem, Record, Series, SourceAnalysis,
        Strongest, Trend,
    },
    capture::Outcome,
    measure::{Across, Kind, Measure},
    stats::Figures,
    text::{MeasureId, SourceId, Text},
    time::{hours_between, period},
    zone::Zone,
};

pub(crate) use self::{
    rates::slow_rates,
    zones::{earth, paris},
};

/// Six sources over a period, the analysis being made in its evening.
pub(crate) fn analysis(zone: Zone, kind: PeriodKind) -> Analysis {
    let tz = zone.tz();
    let period = period(kind, Date::constant(2026, 11, 23), &tz);
    let now = period.start + SignedDuration::from_mins(20 * 60 + 17);
    let now = if kind == PeriodKind::Day {
        now
    } else {
        period.end - SignedDuration::from_mins(31)
    };
    let sample = Sample {
        period: period.clone(),
        now,
        zone: zone.clone(),
    };
    let mut sources = vec![
        sample.metar(),
        sample.earthquakes(),
        sample.velib(),
        sample.subway(),
        sample.electricity(),
        sample.currencies(),
    ];
    sample.find(&mut sources);
    sample.mix(&mut sources[4]);
    if zone.scale == vigie_core::zone::Scale::Earth {
        sources.push(sample.storms());
    }
    for source in &mut sources {
        source.sentences = vigie_report::sentences(source, &period, &tz, now);
    }
    let correlations = vec![Correlation {
        one: sources[0].id.clone(),
        other: sources[2].id.clone(),
        lag_hours: -2,
        r: -0.61,
        n: 640,
        n_effective: 88.0,
        p: 0.000_2,
    }];
    Analysis {
        zone,
        period,
        now,
        simulated: true,
        sources,
        correlations,
    }
}

/// A number of 0 to 1 that looks random and is always the same.
fn noise(seed: u64) -> f64 {
    let mixed = (seed.wrapping_add(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

struct Sample {
    period: Period,
    now: Timestamp,
    zone: Zone,
}

impl Sample {
    fn base(
        &self,
        id: &str,
        domain: &str,
        title: Text,
        credit: (&str, &str, &str),
    ) -> SourceAnalysis {
        SourceAnalysis {
            id: SourceId::new(id).expect("an identifier"),
            domain: domain.into(),
            title,
            credit: Credit {
                attribution: credit.0.into(),
                licence: credit.1.into(),
                url: credit.2.into(),
            },
            freshness: self.freshness(9, false),
            captures: CaptureCount {
                expected: 244,
                obtained: 244,
                rows: 9_120,
                ..CaptureCount::default()
            },
            coverage: Some(1.0),
            headlines: Vec::new(),
            chart: None,
            map: Vec::new(),
            pace_seconds: 600,
            leading_measure: None,
            entities: Vec::new(),
            entity_count: 0,
            events: Vec::new(),
            event_count: 0,
            tracks: Vec::new(),
            track_measure: None,
            findings: Findings::default(),
            sentences: Vec::new(),
        }
    }

    /// What is usual and what is not, as eight weeks would say it.
    fn find(&self, sources: &mut [SourceAnalysis]) {
        let band = |median: f64, half: f64| Band {
            low: median - half,
            median,
            high: median + half,
            samples: 8,
            basis: Basis::HourOfWeek,
        };
        let history = HistoryFacts {
            days: 32,
            since: Some(Date::constant(2026, 9, 28)),
            enough: true,
            pending: false,
        };
        let [_, quakes, velib, _, electricity, currencies] = sources else {
            return;
        };
        for source in [&mut *quakes, velib, electricity] {
            source.findings.history = history.clone();
        }
        let usual = band(15_900.0, 640.0);
        if let Some(chart) = &mut velib.chart {
            let values = chart.times.iter().enumerate();
            chart.usual = values
                .map(|(step, _)| {
                    let dip = 2_600.0 * (-((step % 24) as f64 - 9.0).powi(2) / 9.0).exp();
                    Some(band(15_900.0 - dip, 640.0))
                })
                .collect();
        }
        velib.headlines[0].usual = Some(usual);
        let at = |hours: i64| self.period.start + SignedDuration::from_hours(hours);
        velib.findings.anomalies = Some(Anomalies {
            judged: 18,
            false_alarm_rate: 0.01,
            found: vec![Anomaly {
                entity: None,
                from: at(17),
                to: at(20),
                above: false,
                value: 12_610.0,
                at: at(18),
                usual,
                steps: 3,
                p: 0.005,
            }],
        });
        velib.findings.change = Some(Change {
            value: 14_870.0,
            before: 15_420.0,
            hours: 14,
            hours_passed: 21,
            ratio: true,
            before_date: Date::constant(2026, 11, 22),
        });
        electricity.findings.anomalies = Some(Anomalies {
            judged: 20,
            false_alarm_rate: 0.01,
            found: Vec::new(),
        });
        electricity.headlines[0].usual = Some(band(60_100.0, 2_300.0));
        electricity.findings.change = Some(Change {
            value: 59_000.0,
            before: 52_700.0,
            hours: 21,
            hours_passed: 21,
            ratio: true,
            before_date: Date::constant(2026, 11, 22),
        });
        electricity.findings.trend = Some(Trend {
            per_day: 214.0,
            days: 28,
            known: 28,
            p: 0.000_4,
        });
        let strongest = quakes
            .events
            .iter()
            .max_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)));
        quakes.findings.events = Some(EventFigures {
            count: quakes.event_count,
            placed: quakes.event_count,
            strongest: strongest.map(|event| Strongest {
                title: event.title.clone(),
                value: event.value.unwrap_or(0.0),
                at: event.at,
            }),
            classes: Vec::new(),
            usual: Some(Band {
                basis: Basis::AnyDay,
                ..band(171.0, 22.0)
            }),
            busiest: None,
            above_all: None,
        });
        quakes.headlines[0].usual = Some(band(171.0, 22.0));
        quakes.findings.record = Some(Record {
            highest: true,
            value: 6.4,
            at: at(4),
            before: 6.1,
            since: Date::constant(2026, 3, 3),
            of_all: false,
            days: 248,
            days_passed: 265,
        });
        currencies.findings.change = Some(Change {
            value: 1.1583,
            before: 1.1571,
            hours: 1,
            hours_passed: 1,
            ratio: true,
            before_date: Date::constant(2026, 11, 22),
        });
    }

    fn ago(&self, minutes: i64) -> Timestamp {
        self.now - SignedDuration::from_mins(minutes)
    }

    fn freshness(&self, minutes: i64, stale: bool) -> Freshness {
        Freshness {
            content_at: Some(self.ago(minutes)),
            observed_at: Some(self.ago(minutes)),
            published_at: Some(self.ago(minutes - 2)),
            fetched_at: Some(self.ago(minutes - 4)),
            next_at: Some(self.ago(-1)),
            stale_after_seconds: 1800,
            stale,
        }
    }

    fn measure(id: &str, unit: &str, title: Text, decimals: u8) -> Measure {
        Measure {
            id: MeasureId::new(id).expect("an identifier"),
            kind: Kind::Gauge,
            unit: unit.into(),
            title,
            across: Across::Mean,
            decimals,
            headline: true,
        }
    }

    fn headline(
        &self,
        label: Text,
        entity: Option<&str>,
        value: f64,
        unit: &str,
        decimals: u8,
    ) -> Headline {
        Headline {
            label,
            entity: entity.map(str::to_owned),
            value: Some(value),
            unit: unit.into(),
            decimals,
            at: Some(self.ago(9)),
            usual: None,
        }
    }

    fn times(&self) -> Vec<Timestamp> {
        let tz = self.zone.tz();
        if self.period.kind == PeriodKind::Day {
            return hours_between(self.period.start, self.period.end, &tz);
        }
        let days = if self.period.kind == PeriodKind::Week {
            7
        } else {
            30
        };
        let first = self.period.date;
        (0..days)
            .filter_map(|day| {
                tz.to_timestamp(first.saturating_add(day.days()).at(0, 0, 0, 0))
                    .ok()
            })
            .collect()
    }

    /// Values by time; nothing after now.
    fn series(&self, label: Text, value: impl Fn(usize, f64) -> Option<f64>) -> Series {
        let values = self
            .times()
            .iter()
            .enumerate()
            .map(|(index, at)| {
                let hour = (*at - self.period.start).as_secs_f64() / 3600.0;
                (*at < self.now).then(|| value(index, hour)).flatten()
            })
            .collect();
        Series {
            label,
            values,
            joined_steps: 1,
            marks: Vec::new(),
            marks_left_out: 0,
        }
    }

    fn line(
        &self,
        title: Text,
        unit: &str,
        decimals: u8,
        across: Option<Across>,
        series: Vec<Series>,
    ) -> Chart {
        Chart {
            kind: ChartKind::Line,
            ranked: false,
            usual: Vec::new(),
            title,
            unit: unit.into(),
            decimals,
            across,
            times: self.times(),
            series,
        }
    }

    fn entity(&self, name: &str, last: f64, spread: f64, count: u64) -> EntityLine {
        EntityLine {
            entity: name.to_lowercase(),
            name: name.into(),
            figures: Figures {
                count,
                min: Some(last - spread),
                max: Some(last + spread / 2.0),
                mean: Some(last - spread / 3.0),
                sum: None,
                first: Some(last),
                last: Some(last),
                p50: None,
                p95: None,
            },
            at: self.ago(9),
        }
    }

    fn metar(&self) -> SourceAnalysis {
        let title = Text::new(
            "Observations d’aérodrome (METAR)",
            "Aerodrome observations (METAR)",
        );
        let mut source = self.base(
            "metar-aviationweather",
            "weather",
            title,
            (
                "NOAA / National Weather Service, Aviation Weather Center",
                "public domain (US)",
                "https://aviationweather.gov/data/api/",
            ),
        );
        let stations = [
            ("Paris-Charles-de-Gaulle", 8.0, 2.551, 49.012, 0.0),
            ("Paris-Orly", 9.0, 2.379, 48.723, 1.3),
            ("Le Bourget", 8.4, 2.441, 48.969, -0.6),
        ];
        let temperature = Text::new("Température", "Temperature");
        source.headlines = stations
            .iter()
            .map(|(name, last, ..)| self.headline(temperature.clone(), Some(name), *last, "Cel", 1))
            .collect();
        source.headlines.push(self.headline(
            Text::new("Vent moyen", "Mean wind"),
            None,
            12.0,
            "[kn_i]",
            0,
        ));
        let lines = stations
            .iter()
            .enumerate()
            .map(|(index, (name, .., shift))| {
                self.series(Text::same(*name), |step, hour| {
                    let missing = index == 1 && (5..8).contains(&step);
                    let value =
                        4.5 + shift - 6.5 * ((hour - 3.0) / 24.0 * std::f64::consts::TAU).cos();
                    (!missing).then_some(value + noise(step as u64 * 7 + index as u64))
                })
            })
            .collect();
        source.chart = Some(self.line(temperature.clone(), "Cel", 1, None, lines));
        source.entities = stations
            .iter()
            .map(|(name, last, ..)| self.entity(name, *last, 11.5, 40))
            .collect();
        source.entity_count = 3;
        source.map = stations
            .iter()
            .map(|(name, last, lon, lat, _)| MapPoint {
                key: (*name).into(),
                lon: *lon,
                lat: *lat,
                label: (*name).into(),
                value: Some(*last),
                at: self.ago(9),
            })
            .collect();
        source.leading_measure = Some(Self::measure("temperature", "Cel", temperature, 1));
        source.coverage = Some(0.962);
        source
    }

    fn earthquakes(&self) -> SourceAnalysis {
        let mut source = self.base(
            "usgs-earthquakes",
            "earthquakes",
            Text::new(
                "Séismes dans le monde (USGS)",
                "Earthquakes of the world (USGS)",
            ),
            (
                "U.S. Geological Survey, Earthquake Hazards Program",
                "public domain (US)",
                "https://www.usgs.gov/information-policies-and-instructions/copyrights-and-credits",
            ),
        );
        let magnitude = Text::new("Magnitude", "Magnitude");
        let places = [
            ("8 km NNE of Amatrice, Italy", 13.3, 42.7),
            ("142 km ESE of Yamada, 岩手県, Japan", 143.5, 39.0),
            ("Ålesund, Norway region", 6.1, 62.4),
            ("34 km W of Петропавловск-Камчатский, Russia", 158.2, 53.0),
            (
                "5 km SSW of #panic(\"boum\") *bold* $x^2$ <script>alert(1)</script>",
                -122.8,
                38.8,
            ),
            ("south of the Kermadec Islands", -178.4, -33.2),
            (
                "61 km SSW of Ancud, Chile – Região de Los Lagos, a place whose name goes on for much longer than it should",
                -74.1,
                -42.3,
            ),
            ("12 km NE of Ólafsvík, Iceland", -23.4, 65.0),
        ];
        let hours = (self.now - self.period.start).as_hours();
        let count = if self.period.kind == PeriodKind::Day {
            187
        } else {
            2400
        };
        let mut events: Vec<EventLine> = (0..count)
            .map(|index| {
                let place = &places[(noise(index) * 8.0) as usize % 8];
                let at = self.period.start
                    + SignedDuration::from_secs(
                        (noise(index + 9000) * hours as f64 * 3600.0) as i64,
                    );
                let value = 0.8 - noise(index + 500).ln() * 0.9;
                EventLine {
                    key: format!("us{index}"),
                    title: format!("M {value:.1} - {}", place.0),
                    at,
                    lon: Some(place.1 + 6.0 * noise(index + 1) - 3.0),
                    lat: Some(place.2 + 5.0 * noise(index + 2) - 2.5),
                    value: Some(value.min(6.4)),
                    revisions: 1 + index % 4,
                }
            })
            .collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        let marks = events
            .iter()
            .rev()
            .map(|event| Mark {
                at: event.at,
                value: event.value.unwrap_or(0.0),
                label: event.title.clone(),
            })
            .collect();
        source.map = events
            .iter()
            .map(|event| MapPoint {
                key: event.key.clone(),
                lon: event.lon.unwrap_or(0.0),
                lat: event.lat.unwrap_or(0.0),
                label: event.title.clone(),
                value: event.value,
                at: event.at,
            })
            .collect();
        source.headlines = vec![
            Headline {
                at: None,
                ..self.headline(
                    Text::new("Événements", "Events"),
                    None,
                    count as f64,
                    "1",
                    0,
                )
            },
            self.headline(
                Text::new("Magnitude max.", "Greatest magnitude"),
                Some("M 6.1 - 142 km ESE of Yamada, 岩手県, Japan"),
                6.1,
                "{magnitude}",
                1,
            ),
        ];
        source.chart = Some(Chart {
            kind: ChartKind::Scatter,
            ranked: false,
            usual: Vec::new(),
            title: magnitude.clone(),
            unit: "1".into(),
            decimals: 1,
            across: None,
            times: self.times(),
            series: vec![Series {
                label: magnitude.clone(),
                values: Vec::new(),
                joined_steps: 1,
                marks,
                marks_left_out: 0,
            }],
        });
        source.leading_measure = Some(Self::measure("magnitude", "1", magnitude, 1));
        source.event_count = count;
        events.truncate(200);
        source.events = events;
        source.coverage = None;
        source.captures = CaptureCount {
            expected: 1217,
            obtained: 1214,
            failed: 4,
            quarantined: 1,
            rows: 231_044,
            refused_rows: 2,
            problems: vec![
                Problem {
                    at: self.ago(75),
                    outcome: Outcome::Quarantined,
                    cause: None,
                    reason: "the body announces 187 features and holds 12: the answer was cut"
                        .into(),
                },
                Problem {
                    at: self.ago(312),
                    outcome: Outcome::Failed,
                    cause: None,
                    reason: "no answer within 30 s from earthquake.usgs.gov".into(),
                },
                Problem {
                    at: self.ago(313),
                    outcome: Outcome::Failed,
                    cause: None,
                    reason: "HTTP 503 Service Unavailable; asked to wait 60 s".into(),
                },
                Problem {
                    at: self.ago(480),
                    outcome: Outcome::Failed,
                    cause: None,
                    reason: "HTTP 500".into(),
                },
                Problem {
                    at: self.ago(481),
                    outcome: Outcome::Failed,
                    cause: None,
                    reason: "HTTP 500".into(),
                },
            ],
        };
        source
    }

    fn velib(&self) -> SourceAnalysis {
        let mut source = self.base(
            "velib-disponibilite",
            "transport",
            Text::new(
                "Vélib’ – disponibilité en temps réel",
                "Vélib’ – bikes available, live",
            ),
            (
                "Autolib Vélib’ Métropole, Ville de Paris",
                "ODbL-1.0",
                "https://opendata.paris.fr/explore/dataset/velib-disponibilite-en-temps-reel/",
            ),
        );
        let bikes = Text::new("Vélos disponibles", "Bikes available");
        let docks = Text::new("Places libres", "Free docks");
        source.freshness = self.freshness(187, true);
        source.headlines = vec![
            self.headline(bikes.clone(), None, 15_204.0, "{bike}", 0),
            self.headline(docks, None, 31_877.0, "{dock}", 0),
            self.headline(
                Text::new("Vélos électriques", "Electric bikes"),
                None,
                6011.0,
                "{bike}",
                0,
            ),
            Headline {
                value: None,
                at: None,
                ..self.headline(
                    Text::new("Stations fermées", "Closed stations"),
                    None,
                    0.0,
                    "{station}",
                    0,
                )
            },
        ];
        let sum = self.series(bikes.clone(), |step, hour| {
            let missing = (9..12).contains(&step) || step == 14 || step == 16;
            let value = 15_800.0
                - 3_900.0 * (-(hour - 9.0).powi(2) / 9.0).exp()
                - 3_200.0 * (-(hour - 18.5).powi(2) / 8.0).exp();
            (!missing).then_some(value + 300.0 * noise(step as u64))
        });
        source.chart = Some(self.line(bikes.clone(), "{bike}", 0, Some(Across::Sum), vec![sum]));
        let names = [
            "Gare Saint-Lazare – Cour du Havre",
            "Châtelet – Les Halles",
            "Place de l’Hôtel de Ville",
            "Bibliothèque François-Mitterrand – Avenue de France côté Seine",
            "Gare de l’Est – Faubourg Saint-Martin",
            "Cité universitaire",
            "Bercy – Arena",
            "Montparnasse – Arrivée",
            "Jussieu – Fossés Saint-Bernard",
            "Porte de Clignancourt",
            "Gambetta",
            "Louvre",
        ];
        source.entities = names
            .iter()
            .enumerate()
            .map(|(index, name)| self.entity(name, 62.0 - 3.0 * index as f64, 24.0, 243))
            .collect();
        source.entity_count = 1467;
        source.map = (0..1467)
            .map(|index| {
                let (radius, angle) = (
                    noise(index).sqrt(),
                    noise(index + 3000) * std::f64::consts::TAU,
                );
                MapPoint {
                    key: index.to_string(),
                    lon: 2.345 + 0.1 * radius * angle.cos(),
                    lat: 48.86 + 0.042 * radius * angle.sin(),
                    label: format!("Station {index}"),
                    value: Some((noise(index + 7000) * noise(index + 8000) * 60.0).round()),
                    at: self.ago(187),
                }
            })
            .collect();
        source.leading_measure = Some(Self::measure("bikes", "{bike}", bikes, 0));
        source.coverage = Some(0.813);
        source.captures = CaptureCount { expected: 244, obtained: 207, failed: 1, quarantined: 36, rows: 303_669, refused_rows: 414, problems: vec![Problem {
            at: self.ago(2),
            outcome: Outcome::Quarantined,
            cause: None,
            reason: "the feed is frozen: `last_reported` of 1,467 stations has not moved for 3 h 05 (limit: 30 min)".into(),
        }] };
        source
    }

    fn subway(&self) -> SourceAnalysis {
        let mut source = self.base(
            "gtfs-rt-nyct-ace",
            "transport",
            Text::new(
                "Métro de New York, lignes A, C et E (GTFS-realtime)",
                "New York subway, lines A, C and E (GTFS-realtime)",
            ),
            (
                "Metropolitan Transportation Authority",
                "MTA Data Feed terms",
                "https://www.mta.info/developers/terms-and-conditions",
            ),
        );
        source.freshness = Freshness {
            content_at: None,
            observed_at: None,
            published_at: None,
            fetched_at: None,
            ..self.freshness(0, false)
        };
        source.coverage = Some(0.0);
        source.captures = CaptureCount {
            expected: 1217,
            failed: 1217,
            problems: vec![
                Problem {
                    at: self.ago(0),
                    outcome: Outcome::Failed,
                    cause: None,
                    reason: "connection refused by api-endpoint.mta.info:443".into()
                };
                20
            ],
            ..CaptureCount::default()
        };
        source
    }

    fn electricity(&self) -> SourceAnalysis {
        let mut source = self.base(
            "eco2mix-national",
            "electricity",
            Text::new(
                "Électricité en France (éCO₂mix)",
                "Electricity in France (éCO₂mix)",
            ),
            (
                "RTE, éCO₂mix – données en temps réel",
                "Licence Ouverte 2.0",
                "https://odre.opendatasoft.com/explore/dataset/eco2mix-national-tr/",
            ),
        );
        let load = Text::new("Consommation", "Load");
        source.headlines = vec![
            self.headline(load.clone(), Some("France"), 61_342.0, "MW", 0),
            self.headline(
                Text::new("Intensité carbone", "Carbon intensity"),
                Some("France"),
                38.0,
                "g{CO2}/kW.h",
                0,
            ),
            self.headline(
                Text::new("Solde des échanges", "Net exchange"),
                Some("France"),
                -8_312.0,
                "MW",
                0,
            ),
        ];
        let demand = self.series(load.clone(), |step, hour| {
            Some(
                57_000.0 - 6_500.0 * ((hour - 3.5) / 24.0 * std::f64::consts::TAU).cos()
                    + 2_800.0 * (-(hour - 19.0).powi(2) / 3.0).exp()
                    + 500.0 * noise(step as u64),
            )
        });
        let nuclear = self.series(Text::new("Nucléaire", "Nuclear"), |step, _| {
            Some(44_000.0 + 700.0 * noise(step as u64 + 50))
        });
        let wind = self.series(Text::new("Éolien", "Wind"), |step, hour| {
            (step < 18).then_some(9_000.0 + 3_000.0 * (hour / 7.0).sin())
        });
        source.chart = Some(self.line(load, "MW", 0, None, vec![demand, nuclear, wind]));
        source.entities = vec![self.entity("France", 61_342.0, 12_300.0, 80)];
        source.entity_count = 1;
        source
    }

    fn currencies(&self) -> SourceAnalysis {
        let mut source = self.base(
            "ecb-eurofxref-daily",
            "stock-market",
            Text::new(
                "Taux de change de référence de l’euro (BCE)",
                "Euro reference exchange rates (ECB)",
            ),
            (
                "Banque centrale européenne",
                "ECB reuse policy",
                "https://www.ecb.europa.eu/services/using-our-site/disclaimer/html/index.en.html",
            ),
        );
        let rates = [
            ("GBP", 0.8791),
            ("CHF", 0.9274),
            ("USD", 1.1583),
            ("AUD", 1.7712),
            ("PLN", 4.2455),
            ("JPY", 181.32),
        ];
        source.headlines = rates
            .iter()
            .rev()
            .take(4)
            .map(|(code, rate)| {
                self.headline(
                    Text::new("Taux pour 1 €", "Rate for €1"),
                    Some(code),
                    *rate,
                    "1",
                    4,
                )
            })
            .collect();
        source.chart = Some(Chart {
            kind: ChartKind::Bars,
            ranked: false,
            usual: Vec::new(),
            title: Text::new("Taux pour 1 €", "Rate for €1"),
            unit: "1".into(),
            decimals: 4,
            across: None,
            times: Vec::new(),
            series: rates
                .iter()
                .take(5)
                .map(|(code, rate)| Series {
                    label: Text::same(*code),
                    values: vec![Some(*rate)],
                    joined_steps: 1,
                    marks: Vec::new(),
                    marks_left_out: 0,
                })
                .chain([Series {
                    label: Text::same("RUB"),
                    values: vec![None],
                    joined_steps: 1,
                    marks: Vec::new(),
                    marks_left_out: 0,
                }])
                .collect(),
        });
        source.entities = rates
            .iter()
            .rev()
            .map(|(code, rate)| self.entity(code, *rate, 0.0, 1))
            .collect();
        source.entity_count = 30;
        source.captures = CaptureCount {
            expected: 4,
            obtained: 4,
            rows: 120,
            ..CaptureCount::default()
        };
        source
    }
}

use jiff::{ToSpan as _, civil::date};
use vigie_core::{
    analysis::{
        Anomaly, Basis, Change, Extreme, MixFigures, MixPart, RankLine, Record, Strongest, Track,
        Trend,
    },
    measure::{Across, Kind, Measure},
    text::MeasureId,
};

use super::*;

fn period(kind: PeriodKind) -> Period {
    let start: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    Period {
        kind,
        date: date(2026, 11, 23),
        start,
        end: start.checked_add(24.hours()).unwrap(),
    }
}

fn hour(hour: i64) -> Timestamp {
    period(PeriodKind::Day).start + SignedDuration::from_hours(hour)
}

/// French and English of a sentence on a day that is over, thin spaces shown as `_` and others that do not break as `~`.
fn both(sentence: &Sentence) -> [String; 2] {
    said(sentence, PeriodKind::Day, hour(30), false)
}

fn said(sentence: &Sentence, kind: PeriodKind, now: Timestamp, daily: bool) -> [String; 2] {
    let (period, tz) = (period(kind), TimeZone::UTC);
    [Language::Fr, Language::En].map(|language| {
        let speaker = Speaker {
            language,
            period: &period,
            tz: &tz,
            now,
            daily,
        };
        speaker
            .say(sentence)
            .replace('\u{202F}', "_")
            .replace('\u{A0}', "~")
    })
}

fn scale(unit: &str, decimals: u8) -> Scale {
    Scale {
        unit: unit.into(),
        decimals,
    }
}

fn band(low: f64, median: f64, high: f64) -> Band {
    Band {
        low,
        median,
        high,
        samples: 8,
        basis: Basis::HourOfWeek,
    }
}

fn quakes(count: u64, usual: Option<Band>) -> Sentence {
    let measure = Measure {
        id: MeasureId::new("magnitude").unwrap(),
        kind: Kind::Event,
        unit: "1".into(),
        title: Text::same("Magnitude"),
        across: Across::Mean,
        decimals: 1,
        headline: true,
    };
    let strongest = Strongest {
        title: "M 5.1 - 8 km NNE of Amatrice, Italy".into(),
        value: 5.1,
        at: hour(14),
    };
    Sentence::Events {
        domain: "earthquakes".into(),
        count,
        strongest: (count > 0).then_some((strongest, measure)),
        usual,
    }
}

#[test]
fn events_agree_in_number_and_say_what_is_usual() {
    assert_eq!(
        both(&quakes(7, Some(band(2.0, 4.0, 7.0)))),
        [
            "7 séismes, le plus fort de magnitude 5,1 – 8 km NNE of Amatrice, Italy (14:00)_; habituel~: 4 (2 à 7).",
            "7 earthquakes, the strongest M 5.1 – 8 km NNE of Amatrice, Italy (14:00); usual: 4 (2–7).",
        ]
    );
    assert_eq!(
        both(&quakes(1, None)),
        [
            "Un séisme, de magnitude 5,1 – 8 km NNE of Amatrice, Italy (14:00).",
            "One earthquake, M 5.1 – 8 km NNE of Amatrice, Italy (14:00).",
        ]
    );
    assert_eq!(
        both(&quakes(0, Some(band(2.0, 3.5, 7.0)))),
        [
            "Aucun séisme_; habituel~: 2 à 7.",
            "No earthquake; usual: 2–7.",
        ]
    );
    // Of a day under way, as much of other days is meant.
    let noon = said(
        &quakes(0, Some(band(1.0, 1.0, 1.0))),
        PeriodKind::Day,
        hour(12),
        false,
    );
    assert_eq!(
        noon,
        [
            "Aucun séisme_; habituel à cette heure~: 1.",
            "No earthquake; usual by this time: 1."
        ]
    );
    let alerts = Sentence::Events {
        domain: "weather".into(),
        count: 0,
        strongest: None,
        usual: None,
    };
    assert_eq!(both(&alerts), ["Aucune alerte.", "No alert."]);
}

#[test]
fn levels_have_units_and_bands_are_rounded_to_what_they_bear() {
    let level = |entity: Option<&str>, value, scale, usual| Sentence::Level {
        label: Text::new("Vélos disponibles", "Bikes available"),
        entity: entity.map(str::to_owned),
        value,
        scale,
        at: Some(hour(14)),
        usual,
    };
    let bikes = level(
        None,
        12_340.0,
        scale("{bike}", 0),
        Some(band(11_023.4, 11_700.0, 12_487.0)),
    );
    assert_eq!(
        both(&bikes),
        [
            "Vélos disponibles~: 12_340 (14:00)_; habituel à cette heure~: 11_000 à 12_500.",
            "Bikes available: 12,340 (14:00); usual at that hour: 11,000–12,500.",
        ]
    );
    let degrees = level(
        Some("Orly"),
        -3.25,
        scale("Cel", 1),
        Some(band(-1.26, 0.0, 2.31)),
    );
    assert_eq!(
        both(&degrees)[0],
        "Vélos disponibles, Orly~: −3,2_°C (14:00)_; habituel à cette heure~: −1,3 à 2,3_°C."
    );
    let percent = level(None, 45.0, scale("%", 0), Some(band(40.2, 41.0, 40.4)));
    assert_eq!(
        both(&percent)[1],
        "Bikes available: 45% (14:00); usual at that hour: 40%."
    );
}

#[test]
fn changes_are_ratios_only_where_these_mean_something() {
    let change = |value, before, ratio, hours| {
        let change = Change {
            value,
            before,
            hours,
            hours_passed: 24,
            ratio,
            before_date: date(2026, 11, 22),
        };
        Sentence::Compared(change, scale("Cel", 1), false)
    };
    let cases = [
        (
            change(103.2, 100.0, true, 24),
            "3,2_% de plus que la veille.",
            "3.2% more than the day before.",
        ),
        (
            change(75.0, 100.0, true, 24),
            "25_% de moins que la veille.",
            "25% less than the day before.",
        ),
        (
            change(100.3, 100.0, true, 24),
            "À peu près comme la veille.",
            "About the same as the day before.",
        ),
        (
            change(500.0, 100.0, true, 24),
            "5,0 fois plus que la veille.",
            "5.0 times as much as the day before.",
        ),
        (
            change(20.0, 100.0, true, 24),
            "80_% de moins que la veille.",
            "80% less than the day before.",
        ),
        (
            change(12.0, 10.8, false, 18),
            "1,2_°C de plus que la veille (18 heures comparées sur 24).",
            "1.2_°C more than the day before (18 of 24 hours compared).",
        ),
        (
            change(-2.0, -2.04, false, 24),
            "À peu près comme la veille.",
            "About the same as the day before.",
        ),
    ];
    for (sentence, fr, en) in cases {
        assert_eq!(both(&sentence), [fr, en]);
    }
    let under_way = said(
        &change(50.0, 100.0, true, 24),
        PeriodKind::Month,
        hour(3),
        true,
    );
    assert_eq!(
        under_way,
        [
            "50_% de moins que le mois précédent aux mêmes heures.",
            "50% less than the month before at the same hours.",
        ]
    );
}

#[test]
fn deviations_say_where_how_far_and_how_sure() {
    let anomaly = |steps, to, entity: Option<&str>| Anomaly {
        entity: entity.map(str::to_owned),
        from: hour(7),
        to: hour(to),
        above: false,
        value: 520.0,
        at: hour(8),
        usual: band(1611.0, 1650.0, 1704.0),
        steps,
        p: 0.002,
    };
    let unusual = Sentence::Unusual(anomaly(3, 10, None), scale("{bike}", 0), 2, 0.24);
    assert_eq!(
        both(&unusual),
        [
            "Valeurs inhabituellement basses de 07:00 à 10:00~: 520 (08:00)_; habituel~: 1611 à 1704_; 2 autres écarts (fausses alertes à attendre~: 0,2).",
            "Unusually low values from 07:00 to 10:00: 520 (08:00); usual: 1611–1704; 2 other deviations (false alarms to expect: 0.2).",
        ]
    );
    let single = Sentence::Unusual(anomaly(1, 8, Some("Orly")), scale("Cel", 0), 0, 0.24);
    assert_eq!(
        both(&single)[0],
        "Orly~: valeur inhabituellement basse à 07:00~: 520_°C_; habituel~: 1611 à 1704_°C (fausses alertes à attendre~: 0,2)."
    );
    let end = Sentence::Unusual(anomaly(17, 24, None), scale("{bike}", 0), 0, 0.24);
    assert!(both(&end)[1].starts_with("Unusually low values from 07:00 to 24:00"));
}

#[test]
fn records_trends_ranges_and_rankings() {
    let record = Record {
        highest: true,
        value: 5.1,
        at: hour(14),
        before: 4.8,
        since: date(2026, 10, 1),
        of_all: true,
        days: 53,
        days_passed: 53,
    };
    assert_eq!(
        both(&Sentence::Record(record, scale("1", 1))),
        [
            "Plus haute valeur depuis le début des relevés, le 1er octobre 2026 (53 jours de relevés)~: 5,1 (14:00)_; jusqu’ici 4,8.",
            "Highest value since the record began on 1 October 2026 (53 days of record): 5.1 (14:00); until now 4.8.",
        ]
    );
    let record = Record {
        value: 41.0,
        before: 37.0,
        of_all: false,
        days: 49,
        ..record
    };
    assert_eq!(
        both(&Sentence::Busiest(record, "earthquakes".into())),
        [
            "Journée la plus chargée depuis le 1er octobre 2026 (49 jours connus sur 53)~: 41 séismes_; jusqu’ici 37.",
            "Busiest day since 1 October 2026 (49 of 53 days known): 41 earthquakes; until now 37.",
        ]
    );
    let trend = Trend {
        per_day: -0.123_4,
        days: 28,
        known: 28,
        p: 0.000_2,
    };
    assert_eq!(
        both(&Sentence::Trend(trend, scale("Cel", 1))),
        [
            "En baisse d’environ 0,12_°C par jour sur 28 jours (p < 0,001).",
            "Falling by about 0.12_°C a day over 28 days (p < 0.001).",
        ]
    );
    let steep = Trend {
        per_day: 1234.0,
        days: 28,
        known: 28,
        p: 0.004,
    };
    assert_eq!(
        both(&Sentence::Trend(steep, scale("MW", 0)))[1],
        "Rising by about 1200_MW a day over 28 days (p = 0.004)."
    );
    let (least, greatest) = (
        Extreme {
            value: 8200.0,
            at: hour(8),
        },
        Extreme {
            value: 15_000.0,
            at: hour(3),
        },
    );
    let range = Sentence::Range(least, greatest, scale("MW", 0));
    assert_eq!(
        both(&range)[1],
        "Between 8200_MW (08:00) and 15,000_MW (03:00)."
    );
    assert_eq!(
        said(&range, PeriodKind::Month, hour(30), true)[1],
        "Between 8200_MW (23~Nov) and 15,000_MW (23~Nov)."
    );
    let line = |rank, before| RankLine {
        entity: "x".into(),
        name: "#panic() <b>x</b>".into(),
        rank: Some(rank),
        before,
        best: 1.0,
        hours: 3,
    };
    let first = |before, compared| {
        both(&Sentence::First(
            Text::same("Rank"),
            line(1.0, before),
            compared,
        ))
    };
    assert_eq!(
        first(Some(3.0), true)[0],
        "En tête~: #panic() <b>x</b> (rang 3 avant)."
    );
    assert_eq!(
        first(Some(1.0), true)[1],
        "First: #panic() <b>x</b>, as before."
    );
    assert_eq!(
        first(None, true)[1],
        "First: #panic() <b>x</b>, not in it before."
    );
    assert_eq!(first(None, false)[1], "First: #panic() <b>x</b>.");
    let movement = Sentence::Movement(1, 0, hour(0), Some(line(4.0, None)));
    assert_eq!(
        both(&movement),
        [
            "1 entrée et 0 sortie depuis 00:00_; meilleure entrée~: #panic() <b>x</b>, au rang 4.",
            "1 entry and 0 exits since 00:00; highest entry: #panic() <b>x</b>, at rank 4.",
        ]
    );
}

#[test]
fn growth_incompleteness_and_nothing() {
    let growth = Sentence::Growth {
        title: Text::new("Vues", "Views"),
        increase: 12_300.0,
        scale: scale("{view}", 0),
        entities: 3,
        resets: 1,
        most: Some(("Un film".into(), 3000.0)),
    };
    assert_eq!(
        both(&growth),
        [
            "Vues~: +12_300_; le plus~: Un film (+3000)_; 1 remise à zéro ou correction.",
            "Views: +12,300; most: Un film (+3000); 1 reset or correction.",
        ]
    );
    assert_eq!(
        both(&Sentence::Incomplete(207, 244))[0],
        "Données incomplètes~: 207 téléchargements obtenus sur 244 attendus."
    );
    assert_eq!(
        both(&Sentence::Sparse(0.813))[1],
        "Sparse data: 81.3% of the expected observations."
    );
    assert_eq!(
        both(&Sentence::MoreThanEver(28, 1.0 / 29.0))[1],
        "More than on any of the 28 days before (chance alone would do that one day in 29)."
    );
    assert_eq!(both(&Sentence::Nothing), ["Aucune donnée.", "No data."]);
}

#[test]
fn what_moves_is_told_with_its_way_its_speed_and_its_strength() {
    let mut track = Track {
        entity: "al092026".into(),
        name: "Ida".into(),
        points: Vec::new(),
        distance_km: Some(412.3),
        speed_km_h: Some(22.9),
        strongest: Some(Extreme {
            value: 185.0,
            at: hour(14),
        }),
    };
    let measure = Measure {
        id: MeasureId::new("wind").unwrap(),
        kind: Kind::Gauge,
        unit: "km/h".into(),
        title: Text::new("Vent maximal", "Maximum wind"),
        across: Across::Mean,
        decimals: 0,
        headline: true,
    };
    assert_eq!(
        both(&Sentence::Moved(track.clone(), measure.clone())),
        [
            "Ida~: environ 410_km parcourus, 23_km/h en moyenne_; vent maximal~: jusqu’à 185_km/h (14:00).",
            "Ida: moved about 410_km, 23_km/h on average; maximum wind up to 185_km/h (14:00).",
        ]
    );
    // One that stands still does not move a tenth of a kilometre.
    (track.distance_km, track.speed_km_h, track.strongest) = (Some(0.04), Some(0.01), None);
    assert_eq!(
        both(&Sentence::Moved(track, measure))[1],
        "Ida: moved about 0_km, 0_km/h on average."
    );
}

#[test]
fn a_whole_is_told_by_its_greatest_parts_its_groups_and_its_peak() {
    let part = |fr: &str, en: &str, share: f64| MixPart {
        title: Text::new(fr, en),
        mean: 50_000.0 * share,
        share,
    };
    let mut mix = MixFigures {
        title: Text::new("Production par filière", "Production by source"),
        unit: "MW".into(),
        decimals: 0,
        parts: vec![
            part("Nucléaire", "Nuclear", 0.672),
            part("Hydraulique", "Hydro", 0.13),
            part("Éolien", "Wind", 0.1),
            part("Gaz", "Gas", 0.095),
            part("Solaire", "Solar", 0.003),
        ],
        groups: vec![part(
            "hydraulique, éolien et solaire",
            "hydro, wind and solar",
            0.233,
        )],
        mean: 50_000.0,
        peak: Extreme {
            value: 61_234.0,
            at: hour(18),
        },
        trough: Extreme {
            value: 40_000.0,
            at: hour(3),
        },
        hours: 24,
        hours_passed: 24,
    };
    assert_eq!(
        both(&Sentence::Mix(mix.clone())),
        [
            "Production par filière~: nucléaire 67,2_%, hydraulique 13_%, éolien 10_%, gaz 9,5_%_; \
             hydraulique, éolien et solaire, ensemble 23,3_%_; total maximal 61_234_MW (18:00).",
            "Production by source: nuclear 67.2%, hydro 13%, wind 10%, gas 9.5%; \
             hydro, wind and solar, together 23.3%; peak of the total 61,234_MW (18:00).",
        ]
    );
    // Where hours are missing the peak may be among them.
    mix.hours = 20;
    assert!(both(&Sentence::Mix(mix))[0].ends_with("(18:00) (20 heures connues sur 24)."));
}

#[test]
fn moments_of_other_days_have_an_article_in_french() {
    let anomaly = |steps: u32| Anomaly {
        entity: None,
        from: hour(7),
        to: hour(7 + i64::from(steps)),
        above: true,
        value: 520.0,
        at: hour(7),
        usual: band(400.0, 420.0, 440.0),
        steps,
        p: 0.005,
    };
    let week = |sentence: &Sentence| said(sentence, PeriodKind::Week, hour(24 * 8), false);
    let [fr, en] = week(&Sentence::Unusual(anomaly(1), scale("MW", 0), 0, 1.0));
    assert!(
        fr.starts_with("Valeur inhabituellement haute le 23~nov. 07:00~: 520"),
        "{fr}"
    );
    assert!(
        en.starts_with("Unusually high value on 23~Nov 07:00: 520"),
        "{en}"
    );
    let [fr, _] = week(&Sentence::Unusual(anomaly(3), scale("MW", 0), 0, 1.0));
    assert!(fr.contains(" du 23~nov. 07:00 au 23~nov. 10:00~:"), "{fr}");
    let [fr, _] = both(&Sentence::Movement(2, 1, hour(-5), None));
    assert_eq!(fr, "2 entrées et 1 sortie depuis le 22~nov. 19:00.");
    let [fr, _] = both(&Sentence::Movement(2, 1, hour(5), None));
    assert_eq!(fr, "2 entrées et 1 sortie depuis 05:00.");
}

#[test]
fn what_is_of_all_is_not_taken_for_that_of_the_first() {
    let mut analysis = crate::sample::analysis(crate::sample::paris(), PeriodKind::Day);
    let (period, tz, now) = (analysis.period.clone(), analysis.zone.tz(), analysis.now);
    let source = &mut analysis.sources[0];
    let extreme = |value: f64| Some(Extreme { value, at: hour(3) });
    (source.findings.trough, source.findings.peak) = (extreme(6.0), extreme(13.0));
    (source.findings.steps, source.entity_count) = (20, 3);
    let range = |source: &SourceAnalysis| {
        let said = sentences(source, &period, &tz, now);
        said.into_iter()
            .map(|said| said.text)
            .find(|text| text.en.contains("etween"))
            .unwrap()
    };
    let of_all = range(source);
    assert!(
        of_all.en.starts_with("Mean of all: between 6.0"),
        "{}",
        of_all.en
    );
    assert!(
        of_all
            .fr
            .starts_with("Moyenne de l’ensemble\u{A0}: entre 6,0"),
        "{}",
        of_all.fr
    );
    source.entity_count = 1;
    assert!(range(source).en.starts_with("Between 6.0"));
}

#[test]
fn what_is_of_the_leading_series_is_not_parted_by_what_is_of_others() {
    let analysis = crate::sample::analysis(crate::sample::paris(), PeriodKind::Day);
    let said = &analysis.sources[4].sentences;
    let place = |words: &str| {
        said.iter()
            .position(|said| said.text.en.contains(words))
            .unwrap()
    };
    assert!(place("12% more than the day before") < place("Production by source"));
}

#[test]
fn a_record_of_events_comes_right_after_what_they_lead_with() {
    let mut analysis = crate::sample::analysis(crate::sample::paris(), PeriodKind::Day);
    let (period, tz, now) = (analysis.period.clone(), analysis.zone.tz(), analysis.now);
    let change = analysis.sources[2].findings.change.clone();
    let source = &mut analysis.sources[1];
    if let Some(events) = &mut source.findings.events {
        events.usual = None;
    }
    source.findings.change = change;
    let said = sentences(&analysis.sources[1], &period, &tz, now);
    assert!(
        said[1]
            .text
            .en
            .starts_with("Highest value since 3 March 2026 (248 of 265 days known): 6.4"),
        "{said:?}"
    );
    assert!(said[2].text.en.starts_with("The day before"), "{said:?}");
}

#[test]
fn every_sentence_says_where_its_figures_come_from() {
    let analysis = crate::sample::analysis(crate::sample::paris(), PeriodKind::Day);
    let mut followed = 0;
    for said in analysis.sources.iter().flat_map(|source| &source.sentences) {
        assert!(!said.origins.is_empty(), "{said:?}");
        assert!(
            said.origins.iter().all(|origin| origin.from < origin.to),
            "{said:?}"
        );
        followed += said.origins.len();
    }
    assert!(followed > 10);
    // As JSON a sentence has its two languages where it always had them.
    let said = serde_json::to_value(&analysis.sources[0].sentences[0]).unwrap();
    assert!(
        said["fr"].is_string() && said["origins"][0]["role"] == "told",
        "{said}"
    );
}

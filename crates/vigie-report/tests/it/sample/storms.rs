//! What moves, and what divides into parts.

use jiff::SignedDuration;
use vigie_core::{
    analysis::{Extreme, MapPoint, MixFigures, MixPart, SourceAnalysis, Track, TrackPoint},
    measure::Measure,
    text::Text,
};

use super::Sample;

impl Sample {
    pub(super) fn mix(&self, source: &mut SourceAnalysis) {
        let mean = 61_300.0;
        let part = |fr: &str, en: &str, share: f64| MixPart {
            title: Text::new(fr, en),
            mean: mean * share,
            share,
        };
        let at = |hours: i64, value: f64| Extreme {
            value,
            at: self.period.start + SignedDuration::from_hours(hours),
        };
        source.findings.mix = Some(MixFigures {
            title: Text::new("Production par filière", "Production by source"),
            unit: "MW".into(),
            decimals: 0,
            parts: vec![
                part("Nucléaire", "Nuclear", 0.671),
                part("Hydraulique", "Hydro", 0.124),
                part("Éolien", "Wind", 0.109),
                part("Gaz", "Gas", 0.054),
                part("Solaire", "Solar", 0.023),
                part("Bioénergies", "Bioenergy", 0.0188),
                part("Fioul", "Oil", 0.0002),
            ],
            groups: vec![part(
                "hydraulique, éolien, solaire et bioénergies",
                "hydro, wind, solar and bioenergy",
                0.2748,
            )],
            mean,
            peak: at(19, 71_204.0),
            trough: at(4, 52_377.0),
            hours: 19,
            hours_passed: 21,
        });
    }

    pub(super) fn storms(&self) -> SourceAnalysis {
        let title = Text::new("Cyclones en cours (NHC)", "Active tropical cyclones (NHC)");
        let credit = (
            "NOAA / National Hurricane Center",
            "US Government work (public domain)",
            "https://www.weather.gov/disclaimer",
        );
        let mut source = self.base("nhc-current-storms", "storms", title, credit);
        let wind = Text::new("Vent maximal", "Maximum wind");
        let measure = |title: Text| Measure {
            ..Self::measure("wind", "km/h", title, 0)
        };
        // Two near each other, one across the antimeridian, one that was not heard of for two days.
        let paths: [(&str, f64, f64, f64, f64, bool); 4] = [
            ("Aster", -52.0, 14.0, -0.9, 185.0, false),
            ("Briar", -57.0, 14.6, -0.7, 75.0, false),
            (
                "Cedar with a rather long name",
                175.0,
                17.0,
                1.4,
                120.0,
                false,
            ),
            ("Dahlia", -97.0, 13.0, -0.6, 95.0, true),
        ];
        for (name, lon, lat, step, strength, lost) in paths {
            let points: Vec<TrackPoint> = (-6..4_i32)
                .filter(|number| !lost || !(-3..1).contains(number))
                .map(|number| {
                    let far = f64::from(number);
                    let hours = i64::from(number) * 6 + if number < 0 && lost { -24 } else { 0 };
                    TrackPoint {
                        at: self.period.start + SignedDuration::from_hours(hours),
                        lon: (lon + step * far + 180.0).rem_euclid(360.0) - 180.0,
                        lat: lat + 0.03 * (far + 6.0).powi(2),
                        value: Some(strength - 4.0 * (far - 1.0).abs()),
                        joined: number > -6 && !(lost && number == 1),
                    }
                })
                .collect();
            let last = points[points.len() - 1];
            source.map.push(MapPoint {
                key: name.into(),
                lon: last.lon,
                lat: last.lat,
                label: name.into(),
                value: last.value,
                at: last.at,
            });
            source.entities.push(self.entity(name, strength, 20.0, 4));
            source.tracks.push(Track {
                entity: name.to_lowercase(),
                name: name.into(),
                distance_km: Some(96.0 * step.abs() * 6.0),
                speed_km_h: Some(16.0 * step.abs() * 2.0),
                strongest: Some(Extreme {
                    value: strength,
                    at: self.period.start + SignedDuration::from_hours(6),
                }),
                points,
            });
        }
        source.entity_count = 4;
        source.headlines = vec![self.headline(wind.clone(), Some("Aster"), 177.0, "km/h", 0)];
        source.leading_measure = Some(measure(wind.clone()));
        source.track_measure = Some(measure(wind));
        source
    }
}

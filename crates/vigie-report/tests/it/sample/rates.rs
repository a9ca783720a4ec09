//! Exchange rates over a month.

use jiff::{ToSpan, civil::Date};
use vigie_core::{
    analysis::{Analysis, Chart, ChartKind, Series},
    text::Text,
};

use super::noise;

/// As many days of exchange rates as a slow source shows: unlike sizes, no value at weekends.
pub(crate) fn slow_rates(analysis: &Analysis) -> Chart {
    let tz = analysis.zone.tz();
    let first = analysis.period.date.saturating_sub(29.days());
    let dates: Vec<Date> = (0..30)
        .map(|day| first.saturating_add(day.days()))
        .collect();
    let rates = [
        ("USD", 1.1583),
        ("JPY", 181.32),
        ("GBP", 0.8791),
        ("CHF", 0.9274),
    ];
    Chart {
        ranked: false,
        usual: Vec::new(),
        kind: ChartKind::Line,
        title: Text::new("Taux pour 1 €", "Rate for €1"),
        unit: "1".into(),
        decimals: 4,
        across: None,
        times: dates
            .iter()
            .filter_map(|date| tz.to_timestamp(date.at(0, 0, 0, 0)).ok())
            .collect(),
        series: rates
            .iter()
            .enumerate()
            .map(|(index, (code, rate))| Series {
                label: Text::same(*code),
                values: dates
                    .iter()
                    .enumerate()
                    .map(|(day, date)| {
                        let open = date.weekday().to_monday_zero_offset() < 5;
                        open.then(|| rate * (1.0 + 0.02 * noise((index * 100 + day) as u64)))
                    })
                    .collect(),
                joined_steps: 1,
                marks: Vec::new(),
                marks_left_out: 0,
            })
            .collect(),
    }
}

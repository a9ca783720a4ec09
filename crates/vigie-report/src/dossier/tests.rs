use typst::{
    diag::Warned,
    layout::{Frame, FrameItem},
};
use typst_layout::PagedDocument;
use vigie_core::{
    dossier::{Measured, ModelRecord, Periodicity, Seen, SourceRecord, Window},
    measure::{Across, Kind, Measure},
    sheet::{Access, Coverage, KeyAccess, Limit, Permission, Provider, Rights, Sheet},
    text::{MeasureId, SourceId, Text},
};

use super::*;
use crate::render::Moment;

const FORMATS: [DossierFormat; 3] = [
    DossierFormat::Markdown,
    DossierFormat::Html,
    DossierFormat::Pdf,
];
const LANGUAGES: [Language; 2] = [Language::Fr, Language::En];

fn measure(id: &str, unit: &str) -> Measure {
    Measure {
        id: MeasureId::new(id).unwrap(),
        kind: Kind::Gauge,
        unit: unit.into(),
        title: Text::new(format!("{id} fr"), format!("{id} en")),
        across: Across::Sum,
        decimals: 0,
        headline: true,
    }
}

fn record(id: &str) -> SourceRecord {
    SourceRecord {
        id: SourceId::new(id).unwrap(),
        domain: "transport".into(),
        domain_title: Text::new("Transports", "Transport"),
        sheet: Sheet {
            title: Text::new(format!("Source {id}"), format!("Feed {id}")),
            description: Text::new("Une source", "A source"),
            provider: Provider {
                name: format!("Provider {id}"),
                url: format!("https://{id}.example/"),
            },
            docs: format!("https://{id}.example/docs"),
            content: Text::new("Des vélos", "Bikes"),
            periodicity: Text::new("Chaque minute", "Every minute"),
            access: Access {
                key: Some(KeyAccess {
                    env: "BIKE_KEY".into(),
                    signup: format!("https://{id}.example/signup"),
                    note: Some(Text::new("Gratuite", "Free")),
                }),
                limits: vec![Limit {
                    requests: 5000,
                    per: jiff::SignedDuration::from_hours(24),
                }],
                note: None,
            },
            rights: Rights {
                licence: format!("Licence-{id}"),
                url: format!("https://{id}.example/terms"),
                attribution: format!("Mention {id}"),
                archive: Permission::Allowed,
                republish: Permission::Doubtful,
                note: None,
            },
            coverage: Coverage {
                earth: true,
                ..Coverage::default()
            },
            quirks: vec![Text::new("Se fige parfois", "Freezes at times")],
        },
        model: ModelRecord {
            events: false,
            format: "JSON".into(),
            measures: vec![measure("bikes", "{bike}"), measure("docks", "{dock}")],
            attributes: vec!["town".into()],
            located: true,
            leading: Vec::new(),
        },
        periodicity: Periodicity {
            publishes_seconds: Some(60),
            collect_seconds: 300,
            stale_after_seconds: 3600,
            horizon_seconds: 172_800,
        },
        measured: Measured::default(),
        seen: Seen::default(),
    }
}

fn dossier() -> Dossier {
    let analysis = crate::sample::analysis(
        crate::sample::paris(),
        vigie_core::analysis::PeriodKind::Day,
    );
    let mut bikes = record("bikes");
    bikes.measured = Measured {
        window: Some(Window {
            from: "2026-11-22T00:00:00Z".parse().unwrap(),
            to: "2026-11-22T23:55:00Z".parse().unwrap(),
        }),
        expected: 288,
        obtained: 144,
        bodies: 24,
        body_bytes: Some(155_000),
        bytes_per_year: Some(1.36e9),
        change_seconds: Some(3600),
        advance_seconds: Some(3540),
        body_rows: Some(1500),
        rows: 35_000,
        refused_rows: 350,
        lag_seconds: Some(90),
        ..Measured::default()
    };
    bikes.seen.fields.insert(MeasureId::new("bikes").unwrap());
    bikes
        .seen
        .entities
        .insert("16107".into(), Some("Bastille".into()));
    let mut scooters = record("scooters");
    scooters.seen.entities.insert("bastille".into(), None);
    Dossier::new(analysis.zone, analysis.now, true, vec![bikes, scooters])
}

fn written(dossier: &Dossier, language: Language, format: DossierFormat) -> String {
    let bytes = render_dossier(dossier, language, format).unwrap();
    if format != DossierFormat::Pdf {
        return String::from_utf8(bytes).unwrap().replace("<wbr>", "");
    }
    assert!(bytes.starts_with(b"%PDF"));
    on_paper(dossier, language)
}

/// The text that is on the pages of the PDF.
fn on_paper(dossier: &Dossier, language: Language) -> String {
    fn gather(frame: &Frame, text: &mut String) {
        for (_, item) in frame.items() {
            match item {
                FrameItem::Group(group) => gather(&group.frame, text),
                FrameItem::Text(item) => text.push_str(&item.text),
                _ => {}
            }
        }
    }
    let made = Moment::new(dossier.now, dossier.zone.tz());
    let world = pdf::world(&document(dossier, language), dossier, &made).unwrap();
    let Warned { output, warnings } = typst::compile::<PagedDocument>(&world);
    assert!(warnings.is_empty(), "{warnings:?}");
    let mut text = String::new();
    for page in output.unwrap().pages() {
        gather(&page.frame, &mut text);
    }
    text.replace('\u{200B}', "")
}

/// Without spaces, marks of escaping and the ends of lines.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '\\')
        .collect()
}

#[test]
fn every_format_has_every_source_licence_and_attribution() {
    let dossier = dossier();
    for language in LANGUAGES {
        for format in FORMATS {
            let text = bare(&written(&dossier, language, format));
            for record in &dossier.sources {
                let rights = &record.sheet.rights;
                for expected in [
                    record.sheet.title.get(language),
                    &record.sheet.provider.name,
                    &rights.licence,
                    &rights.url,
                    &rights.attribution,
                    "BIKE_KEY",
                    &record.sheet.access.key.as_ref().unwrap().signup,
                    record.sheet.quirks[0].get(language),
                ] {
                    let expected = bare(expected);
                    assert!(
                        text.contains(&expected),
                        "{format:?}: no {expected}: {text}"
                    );
                }
            }
        }
    }
}

#[test]
fn figures_and_verdicts_are_said_in_both_languages() {
    let french = bare(&written(&dossier(), Language::Fr, DossierFormat::Markdown));
    for expected in [
        "155ko",
        "1,4Go",
        "pluslentquedéclaré(1haulieude1min)",
        "|144/288|**50%**|",
        "pasassezmesuré",
        "douteux–lirelesconditionsavant",
        "1entité,2nomsdemesures",
        "|1|Bastille|",
    ] {
        assert!(french.contains(expected), "no {expected}: {french}");
    }
    let english = bare(&written(&dossier(), Language::En, DossierFormat::Markdown));
    for expected in [
        "155kB",
        "1.4GB",
        "slowerthandeclared(1hinsteadof1min)",
        "notenoughmeasured",
        "doubtful–readthetermsfirst",
        "1entity,2measurenames",
    ] {
        assert!(english.contains(expected), "no {expected}: {english}");
    }
}

#[test]
fn the_same_dossier_gives_the_same_bytes() {
    for format in FORMATS {
        let first = render_dossier(&dossier(), Language::Fr, format).unwrap();
        let second = std::thread::spawn(move || render_dossier(&dossier(), Language::Fr, format));
        assert!(first == second.join().unwrap().unwrap(), "{format:?}");
    }
}

#[test]
fn the_pdf_is_accessible_and_has_the_data_attached() {
    let pdf = render_dossier(&dossier(), Language::Fr, DossierFormat::Pdf).unwrap();
    for bytes in [
        "/StructTreeRoot",
        "/Outlines",
        "/Lang(fr)",
        "/EmbeddedFile",
        "<pdfuaid:part>1</pdfuaid:part>",
    ] {
        let found = pdf
            .windows(bytes.len())
            .any(|window| window == bytes.as_bytes());
        assert!(found, "no {bytes}");
    }
}

#[test]
fn the_html_loads_nothing() {
    let html = written(&dossier(), Language::En, DossierFormat::Html);
    for forbidden in ["src=", "<script", "<link", "url(", "@import"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn hostile_text_is_printed_and_never_run() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "#panic() *x* $a$ @nobody",
        "[here](javascript:alert(1)) | `x` <!-- -->",
        "# heading\n\n- list\u{202E}\u{0}",
        "",
    ];
    for text in hostile {
        let mut dossier = dossier();
        for record in &mut dossier.sources {
            record.sheet.title = Text::same(text);
            record.sheet.description = Text::same(text);
            record.domain_title = Text::same(text);
            record.sheet.quirks = vec![Text::same(text)];
            record.sheet.provider.name = text.into();
            record.sheet.provider.url = format!("javascript:{text}");
            record.sheet.rights.licence = text.into();
            record.sheet.rights.attribution = text.into();
            record.sheet.rights.url = format!("https://a.example/{text}");
            record.model.measures[0].title = Text::same(text);
            record.model.measures[0].unit = text.into();
            record.seen.entities.insert(text.into(), Some(text.into()));
        }
        dossier.zone.name = Text::same(text);
        let dossier = Dossier::new(dossier.zone, dossier.now, true, dossier.sources);
        for language in LANGUAGES {
            let html = written(&dossier, language, DossierFormat::Html);
            for forbidden in ["<script", "<img", "href=\"javascript:"] {
                assert!(!html.contains(forbidden), "{forbidden}: {html}");
            }
            let markdown = written(&dossier, language, DossierFormat::Markdown);
            // Escaped brackets are no links.
            let markdown = markdown.replace("\\<", "").replace("\\]", "");
            for forbidden in ["](javascript:", "\n# heading", "<script", "<img", "<!--"] {
                assert!(!markdown.contains(forbidden), "{forbidden}: {markdown}");
            }
            let paper = bare(&written(&dossier, language, DossierFormat::Pdf));
            let expected = bare(&crate::clean::clean(text, 80)).replace('\u{200B}', "");
            assert!(paper.contains(&expected), "{expected}: {paper}");
        }
    }
}

#[test]
fn a_dossier_without_sources_says_so() {
    let full = dossier();
    let empty = Dossier::new(full.zone, full.now, false, Vec::new());
    for format in FORMATS {
        let text = bare(&written(&empty, Language::En, format));
        assert!(text.contains("Nosourceisenabled"), "{text}");
    }
}

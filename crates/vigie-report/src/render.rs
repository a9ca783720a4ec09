//! From an analysis and a template to the bytes of a PDF.

use jiff::{Timestamp, tz::TimeZone};
use typst::{
    WorldExt, comemo,
    diag::{SourceDiagnostic, Warned},
    foundations::{Datetime, Smart},
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};
use vigie_core::analysis::Analysis;

use crate::{
    ReportError, ReportOptions, TEMPLATE,
    data::files,
    edition::view_of,
    world::{ANALYSIS_PATH, ReportWorld},
};

/// Makes the PDF of `analysis`: PDF 1.7, tagged, its date of creation being [`Analysis::now`].
///
/// With the built-in template it conforms to PDF/UA-1 (universal accessibility) and to PDF/A-3a (archival, with attachments), unless
/// a feed brought letters that no embedded font has: these show as boxes, which the standards do not admit. A
/// user's template is not held to them.
pub fn render_pdf(analysis: &Analysis, options: &ReportOptions) -> Result<Vec<u8>, ReportError> {
    let world = world_of(analysis, options)?;
    let ident = format!(
        "vigie {} {:?} {} {:?}",
        analysis.zone.name.en, analysis.period.kind, analysis.period.date, options.language
    );
    let made = Moment::new(analysis.now, analysis.zone.tz());
    write_pdf(&world, &ident, &made, options.template.is_none())
}

/// Compiles the template of a world. What is `accessible` conforms to PDF/UA-1 and PDF/A-3a, if its letters allow it.
pub(crate) fn write_pdf(
    world: &ReportWorld,
    ident: &str,
    made: &Moment,
    accessible: bool,
) -> Result<Vec<u8>, ReportError> {
    let Warned { output, .. } = typst::compile::<PagedDocument>(world);
    let pdf = output.and_then(|document| {
        let write = |standards| {
            typst_pdf::pdf(
                &document,
                &PdfOptions {
                    standards,
                    ..made.pdf_options(ident)
                },
            )
        };
        // The strictest that its letters allow.
        let wanted: &[&[PdfStandard]] = if accessible {
            &[
                &[PdfStandard::Ua_1, PdfStandard::A_3a],
                &[PdfStandard::Ua_1],
            ]
        } else {
            &[]
        };
        wanted
            .iter()
            .filter_map(|standards| PdfStandards::new(standards).ok())
            .find_map(|standards| write(standards).ok())
            .map_or_else(|| write(PdfStandards::default()), Ok)
    });
    // Typst remembers what it laid out; the next report has other numbers.
    comemo::evict(0);
    pdf.map_err(|errors| template_error(&errors, world))
}

fn world_of(analysis: &Analysis, options: &ReportOptions) -> Result<ReportWorld, ReportError> {
    let view = view_of(analysis, options);
    let mut others = files(analysis);
    others.push((
        ANALYSIS_PATH.to_owned(),
        serde_json::to_string_pretty(analysis)?,
    ));
    Ok(ReportWorld::new(
        options
            .template
            .clone()
            .unwrap_or_else(|| TEMPLATE.to_owned()),
        serde_json::to_string(&view)?,
        others,
        Moment::new(analysis.now, analysis.zone.tz()).datetime(),
    ))
}

/// When a PDF was made, on the clocks of the watched place.
pub(crate) struct Moment {
    at: Timestamp,
    tz: TimeZone,
}

impl Moment {
    pub(crate) fn new(at: Timestamp, tz: TimeZone) -> Self {
        Self { at, tz }
    }

    fn pdf_options(&self, ident: &str) -> PdfOptions {
        let offset_minutes = self.tz.to_offset(self.at).seconds() / 60;
        PdfOptions {
            ident: Smart::Custom(ident.to_owned()),
            creator: Smart::Custom(Some(
                concat!("Vigie ", env!("CARGO_PKG_VERSION")).to_owned(),
            )),
            timestamp: self
                .datetime()
                .and_then(|datetime| typst_pdf::Timestamp::new_local(datetime, offset_minutes)),
            ..PdfOptions::default()
        }
    }

    pub(crate) fn datetime(&self) -> Option<Datetime> {
        let local = self.at.to_zoned_datetime(self.tz.clone());
        Datetime::from_ymd_hms(
            i32::from(local.year()),
            local.month().unsigned_abs(),
            local.day().unsigned_abs(),
            local.hour().unsigned_abs(),
            local.minute().unsigned_abs(),
            local.second().unsigned_abs(),
        )
    }
}

fn template_error(errors: &[SourceDiagnostic], world: &ReportWorld) -> ReportError {
    let Some(first) = errors.first() else {
        return ReportError::Template {
            message: "Typst stopped without a reason".to_owned(),
            line: None,
            column: None,
            hint: String::new(),
        };
    };
    let start = world.range(first.span).map(|range| range.start);
    let lines = world.template().lines();
    let one_based = |index: usize| index + 1;
    let hint = first.hints.iter().fold(String::new(), |hints, hint| {
        format!("{hints}\nhint: {}", hint.v)
    });
    ReportError::Template {
        message: first.message.to_string(),
        line: start
            .and_then(|start| lines.byte_to_line(start))
            .map(one_based),
        column: start
            .and_then(|start| lines.byte_to_column(start))
            .map(one_based),
        hint,
    }
}

#[cfg(test)]
mod tests {
    use typst::layout::{Frame, FrameItem};
    use vigie_core::{
        analysis::PeriodKind,
        text::{Language, Text},
    };

    use super::*;
    use crate::sample;

    fn day() -> Analysis {
        sample::analysis(sample::paris(), PeriodKind::Day)
    }

    fn in_language(language: Language) -> ReportOptions {
        ReportOptions {
            language,
            template: None,
            dashboard_url: None,
            edition: None,
        }
    }

    fn gather(frame: &Frame, text: &mut String) {
        for (_, item) in frame.items() {
            match item {
                FrameItem::Group(group) => gather(&group.frame, text),
                FrameItem::Text(item) => text.push_str(&item.text),
                _ => {}
            }
        }
    }

    /// The text that is on the pages, without spaces: where lines break is of no interest here.
    fn text_of(analysis: &Analysis, options: &ReportOptions) -> String {
        let world = world_of(analysis, options).unwrap();
        let Warned { output, warnings } = typst::compile::<PagedDocument>(&world);
        assert!(warnings.is_empty(), "{warnings:?}");
        let mut text = String::new();
        for page in output.unwrap().pages() {
            gather(&page.frame, &mut text);
        }
        text.retain(|letter| !letter.is_whitespace() && letter != '\u{200B}');
        text
    }

    #[test]
    fn the_words_figures_and_credits_are_on_the_pages() {
        let french = text_of(&day(), &in_language(Language::Fr));
        for expected in [
            "Lundi23novembre2026",
            "15204vélos",
            "−8312MW",
            "Autolib",
            "ODbL-1.0",
            "Aucunedonnée",
            "Donnéessimulées",
            "岩手県",
            "Петропавловск",
            "éCO₂mix",
        ] {
            assert!(
                french.contains(expected),
                "`{expected}` is missing: {french}"
            );
        }
        let english = text_of(&day(), &in_language(Language::En));
        for expected in [
            "Monday23November2026",
            "15,204bikes",
            "−8312MW",
            "Nodata",
            "Simulateddata",
        ] {
            assert!(
                english.contains(expected),
                "`{expected}` is missing: {english}"
            );
        }
    }

    #[test]
    fn hostile_titles_are_printed_as_they_are() {
        let mut analysis = day();
        analysis.sources[1].title = Text::same("#panic() *x* $a$ <script>");
        let text = text_of(&analysis, &in_language(Language::En));
        assert!(text.contains("#panic()*x*$a$<script>"), "{text}");
    }

    #[test]
    fn series_of_unlike_sizes_are_drawn_side_by_side() {
        let mut analysis = sample::analysis(sample::earth(), PeriodKind::Week);
        analysis.sources[5].chart = Some(sample::slow_rates(&analysis));
        let text = text_of(&analysis, &in_language(Language::Fr));
        assert!(text.contains("USD1,15"), "{text}");
    }

    #[test]
    fn a_report_without_sources_says_so() {
        let mut analysis = day();
        analysis.sources.clear();
        let text = text_of(&analysis, &in_language(Language::En));
        assert!(text.contains("Nosourceisenabled"), "{text}");
    }

    #[test]
    fn a_template_of_the_user_replaces_the_built_in_one() {
        let template = "#let r = json(\"/report.json\")\nBonjour #r.zone #datetime.today().year()";
        let options = ReportOptions {
            template: Some(template.into()),
            ..in_language(Language::Fr)
        };
        assert_eq!(text_of(&day(), &options), "BonjourParis2026");
    }
}

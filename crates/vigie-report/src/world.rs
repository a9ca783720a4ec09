//! What Typst may see while it compiles a report: the template, the data and the embedded fonts.
//! No file system, no network, no clock.

use std::sync::LazyLock;

use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult, PackageError},
    foundations::{Bytes, Datetime, Duration},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};

/// Where the template stands, as errors name it.
pub(crate) const TEMPLATE_PATH: &str = "/report.typ";
/// Where the template finds the view.
pub(crate) const VIEW_PATH: &str = "/report.json";
/// Where the template finds the analysis, to attach it.
pub(crate) const ANALYSIS_PATH: &str = "/analysis.json";

struct Shared {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let files: [&'static [u8]; 5] = [
        include_bytes!("../fonts/SourceSans3-Regular.otf"),
        include_bytes!("../fonts/SourceSans3-It.otf"),
        include_bytes!("../fonts/SourceSans3-Semibold.otf"),
        include_bytes!("../fonts/SourceSans3-Bold.otf"),
        include_bytes!("../fonts/DroidSansFallbackFull.ttf"),
    ];
    let fonts: Vec<Font> = files
        .into_iter()
        .filter_map(|file| Font::new(Bytes::new(file), 0))
        .collect();
    Shared {
        library: LazyHash::new(Library::default()),
        book: LazyHash::new(FontBook::from_fonts(&fonts)),
        fonts,
    }
});

/// The files of one report.
pub(crate) struct ReportWorld {
    template: Source,
    view: (FileId, Bytes),
    others: Vec<(FileId, Bytes)>,
    today: Option<Datetime>,
}

impl ReportWorld {
    /// A world with that template, view and other files by path, in which today is always `today`.
    pub(crate) fn new(
        template: String,
        view: String,
        others: Vec<(String, String)>,
        today: Option<Datetime>,
    ) -> Self {
        Self {
            template: Source::new(file_id(TEMPLATE_PATH), template),
            view: (file_id(VIEW_PATH), Bytes::from_string(view)),
            others: others
                .into_iter()
                .map(|(path, text)| (file_id(&path), Bytes::from_string(text)))
                .collect(),
            today,
        }
    }

    /// The template, to find the line of an error.
    pub(crate) fn template(&self) -> &Source {
        &self.template
    }
}

fn file_id(path: &str) -> FileId {
    let path = VirtualPath::new(path)
        .expect("paths are constant, or made of identifiers: absolute and plain");
    RootedPath::new(VirtualRoot::Project, path).intern()
}

fn not_here(id: FileId) -> FileError {
    match id.get().root() {
        VirtualRoot::Package(package) => {
            FileError::Package(PackageError::NotFound(package.clone()))
        }
        VirtualRoot::Project => FileError::NotFound(id.get().vpath().get_without_slash().into()),
    }
}

impl World for ReportWorld {
    fn library(&self) -> &LazyHash<Library> {
        &SHARED.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &SHARED.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() {
            Ok(self.template.clone())
        } else {
            Err(not_here(id))
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.template.id() {
            return Ok(Bytes::from_string(self.template.clone().text().to_owned()));
        }
        std::iter::once(&self.view)
            .chain(&self.others)
            .find(|(known, _)| *known == id)
            .map(|(_, bytes)| bytes.clone())
            .ok_or_else(|| not_here(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        SHARED.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        self.today
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_font_is_readable() {
        assert_eq!(SHARED.fonts.len(), 5);
        let families: Vec<&str> = SHARED.book.families().map(|(family, _)| family).collect();
        assert_eq!(families, ["Droid Sans Fallback", "Source Sans 3"]);
    }
}

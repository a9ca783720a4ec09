//! The manifest beside each raw file: where the body came from, when, and its hash.

use std::{collections::BTreeMap, fmt::Write as _, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use twox_hash::XxHash3_128;
use vigie_core::capture::Capture;

/// The version of the manifest's format that this program writes; it reads this and all before.
pub const FORMAT: u32 = 1;

/// What is added to a raw file's name to name its manifest.
pub const SUFFIX: &str = ".manifest.json";

/// The longest header value that is kept, in bytes.
const HEADER_BYTES_MAX: usize = 1024;

/// The only response headers that a manifest keeps. Everything else stays out, so that no cookie or token
/// that a provider may send ends up on the disk.
const HEADERS_KEPT: [&str; 15] = [
    "age",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "server",
];

/// What the provider's answer said besides the body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The address that answered, after redirects, with secrets replaced by the caller.
    pub final_url: Option<String>,
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// `Content-Encoding` of the transfer, as sent. The raw file is the decoded body.
    pub content_encoding: Option<String>,
    /// Selected response headers, names in lower case. Values have secrets replaced by the caller.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Answer {
    /// Keeps those of the response's headers that are worth keeping and hold no credentials.
    #[must_use]
    pub fn with_headers<'a>(
        mut self,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            if is_kept(&name) {
                let end = value.floor_char_boundary(HEADER_BYTES_MAX);
                let kept = value.get(..end).unwrap_or_default().to_owned();
                self.headers.insert(name, kept);
            }
        }
        self
    }
}

fn is_kept(name: &str) -> bool {
    HEADERS_KEPT.contains(&name) || name.starts_with("x-ratelimit-")
}

/// The content of a manifest file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format: [`FORMAT`].
    pub format: u32,
    /// The capture, as the ledger has it at the time of landing (or of quarantine, with the reason).
    pub capture: Capture,
    /// What the provider's answer said.
    #[serde(default)]
    pub answer: Answer,
    /// XXH3 (128 bits) of the body, in hexadecimal: what the body is checked against when it is read, fifty times as fast as by its
    /// SHA-256, which says the same to others. Absent in manifests of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xxh3: Option<String>,
}

impl Manifest {
    /// The manifest of a capture. Headers that must not be kept are dropped, whoever put them there.
    pub fn new(capture: Capture, mut answer: Answer) -> Self {
        answer.headers.retain(|name, _| is_kept(name));
        Self {
            format: FORMAT,
            capture,
            answer,
            xxh3: None,
        }
    }

    /// The manifest with the quick hash of the body.
    #[must_use]
    pub fn with_quick_hash(mut self, body: &[u8]) -> Self {
        self.xxh3 = Some(xxh3(body));
        self
    }

    /// The file's bytes: JSON for people, ending with a line end.
    ///
    /// # Panics
    ///
    /// Never: a manifest has nothing that JSON cannot say.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .expect("a manifest has only text keys and finite numbers");
        bytes.push(b'\n');
        bytes
    }

    /// Reads a manifest file.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadManifest> {
        /// Enough to say that a newer program wrote it, whatever else that one changed.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(BadManifest::Json)?;
        if head.format > FORMAT {
            return Err(BadManifest::Newer { found: head.format });
        }
        serde_json::from_slice(bytes).map_err(BadManifest::Json)
    }
}

/// XXH3 of 128 bits, in hexadecimal.
pub fn xxh3(body: &[u8]) -> String {
    format!("{:032x}", XxHash3_128::oneshot(body))
}

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    /// It is no JSON, or not of this form.
    #[error("not a manifest (restore it, or delete it to have the raw file adopted as it is)")]
    Json(#[source] serde_json::Error),
    /// A newer program wrote it.
    #[error("of format {found}, and this program knows {FORMAT} at most: update vigie")]
    Newer {
        /// The format that the file says.
        found: u32,
    },
}

/// The SHA-256 of a body, in lower-case hexadecimal.
pub fn sha256(body: &[u8]) -> String {
    hexadecimal(&Sha256::digest(body))
}

/// Computes the same of what is written into it.
#[derive(Debug, Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(crate) fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_headers_are_kept() {
        let answer = Answer::default().with_headers([
            ("ETag", "\"1\""),
            ("Set-Cookie", "session=1"),
            ("Authorization", "Bearer x"),
            ("X-RateLimit-Remaining", "9"),
            ("X-Api-Key", "k"),
            ("Server", "é".repeat(2000).as_str()),
        ]);
        let names: Vec<&str> = answer.headers.keys().map(String::as_str).collect();
        assert_eq!(names, ["etag", "server", "x-ratelimit-remaining"]);
        assert_eq!(answer.headers["server"].len(), 1024);
    }

    #[test]
    fn a_newer_format_is_refused_with_the_remedy() {
        let error = Manifest::parse(br#"{"format": 9, "other": true}"#).unwrap_err();
        assert!(error.to_string().contains("update vigie"), "{error}");
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

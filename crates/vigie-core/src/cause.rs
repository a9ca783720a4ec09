//! Why a capture did not count: one closed list, so that every page, export and monitor says the same word.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::Language;

macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $fr:literal, $en:literal;)+) => {
        /// The named cause of a failure, a quarantine, or the refusal of rows. The capture's reason has the details.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Cause {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Cause {
            /// Every cause.
            pub const ALL: &[Cause] = &[$(Cause::$name),+];

            /// The word used in the ledger, in manifests and exports.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Cause::$name => $word,)+
                }
            }

            /// What it is called for people.
            pub fn label(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Cause::$name, Language::Fr) => $fr, (Cause::$name, Language::En) => $en,)+
                }
            }
        }
    };
}

causes! {
    /// No connection could be made: no such name, nobody listens, no route.
    Connection = "connection", "connexion impossible", "no connection";
    /// The secure connection could not be made: an unknown or expired certificate.
    Tls = "tls", "certificat ou TLS refusé", "certificate or TLS refused";
    /// The answer did not come in time.
    Timeout = "timeout", "délai dépassé", "timed out";
    /// The connection broke in the middle of the answer.
    Reset = "reset", "connexion rompue", "connection broken";
    /// "Too many requests": status 429.
    RateLimited = "rate_limited", "trop de requêtes", "too many requests";
    /// The provider cannot answer now: status 500 to 599.
    Unavailable = "unavailable", "service indisponible", "service unavailable";
    /// Another status that is no success.
    HttpStatus = "http_status", "refus HTTP", "HTTP refusal";
    /// More redirects than are followed.
    RedirectLoop = "redirect_loop", "redirections sans fin", "endless redirects";
    /// A redirect that must not be followed: to another host, which must not learn the key, or to no web address.
    RedirectRefused = "redirect_refused", "redirection refusée", "redirect refused";
    /// An address of a private network, to which nothing is sent unless the user allows it.
    PrivateAddress = "private_address", "adresse privée refusée", "private address refused";
    /// More bytes than are read.
    TooLarge = "too_large", "corps trop gros", "body too large";
    /// A small body that expands to a huge one.
    Bomb = "bomb", "bombe de décompression", "decompression bomb";
    /// The transfer's compression is unknown or broken.
    Compression = "compression", "compression illisible", "unreadable compression";
    /// Nothing, or nothing but blanks.
    Empty = "empty", "corps vide", "empty body";
    /// A page for people in place of data.
    Html = "html", "page HTML au lieu de données", "HTML page instead of data";
    /// Another format than the declared one.
    OtherFormat = "other_format", "autre format", "other format";
    /// Bytes that are no text in the declared encoding.
    Charset = "charset", "mauvais encodage", "wrong character encoding";
    /// The body ends in the middle.
    Truncated = "truncated", "corps tronqué", "truncated body";
    /// Not well-formed.
    Syntax = "syntax", "syntaxe incorrecte", "not well-formed";
    /// Nested more deeply than any honest body.
    TooDeep = "too_deep", "imbrication excessive", "nested too deeply";
    /// More rows than are read.
    TooManyRows = "too_many_rows", "trop de lignes", "too many rows";
    /// What the definition selects is not there.
    NoSelection = "no_selection", "structure inconnue", "unknown structure";
    /// The provider says, in the body, that it could not answer.
    ProviderError = "provider_error", "erreur du fournisseur", "error of the provider";
    /// Fewer rows than the source always has.
    TooFew = "too_few", "trop peu de lignes", "too few rows";
    /// Far fewer rows than usual.
    Shrunken = "shrunken", "brusque rétrécissement", "suddenly shrunken";
    /// Most rows cannot be read.
    MostlyRefused = "mostly_refused", "lignes illisibles", "unreadable rows";
    /// Rows of times that have not come yet.
    Future = "future", "dates dans le futur", "rows from the future";
    /// The values have jumped as if they were in another unit.
    OtherUnit = "other_unit", "autre unité", "other unit";
    /// A body of the past, served again.
    Repeated = "repeated", "ancien contenu resservi", "old content again";
    /// None of the identifiers that came before.
    Renumbered = "renumbered", "identifiants changés", "identifiers changed";
    /// More entities than a source may have.
    TooManyEntities = "too_many_entities", "trop d’entités", "too many entities";
    /// Some rows or values were refused, each for a reason.
    RowsRefused = "rows_refused", "lignes ou valeurs refusées", "rows or values refused";
    /// The raw file is not what landed.
    Altered = "altered", "fichier modifié", "file altered";
    /// The raw file's manifest cannot be read, or is that of another source.
    Manifest = "manifest", "manifeste illisible", "unreadable manifest";
}

impl Cause {
    /// The cause of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|cause| cause.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cause_has_its_own_word_and_labels() {
        let distinct = |of: fn(Cause) -> &'static str| {
            let texts: BTreeSet<_> = Cause::ALL.iter().map(|cause| of(*cause)).collect();
            texts.len()
        };
        assert_eq!(distinct(Cause::as_str), Cause::ALL.len());
        assert_eq!(
            distinct(|cause| cause.label(Language::Fr)),
            Cause::ALL.len()
        );
        assert_eq!(
            distinct(|cause| cause.label(Language::En)),
            Cause::ALL.len()
        );
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(*cause));
            let json = serde_json::to_value(cause).unwrap();
            assert_eq!(json, cause.as_str());
        }
        assert_eq!(Cause::parse("bad_luck"), None);
    }
}

//! Why a capture did not count: one closed list, so that every page, export and monitor says the same word.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::Language;

macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $fr:literal, $en:literal, $fr_long:literal, $en_long:literal;)+) => {
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

            /// What happened and what it means, in a sentence for people. The details are in the capture's reason.
            pub fn sentence(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Cause::$name, Language::Fr) => $fr_long, (Cause::$name, Language::En) => $en_long,)+
                }
            }
        }
    };
}

causes! {
    /// No connection could be made: no such name, nobody listens, no route.
    Connection = "connection", "connexion impossible", "no connection",
        "Le fournisseur n’a pu être joint : nom inconnu, machine qui ne répond pas, ou réseau coupé.",
        "The provider could not be reached: no such name, no machine that answers, or no network.";
    /// The secure connection could not be made: an unknown or expired certificate.
    Tls = "tls", "certificat ou TLS refusé", "certificate or TLS refused",
        "Le certificat du fournisseur n’est pas valable ; rien n’a été demandé.",
        "The provider’s certificate is not valid; nothing was asked.";
    /// The answer did not come in time.
    Timeout = "timeout", "délai dépassé", "timed out",
        "La réponse n’est pas arrivée à temps.",
        "The answer did not come in time.";
    /// The connection broke in the middle of the answer.
    Reset = "reset", "connexion rompue", "connection broken",
        "La connexion s’est rompue au milieu de la réponse ; ce qui était arrivé n’est pas retenu.",
        "The connection broke in the middle of the answer; what had come is not kept.";
    /// "Too many requests": status 429.
    RateLimited = "rate_limited", "trop de requêtes", "too many requests",
        "Le fournisseur demande d’espacer les requêtes ; Vigie attend autant qu’il le souhaite.",
        "The provider asks for fewer requests; Vigie waits for as long as it wishes.";
    /// The provider cannot answer now: status 500 to 599.
    Unavailable = "unavailable", "service indisponible", "service unavailable",
        "Le service du fournisseur est en panne ou en maintenance ; Vigie réessaie de plus en plus rarement.",
        "The provider’s service is down or under maintenance; Vigie tries again, ever less often.";
    /// Another status that is no success.
    HttpStatus = "http_status", "refus HTTP", "HTTP refusal",
        "Le fournisseur a refusé la requête : adresse changée, clé refusée, ou demande incorrecte.",
        "The provider refused the request: a changed address, a refused key, or a wrong question.";
    /// More redirects than are followed.
    RedirectLoop = "redirect_loop", "redirections sans fin", "endless redirects",
        "Le fournisseur renvoie d’adresse en adresse sans fin.",
        "The provider sends on from address to address without end.";
    /// A redirect that must not be followed: to another host, which must not learn the key, or to no web address.
    RedirectRefused = "redirect_refused", "redirection refusée", "redirect refused",
        "Le fournisseur renvoie vers une adresse qu’il ne faut pas suivre : elle apprendrait la clé, ou n’est pas du Web.",
        "The provider sends on to an address that must not be followed: it would learn the key, or is no web address.";
    /// An address of a private network, to which nothing is sent unless the user allows it.
    PrivateAddress = "private_address", "adresse privée refusée", "private address refused",
        "L’adresse mène à un réseau privé ; rien n’y est envoyé sans l’accord de `http.allow_private`.",
        "The address leads to a private network; nothing is sent there unless `http.allow_private` says so.";
    /// More bytes than are read.
    TooLarge = "too_large", "corps trop gros", "body too large",
        "La réponse dépasse la taille admise par `http.body_bytes_max`.",
        "The answer is larger than `http.body_bytes_max` allows.";
    /// A small body that expands to a huge one.
    Bomb = "bomb", "bombe de décompression", "decompression bomb",
        "La réponse, petite une fois compressée, se déploie hors de toute mesure.",
        "The answer, small while compressed, expands beyond all measure.";
    /// The transfer's compression is unknown or broken.
    Compression = "compression", "compression illisible", "unreadable compression",
        "La compression de la réponse est inconnue ou abîmée.",
        "The compression of the answer is unknown or broken.";
    /// Nothing, or nothing but blanks.
    Empty = "empty", "corps vide", "empty body",
        "La réponse est vide ; ce n’est pas un zéro, et rien n’est compté.",
        "The answer is empty; that is no zero, and nothing is counted.";
    /// A page for people in place of data.
    Html = "html", "page HTML au lieu de données", "HTML page instead of data",
        "Le fournisseur a envoyé une page Web, souvent un message d’erreur, à la place de données.",
        "The provider sent a web page, often an error message, in place of data.";
    /// Another format than the declared one.
    OtherFormat = "other_format", "autre format", "other format",
        "La réponse n’est pas du format annoncé.",
        "The answer is not of the declared format.";
    /// Bytes that are no text in the declared encoding.
    Charset = "charset", "mauvais encodage", "wrong character encoding",
        "Le texte n’est pas dans l’encodage annoncé.",
        "The text is not in the declared encoding.";
    /// The body ends in the middle.
    Truncated = "truncated", "corps tronqué", "truncated body",
        "La réponse s’arrête en plein milieu.",
        "The answer ends in the middle.";
    /// Not well-formed.
    Syntax = "syntax", "syntaxe incorrecte", "not well-formed",
        "La réponse est mal formée et ne peut être lue.",
        "The answer is not well-formed and cannot be read.";
    /// Nested more deeply than any honest body.
    TooDeep = "too_deep", "imbrication excessive", "nested too deeply",
        "La réponse est imbriquée au-delà de `limits.nesting_max`.",
        "The answer is nested more deeply than `limits.nesting_max` allows.";
    /// More rows than are read.
    TooManyRows = "too_many_rows", "trop de lignes", "too many rows",
        "La réponse a plus de lignes que `limits.rows_max` n’en admet.",
        "The answer has more rows than `limits.rows_max` allows.";
    /// What the definition selects is not there.
    NoSelection = "no_selection", "structure inconnue", "unknown structure",
        "Ce que la définition cherche dans la réponse n’y est plus : le fournisseur en a changé la structure.",
        "What the definition looks for in the answer is not there any more: the provider has changed its structure.";
    /// The provider says, in the body, that it could not answer.
    ProviderError = "provider_error", "erreur du fournisseur", "error of the provider",
        "Le fournisseur dit, dans sa réponse même, qu’il n’a pas pu répondre.",
        "The provider says, in the answer itself, that it could not answer.";
    /// Fewer rows than the source always has.
    TooFew = "too_few", "trop peu de lignes", "too few rows",
        "La réponse a moins de lignes que cette source n’en a toujours.",
        "The answer has fewer rows than this source always has.";
    /// Far fewer rows than usual.
    Shrunken = "shrunken", "brusque rétrécissement", "suddenly shrunken",
        "La réponse a bien moins de lignes que les précédentes ; elle est mise de côté plutôt que crue.",
        "The answer has far fewer rows than the ones before; it is set aside rather than believed.";
    /// Most rows cannot be read.
    MostlyRefused = "mostly_refused", "lignes illisibles", "unreadable rows",
        "La plupart des lignes ne se lisent pas ; la réponse est mise de côté tout entière.",
        "Most rows cannot be read; the whole answer is set aside.";
    /// Rows of times that have not come yet.
    Future = "future", "dates dans le futur", "rows from the future",
        "Des lignes portent des dates qui ne sont pas encore venues.",
        "Rows carry dates that have not come yet.";
    /// The values have jumped as if they were in another unit.
    OtherUnit = "other_unit", "autre unité", "other unit",
        "Les valeurs ont sauté comme si le fournisseur avait changé d’unité.",
        "The values have jumped as if the provider had changed the unit.";
    /// A body of the past, served again.
    Repeated = "repeated", "ancien contenu resservi", "old content again",
        "Le fournisseur ressert une réponse du passé comme si elle était neuve.",
        "The provider serves an answer of the past again as if it were new.";
    /// None of the identifiers that came before.
    Renumbered = "renumbered", "identifiants changés", "identifiers changed",
        "Aucun identifiant n’est de ceux d’avant ; les séries en seraient coupées.",
        "None of the identifiers is one of those before; the series would be cut.";
    /// More entities than a source may have.
    TooManyEntities = "too_many_entities", "trop d’entités", "too many entities",
        "La source a plus d’entités que `limits.entities_max` n’en admet ; les nouvelles sont refusées.",
        "The source has more entities than `limits.entities_max` allows; new ones are refused.";
    /// Some rows or values were refused, each for a reason.
    RowsRefused = "rows_refused", "lignes ou valeurs refusées", "rows or values refused",
        "Des lignes ou des valeurs ne sont pas plausibles et sont refusées ; les autres comptent.",
        "Some rows or values are not plausible and are refused; the others count.";
    /// The raw file is not what landed.
    Altered = "altered", "fichier modifié", "file altered",
        "Le fichier brut n’est plus celui qui a été reçu ; il n’est pas cru.",
        "The raw file is not the one that landed any more; it is not believed.";
    /// The raw file's manifest cannot be read, or is that of another source.
    Manifest = "manifest", "manifeste illisible", "unreadable manifest",
        "Le manifeste du fichier brut ne se lit pas ou nomme une autre source.",
        "The raw file’s manifest cannot be read or names another source.";
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
        for language in [Language::Fr, Language::En] {
            let sentences: BTreeSet<_> = Cause::ALL
                .iter()
                .map(|cause| cause.sentence(language))
                .collect();
            assert_eq!(sentences.len(), Cause::ALL.len());
            for sentence in sentences {
                assert!(sentence.ends_with('.'), "{sentence}");
            }
        }
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(*cause));
            let json = serde_json::to_value(cause).unwrap();
            assert_eq!(json, cause.as_str());
        }
        assert_eq!(Cause::parse("bad_luck"), None);
    }
}

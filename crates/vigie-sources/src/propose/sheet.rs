//! The sheet of a proposal: what a body says nothing of.

use super::{
    Wishes,
    write::{Writer, duration, quoted},
};
use crate::Domain;

/// What a user who has not said the address gets: a name that never leads anywhere.
const NOWHERE: &str = "https://todo.invalid/";

impl Writer<'_> {
    /// From the identifier to the request.
    pub(super) fn sheet(&mut self, wishes: &Wishes<'_>) {
        self.comment(
            "Proposé par `vigie sources new` d’après un corps. Tout ce qui porte TODO est à compléter ou à vérifier ;",
            "Proposed by `vigie sources new` from a body. Whatever says TODO is for you to fill in or to check;",
        );
        self.comment(
            "la référence du format est catalogue/README.md.",
            "the format is described in catalogue/README.md.",
        );
        self.line(&format!("id = {}", quoted(wishes.id.as_str())));
        let words: Vec<&str> = Domain::ALL.iter().map(|domain| domain.as_str()).collect();
        let domain = self.draft.domain.unwrap_or("web-activity");
        self.noted(
            &format!("domain = {}", quoted(domain)),
            &format!("TODO vérifier ; au choix : {}", words.join(", ")),
            &format!("TODO check; one of {}", words.join(", ")),
        );
        self.noted(
            &format!("docs = {}", quoted(NOWHERE)),
            "TODO la page où le fournisseur décrit le flux",
            "TODO the page where the provider documents the feed",
        );
        self.noted(
            "zones = { earth = true }",
            "TODO où il s’applique : { countries = [\"FR\"] }, { continents = [\"EU\"] }…",
            "TODO where it applies: { countries = [\"FR\"] }, { continents = [\"EU\"] }…",
        );
        let title = wishes.id.as_str().replace(['-', '_'], " ");
        let text = |fr: &str, en: &str| format!("{{ fr = {}, en = {} }}", quoted(fr), quoted(en));
        self.noted(
            &format!("title = {}", text(&title, &title)),
            "TODO le titre, dans les deux langues",
            "TODO the title, in both languages",
        );
        let todo = text("TODO", "TODO");
        for (key, fr, en) in [
            (
                "description",
                "ce que c’est, en une phrase ou deux",
                "what it is, in a sentence or two",
            ),
            ("content", "ce que dit une ligne", "what a row says"),
            (
                "periodicity",
                "à quel rythme le fournisseur publie, avec quel retard",
                "how often the provider publishes, and how late",
            ),
        ] {
            self.noted(&format!("{key} = {todo}"), fr, en);
        }
        self.line("");
        self.line("[provider]");
        self.line("name = \"TODO\"");
        let origin = wishes
            .url
            .and_then(origin)
            .unwrap_or_else(|| NOWHERE.to_owned());
        self.noted(
            &format!("url = {}", quoted(&origin)),
            "TODO vérifier",
            "TODO check",
        );
        self.line("");
        self.line("[schedule]");
        let step = self.draft.step;
        let collect = step.map_or(900, |step| step.clamp(300, 86_400));
        self.noted(
            &format!("collect = {}", quoted(&duration(collect))),
            "TODO notre rythme : pas plus vite que les conditions du fournisseur ne le permettent",
            "TODO our rhythm: no faster than the provider's terms allow",
        );
        match step {
            Some(step) => self.noted(
                &format!("publishes = {}", quoted(&duration(step))),
                "l’écart habituel entre les heures du corps",
                "the usual distance between the times of the body",
            ),
            None => self.comment(
                "publishes = \"15m\"  # le rythme du fournisseur, par entité, s’il est régulier",
                "publishes = \"15m\"  # the provider's rhythm per entity, if it is regular",
            ),
        }
        let stale = (collect.max(step.unwrap_or(0)) * 4).max(21_600);
        self.noted(
            &format!("stale_after = {}", quoted(&duration(stale))),
            "TODO l’âge à partir duquel le contenu est trop vieux",
            "TODO the age at which content is too old",
        );
        self.line("");
        self.line("[access]");
        self.noted(
            "kind = \"open\"",
            "TODO ou \"key\", avec env = \"VIGIE_KEY_…\" et signup = \"https://…\"",
            "TODO or \"key\", with env = \"VIGIE_KEY_…\" and signup = \"https://…\"",
        );
        self.comment(
            "limits = [{ requests = 60, per = \"1h\" }]  # ce que le fournisseur autorise",
            "limits = [{ requests = 60, per = \"1h\" }]  # what the provider allows",
        );
        self.line("");
        self.line("[rights]");
        self.comment(
            "Un corps ne dit pas ce que l’on peut en faire : lisez les conditions du fournisseur.",
            "A body does not say what may be done with it: read the provider's terms.",
        );
        self.noted(
            "licence = \"TODO\"",
            "identifiant SPDX, ou le nom que donne le fournisseur",
            "SPDX identifier, or the provider's own words",
        );
        self.noted(
            &format!("url = {}", quoted(NOWHERE)),
            "TODO la page des conditions",
            "TODO the page of the terms",
        );
        self.noted(
            "attribution = \"TODO\"",
            "imprimée sous chaque graphique",
            "printed under every chart",
        );
        self.noted(
            "archive = \"doubtful\"",
            "TODO allowed, forbidden ou doubtful",
            "TODO allowed, forbidden or doubtful",
        );
        self.noted("republish = \"doubtful\"", "TODO de même", "TODO likewise");
        self.line("");
        self.line("[request]");
        match wishes.url {
            Some(url) => self.line(&format!(
                "url = {}",
                quoted(&url.replace('{', "%7B").replace('}', "%7D"))
            )),
            None => self.noted(
                &format!("url = {}", quoted(NOWHERE)),
                "TODO l’adresse ; {zone.lat}, {key}… y sont remplacés",
                "TODO the address; {zone.lat}, {key}… are replaced in it",
            ),
        }
        self.line("");
    }
}

/// The scheme and host of an address.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#', '{']).next()?;
    let host = host.rsplit('@').next()?;
    (!host.is_empty()).then(|| format!("{scheme}://{host}/"))
}

//! The settings in a backup: as they are, but for secrets and the address of the store.

use std::fs;

use vigie_store::open::without_credentials;

use super::at;
use crate::{
    app::App,
    config::FILE_NAME,
    failure::{Failure, Outcome},
    output,
};

/// The variable with the address of the webhook, where the settings must not hold it.
const WEBHOOK_VARIABLE: &str = "VIGIE_WEBHOOK";

/// The text of `vigie.toml`, in which neither the store's address has a password nor the webhook's a token.
pub(super) fn settings_without_secrets(app: &App) -> Outcome<String> {
    let file = app.root().join(FILE_NAME);
    let mut text = fs::read_to_string(&file).map_err(|error| at(&file, error))?;
    let config = app.config();
    let bare = without_credentials(&config.store.uri);
    if bare != config.store.uri {
        output::note(
            "the password in store.uri is not in the backup: set VIGIE_MONGODB_USER and VIGIE_MONGODB_PASSWORD",
        );
        text = with_store(&text, &bare)?;
    }
    let webhook = config.notify.webhook.as_deref();
    if webhook.is_some_and(|address| !address.starts_with("env:")) {
        output::note(&format!(
            "the address in notify.webhook is not in the backup: set {WEBHOOK_VARIABLE}"
        ));
        text = with_setting(
            &text,
            "notify",
            "webhook",
            &format!("env:{WEBHOOK_VARIABLE}"),
        )?;
    }
    Ok(text)
}

/// The settings with another address of the store.
pub(super) fn with_store(text: &str, uri: &str) -> Outcome<String> {
    with_setting(text, "store", "uri", uri)
}

/// The settings with another text under a key; all else is kept, comments too.
fn with_setting(text: &str, table: &str, key: &str, value: &str) -> Outcome<String> {
    let mut settings: toml_edit::DocumentMut = text.parse().map_err(Failure::usage)?;
    settings
        .entry(table)
        .or_insert_with(toml_edit::table)
        .as_table_like_mut()
        .ok_or_else(|| Failure::usage(format!("vigie.toml: `{table}` is no table")))?
        .insert(key, toml_edit::value(value));
    Ok(settings.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    const ZONE: &str = "[zone]\nname = { fr = \"Paris\", en = \"Paris\" }\nscale = \"city\"\n\
        bbox = [2.2, 48.8, 2.5, 48.9]\ncentre = { lon = 2.35, lat = 48.86 }\ntime_zone = \"Europe/Paris\"\n";

    #[test]
    fn an_address_that_holds_a_token_is_replaced() {
        let text = format!("{ZONE}[notify]\nwebhook = \"https://h.example/t0ken\" # where\n");
        let new = with_setting(&text, "notify", "webhook", "env:VIGIE_WEBHOOK").unwrap();
        let config = config::parse(Path::new(FILE_NAME), &new).unwrap();
        assert_eq!(config.notify.webhook.as_deref(), Some("env:VIGIE_WEBHOOK"));
        assert!(!new.contains("t0ken"), "{new}");
    }

    #[test]
    fn the_address_of_the_store_is_replaced_wherever_it_is() {
        for text in [
            ZONE.to_owned(),
            format!("{ZONE}[store]\n"),
            format!(
                "{ZONE}[store]\n# where\nuri = \"sqlite:a.db\" # here\n[raw]\nafter = \"keep\"\n"
            ),
            format!("{ZONE}[store]\n[raw]\nafter = \"keep\"\n"),
        ] {
            let new = with_store(&text, "mongodb://b/c").unwrap();
            let config = config::parse(Path::new(FILE_NAME), &new).unwrap();
            assert_eq!(config.store.uri, "mongodb://b/c", "{new}");
            assert_eq!(
                text.contains("keep"),
                config.raw.after == config::After::Keep
            );
        }
    }
}

//! Who may read the dashboard, and what its pages may do.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use vigie_core::secret::Secret;

use super::{Shared, assets};
use crate::failure::{Failure, Outcome};

/// The environment variable that holds the token.
const TOKEN: &str = "VIGIE_TOKEN";
/// The cookie that carries it once the page was opened with `?token=…`.
const COOKIE: &str = "vigie_token";

/// What pages may do. Of scripts they run the files of this server, and what is written into its page, by its hash; they ask
/// nobody but this server, and the origins from which the map has its tiles.
pub(super) fn policy(map: &BTreeSet<String>) -> HeaderValue {
    let inline: String = assets::inline_scripts().map(hash_source).collect();
    let map: String = map.iter().flat_map(|origin| [" ", origin]).collect();
    let policy = format!(
        "default-src 'none'; script-src 'self'{inline}; \
        style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'{map}; font-src 'self'; \
        worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn hash_source(script: &str) -> String {
    format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
}

/// Who may read.
#[derive(Debug)]
pub(crate) enum Guard {
    /// On loopback: whoever is on this machine, by its own names only, so that a foreign page cannot read through
    /// a name that it points here.
    Loopback,
    /// Elsewhere: whoever has the token.
    Token(Secret),
}

/// The token of this server, if it has one.
pub(super) fn token() -> Option<Secret> {
    let token = std::env::var(TOKEN).ok()?;
    (token.len() >= 16).then(|| Secret::new(token))
}

impl Guard {
    /// The guard of an address.
    pub(crate) fn for_address(listen: SocketAddr) -> Outcome<Self> {
        if listen.ip().is_loopback() {
            return Ok(Guard::Loopback);
        }
        match token() {
            Some(token) => Ok(Guard::Token(token)),
            None => Err(
                Failure::usage(format!("{listen} can be reached from other machines")).hint(
                    format!(
                        "set {TOKEN} to a secret of at least 16 characters, or listen on 127.0.0.1"
                    ),
                ),
            ),
        }
    }

    fn lets_in(&self, request: &Request) -> bool {
        match self {
            Guard::Loopback => request
                .headers()
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .is_some_and(is_loopback_name),
            Guard::Token(token) => {
                let given = bearer(request.headers())
                    .or_else(|| cookie(request.headers()))
                    .or_else(|| in_query(request));
                given.is_some_and(|given| same(given, token.expose()))
            }
        }
    }
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// Compares digests, so that the time taken says nothing of the token.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a) == Sha256::digest(b)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies
        .split(';')
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn in_query(request: &Request) -> Option<&str> {
    request
        .uri()
        .query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="))
}

/// Lets in who may read.
pub(super) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    if !guard.lets_in(&request) {
        return match *guard {
            Guard::Loopback => (
                StatusCode::FORBIDDEN,
                "ask by the name localhost or 127.0.0.1",
            )
                .into_response(),
            Guard::Token(_) => (
                StatusCode::UNAUTHORIZED,
                "open the page with ?token=… (see VIGIE_TOKEN)",
            )
                .into_response(),
        };
    }
    let from_query = in_query(&request).is_some();
    let mut response = next.run(request).await;
    if let (Guard::Token(token), true) = (guard.as_ref(), from_query) {
        let value = format!(
            "{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/",
            token.expose()
        );
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            response.headers_mut().insert(header::SET_COOKIE, value);
        }
    }
    response
}

/// Says what pages may do.
pub(super) async fn headers(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        shared.ground.policy.clone(),
    );
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for name in ["127.0.0.1:8470", "localhost:1", "[::1]:80", "127.0.0.2"] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in [
            "evil.example:8470",
            "localhost.evil.example",
            "10.0.0.1",
            "",
        ] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }

    #[test]
    fn scripts_in_the_page_are_allowed_one_by_one() {
        let empty = hash_source("");
        assert_eq!(
            empty,
            " 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
        );
        let policy = policy(&BTreeSet::new());
        let policy = policy.to_str().unwrap();
        let of_scripts = policy
            .split("; ")
            .find(|part| part.starts_with("script-src"));
        let of_scripts = of_scripts.unwrap();
        assert!(!of_scripts.contains("unsafe"), "{policy}");
        let inline: Vec<_> = assets::inline_scripts().collect();
        assert_eq!(inline.len(), 2, "{inline:?}");
        for script in inline {
            assert!(of_scripts.contains(&hash_source(script)), "{policy}");
        }
    }

    #[test]
    fn pages_ask_nobody_but_the_server_and_the_origins_of_the_map() {
        let asks = |origins: &[&str]| {
            let policy = policy(&origins.iter().map(|origin| (*origin).to_owned()).collect());
            let policy = policy.to_str().unwrap().to_owned();
            let part = policy
                .split("; ")
                .find(|part| part.starts_with("connect-src"));
            part.unwrap().to_owned()
        };
        assert_eq!(asks(&[]), "connect-src 'self'");
        assert_eq!(
            asks(&["https://tiles.example.org"]),
            "connect-src 'self' https://tiles.example.org"
        );
    }

    #[test]
    fn another_address_needs_a_token() {
        assert!(Guard::for_address(([0, 0, 0, 0], 80).into()).is_err());
    }
}

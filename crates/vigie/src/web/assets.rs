//! The embedded page.

use axum::{
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/assets.rs"));
}

/// Serves a file of the page. Names under `/assets/` hold a hash of their content and never change.
pub(super) async fn asset(uri: Uri, asked: HeaderMap) -> Response {
    let path = if uri.path() == "/" {
        "/index.html"
    } else {
        uri.path()
    };
    let Some((_, bytes, zipped)) = embedded::ASSETS.iter().find(|(name, ..)| *name == path) else {
        return (StatusCode::NOT_FOUND, "not found").into_response();
    };
    let lasting = path.starts_with("/assets/");
    let cache = if lasting {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, content_type(path)),
        (header::CACHE_CONTROL, cache),
        (header::VARY, "accept-encoding"),
    ];
    let accepts = asked
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    if accepts.is_some_and(|accepts| accepts.contains("gzip")) {
        return (headers, [(header::CONTENT_ENCODING, "gzip")], *zipped).into_response();
    }
    (headers, *bytes).into_response()
}

/// The scripts that are written into the page itself.
pub(super) fn inline_scripts() -> impl Iterator<Item = &'static str> {
    let page = embedded::ASSETS
        .iter()
        .find(|(name, ..)| *name == "/index.html")
        .and_then(|(_, bytes, _)| str::from_utf8(bytes).ok())
        .unwrap_or_default();
    page.split("<script>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</script>"))
        .map(|(script, _)| script)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

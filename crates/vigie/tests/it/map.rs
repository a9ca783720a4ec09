//! What the map is drawn on, and whom the page may ask for it.

use crate::support::{Serving, Workspace};

fn serve(workspace: &Workspace, settings: &str) -> Serving {
    workspace.configure("map", settings);
    Serving::start(workspace.command(&["serve", "--listen", "127.0.0.1:0"]))
}

/// The part of the policy that says whom pages may ask.
fn asks(page: &Serving) -> String {
    let (_, text) = page.get("/");
    let line = text
        .lines()
        .find(|line| line.starts_with("content-security-policy: "));
    let mut parts = line.unwrap().split("; ");
    parts
        .find(|part| part.starts_with("connect-src"))
        .unwrap()
        .to_owned()
}

#[test]
fn without_settings_nobody_else_is_asked() {
    let page = serve(&Workspace::new("Paris"), "");
    assert_eq!(
        page.json("/api/v1/map", 200)["style"],
        serde_json::Value::Null
    );
    assert_eq!(asks(&page), "connect-src 'self'");
    let error = page.json("/api/v1/map/style.json", 404);
    assert_eq!(error["error"], "error: map.style names no file");
}

#[test]
fn a_style_and_its_hosts_may_be_asked() {
    let address = "https://tiles.example.org/streets/style.json?v=2";
    let settings = format!("style = \"{address}\"\nhosts = [\"http://fonts.example.org:8080\"]");
    let page = serve(&Workspace::new("Paris"), &settings);
    assert_eq!(page.json("/api/v1/map", 200)["style"], address);
    assert_eq!(
        asks(&page),
        "connect-src 'self' http://fonts.example.org:8080 https://tiles.example.org"
    );
}

#[test]
fn a_style_of_the_workspace_says_whom_it_needs() {
    let workspace = Workspace::new("Paris");
    let style = r#"{ "version": 8, "glyphs": "https://fonts.example.org/{fontstack}/{range}.pbf",
        "sources": { "a": { "type": "raster", "tiles": ["https://tiles.example.org/{z}/{x}/{y}.png"],
                            "attribution": "<a href=\"https://else.example.org\">Example</a>" } }, "layers": [] }"#;
    std::fs::write(workspace.path().join("map.json"), style).unwrap();
    let page = serve(&workspace, "style = \"map.json\"");
    assert_eq!(
        page.json("/api/v1/map", 200)["style"],
        "/api/v1/map/style.json"
    );
    assert_eq!(page.json("/api/v1/map/style.json", 200)["version"], 8);
    assert_eq!(
        asks(&page),
        "connect-src 'self' https://fonts.example.org https://tiles.example.org"
    );
    // What is wrong with it is said when it is asked for; the page is served all the same.
    for (text, reason) in [("{", "map.json: EOF"), ("", "map.json: EOF")] {
        std::fs::write(workspace.path().join("map.json"), text).unwrap();
        let error = page.json("/api/v1/map/style.json", 404)["error"].to_string();
        assert!(error.contains(reason), "{error}");
    }
    std::fs::remove_file(workspace.path().join("map.json")).unwrap();
    let error = page.json("/api/v1/map/style.json", 404)["error"].to_string();
    assert!(error.contains("no such file"), "{error}");
}

#[test]
fn places_are_those_of_the_box() {
    let page = serve(&Workspace::new("Paris"), "");
    let names = |path: &str| -> Vec<String> {
        let answer = page.json(path, 200);
        assert!(answer["attribution"].as_str().unwrap().contains("GeoNames"));
        let places = answer["places"].as_array().unwrap();
        let name = |place: &serde_json::Value| place["name"]["fr"].as_str().unwrap().to_owned();
        places.iter().map(name).collect()
    };
    let around = names("/api/v1/places?west=-1&south=51&east=1&north=52");
    assert_eq!(around[0], "Londres");
    for path in [
        "/api/v1/places?west=-1&south=52&east=1&north=51",
        "/api/v1/places?west=NaN&south=51&east=1&north=52",
        "/api/v1/places?west=-1&south=51&east=1",
        "/api/v1/places?west=-1&south=51&east=1&north=52&limit=9",
    ] {
        let error = page.json(path, 400);
        assert!(error["error"].is_string(), "{path}: {error}");
    }
}

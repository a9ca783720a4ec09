//! What the map is drawn on, and whom the page may ask for it.

use std::fs;

use crate::support::{Serving, Workspace, wait_until};

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
    assert_eq!(error["error"], "map.style names no file");
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
fn hosts_alone_open_nothing() {
    let page = serve(
        &Workspace::new("Paris"),
        "hosts = [\"https://tiles.example.org\"]",
    );
    assert_eq!(asks(&page), "connect-src 'self'");
}

#[test]
fn a_style_of_the_workspace_says_whom_it_needs() {
    let workspace = Workspace::new("Paris");
    let file = workspace.path().join("map.json");
    // Its credits, notes and data open nothing, nor does what would be more than a host to a browser.
    let style = r#"{ "version": 8, "glyphs": "https://fonts.example.org/{fontstack}/{range}.pbf",
        "metadata": { "maker": "https://maker.example.org" },
        "sources": {
            "a": { "type": "raster", "tiles": ["https://tiles.example.org/{z}/{x}/{y}.png"],
                   "attribution": "https://else.example.org" },
            "b": { "type": "raster", "tiles": ["https://*", "https://a;script-src-elem", "https://b'self'"] },
            "attribution": { "type": "geojson", "data": "https://data.example.org/a.geojson" },
            "d": { "type": "geojson", "data": { "type": "FeatureCollection", "features": [{ "type": "Feature",
                   "geometry": null, "properties": { "url": "https://shop.example.org" } }] } },
            "c": { "type": "raster", "tiles": ["data:image/png;base64,", "/mine/{z}.png", "file:///etc"] } },
        "layers": [{ "id": "https://layer.example.org" }] }"#;
    fs::write(&file, style).unwrap();
    let page = serve(&workspace, "style = \"map.json\"");
    assert_eq!(
        page.json("/api/v1/map", 200)["style"],
        "/api/v1/map/style.json"
    );
    assert_eq!(page.json("/api/v1/map/style.json", 200)["version"], 8);
    assert_eq!(
        asks(&page),
        "connect-src 'self' https://data.example.org https://fonts.example.org https://tiles.example.org"
    );
    // Another style is another's from SIGHUP on, and one that is wrong is said to who asks for it.
    let policy = page.json("/api/v1/map", 200)["policy"].clone();
    let reread = |text: Option<&str>| {
        match text {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        page.signal("HUP");
    };
    let other = r#"{ "version": 8, "sprite": "https://new.example.org/sprite", "sources": {}, "layers": [] }"#;
    reread(Some(other));
    wait_until("the hosts of the new style", || {
        asks(&page) == "connect-src 'self' https://new.example.org"
    });
    assert_ne!(page.json("/api/v1/map", 200)["policy"], policy);
    let hosts: Vec<String> = (0..65)
        .map(|n| format!("https://h{n}.example.org"))
        .collect();
    let many = serde_json::json!({ "version": 8, "sources": { "a": { "tiles": hosts } } });
    for (text, reason) in [
        (Some("{"), "map.style: map.json: EOF while parsing"),
        (
            Some(&*many.to_string()),
            "map.style: map.json: it names 65 hosts",
        ),
        (None, "map.style: map.json: no such file in the workspace"),
    ] {
        reread(text);
        wait_until(reason, || {
            page.get("/api/v1/map/style.json").1.contains(reason)
        });
        assert_eq!(asks(&page), "connect-src 'self'");
        page.json("/api/v1/map/style.json", 404);
    }
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
    let across = names("/api/v1/places?west=170&south=-45&east=-150&north=25");
    assert!(across.contains(&"Auckland".to_owned()), "{across:?}");
    assert!(across.contains(&"Honolulu".to_owned()), "{across:?}");
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

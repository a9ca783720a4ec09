//! `vigie sources gbfs`: from an identifier in the directory of systems to figures.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
};

use crate::support::Workspace;

const DIRECTORY: &str = "\
Country Code,Name,Location,System ID,URL,Auto-Discovery URL,Supported Versions,Authentication Info
FR,Vélos du Canal,\"Toulouse, France\",canal_toulouse,https://canal.example.org,https://canal.example.org/gbfs.json,1.1 ; 2.3,
FR,Trottoir,Paris,trottoir,https://trottoir.example.org,https://trottoir.example.org/free/gbfs.json,2.3,
DE,Rad \u{1b}[31mHaus,Köln,rad_haus,https://rad.example.org,https://rad.example.org/v3/gbfs.json,3.0,https://rad.example.org/keys
";

/// The files of the networks, by path. One has version 2, one has no stations, one has version 3 and old-fashioned addresses.
const FILES: [(&str, &str); 9] = [
    (
        "/gbfs.json",
        r#"{"last_updated":1795500000,"ttl":0,"version":"2.3","data":{
            "en":{"feeds":[{"name":"station_status","url":"https://canal.example.org/fr/status"}]},
            "fr":{"feeds":[
                {"name":"system_information","url":"https://canal.example.org/fr/system"},
                {"name":"station_information","url":"https://canal.example.org/fr/places"},
                {"name":"station_status","url":"https://canal.example.org/fr/status"}]}}}"#,
    ),
    (
        "/fr/system",
        r#"{"data":{"system_id":"canal_toulouse","name":"Vélos \"du\" Canal","operator":"Ville rose","license_id":"etalab-2.0"}}"#,
    ),
    (
        "/fr/places",
        r#"{"last_updated":1795500000,"data":{"stations":[{"station_id":"7","name":"Capitole","lat":43.6,"lon":1.44,"capacity":20}]}}"#,
    ),
    (
        "/fr/status",
        r#"{"last_updated":1795500000,"data":{"stations":[{"station_id":"7","num_bikes_available":12,"num_docks_available":8,"last_reported":1795500000}]}}"#,
    ),
    (
        "/free/gbfs.json",
        r#"{"data":{"fr":{"feeds":[{"name":"free_bike_status","url":"https://trottoir.example.org/free"}]}}}"#,
    ),
    (
        "/v3/gbfs.json",
        r#"{"version":"3.0","data":{"feeds":[
            {"name":"system_information","url":"http://rad.example.org/v3/system_information"},
            {"name":"station_information.json","url":"http://rad.example.org/v3/station_information"},
            {"name":"station_status","url":"http://rad.example.org/v3/station_status"}]}}"#,
    ),
    (
        "/v3/system_information",
        r#"{"data":{"name":[{"text":"Bike house","language":"en"},{"text":"La maison du vélo","language":"fr"}],
            "attribution_organization_name":[{"text":"Stadt Köln","language":"de"}]}}"#,
    ),
    (
        "/v3/station_information",
        r#"{"last_updated":"2026-11-24T08:00:00Z","data":{"stations":[{"station_id":"a","name":[{"text":"Dom","language":"de"}],"lat":50.94,"lon":6.96}]}}"#,
    ),
    (
        "/v3/station_status",
        r#"{"last_updated":"2026-11-24T08:00:00Z","data":{"stations":[{"station_id":"a","num_vehicles_available":3,"num_docks_available":1,"last_reported":"2026-11-24T08:00:00Z"}]}}"#,
    ),
];

/// Answers with the files of the networks, whatever host was meant.
fn networks() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let path = line.split(' ').nth(1).unwrap().to_owned();
            while stream.read_line(&mut line).unwrap() > 2 {}
            let file = FILES.iter().find(|(name, _)| *name == path);
            let (status, body) = file.map_or((404, ""), |(_, body)| (200, *body));
            let length = body.len();
            let _ = write!(
                stream.get_mut(),
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    });
    base_url
}

struct City {
    workspace: Workspace,
    base_url: String,
}

impl City {
    fn new() -> Self {
        let workspace = Workspace::new("Toulouse");
        fs::write(workspace.path().join("systems.csv"), DIRECTORY).unwrap();
        let base_url = networks();
        Self {
            workspace,
            base_url,
        }
    }

    fn gbfs(&self, more: &[&str]) -> crate::support::Ran {
        let fixed = [
            "sources",
            "gbfs",
            "--directory",
            "systems.csv",
            "--base-url",
        ];
        let all = [&fixed[..], &[&self.base_url], more].concat();
        self.workspace.run(&all)
    }

    /// What the stations of a source counted.
    fn vehicles(&self, source: &str) -> Vec<(String, f64)> {
        let at = ["--now", "2026-11-24T08:20:00Z"];
        self.workspace
            .run(&[&["collect", source][..], &at].concat())
            .ends(0);
        self.workspace
            .run(&[&["summarize", source][..], &at].concat())
            .ends(0);
        let lines = self.workspace.export("summaries");
        lines
            .iter()
            .filter(|line| line["source"] == source && line["measure"] == "vehicles")
            .filter(|line| line["entity"] != "*")
            .map(|line| {
                let entity = line["entity"].as_str().unwrap().to_owned();
                (entity, line["last"].as_f64().unwrap())
            })
            .collect()
    }
}

#[test]
fn a_network_is_added_by_its_identifier_and_counted() {
    let city = City::new();
    let ran = city.gbfs(&["canal_toulouse"]);
    assert!(
        ran.err.contains("vigie collect gbfs-canal-toulouse"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("licen"), "{}", ran.err);
    assert!(ran.ends(0).contains("gbfs-canal-toulouse.toml"));
    let file = city
        .workspace
        .path()
        .join("sources/gbfs-canal-toulouse.toml");
    let text = fs::read_to_string(file).unwrap();
    for line in [
        r#"attribution = "Ville rose""#,
        r#"licence = "etalab-2.0""#,
        r#"status = "https://canal.example.org/fr/status""#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert_eq!(
        city.vehicles("gbfs-canal-toulouse"),
        [("7".to_owned(), 12.0)]
    );
    // The settings that were there are there still.
    let settings = fs::read_to_string(city.workspace.path().join("vigie.toml")).unwrap();
    assert!(settings.starts_with('#') && settings.contains("[sources.gbfs-canal-toulouse]"));
    let again = city.gbfs(&["canal_toulouse"]);
    assert!(again.err.contains("exists"), "{}", again.err);
    again.ends(2);
}

#[test]
fn version_3_is_read_as_well_and_what_is_missing_is_said() {
    let city = City::new();
    let ran = city.gbfs(&["RAD_HAUS"]);
    assert!(
        ran.err.contains("https://rad.example.org/keys"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("licence"), "{}", ran.err);
    ran.ends(0);
    let file = city.workspace.path().join("sources/gbfs-rad-haus.toml");
    let text = fs::read_to_string(file).unwrap();
    for piece in ["Stadt Köln", "https://rad.example.org/v3/station_status"] {
        assert!(text.contains(piece), "{piece} in {text}");
    }
    assert_eq!(city.vehicles("gbfs-rad-haus"), [("a".to_owned(), 3.0)]);
}

#[test]
fn systems_of_the_country_are_listed_and_wrong_ones_are_told() {
    let city = City::new();
    let list = city.gbfs(&[]).ends(0);
    assert!(
        list.contains("canal_toulouse") && list.contains("trottoir"),
        "{list}"
    );
    assert!(!list.contains("rad_haus"), "{list}");
    for (system, told) in [
        ("canal_toulous", "did you mean `canal_toulouse`"),
        ("trottoir", "lists no `station_status`"),
    ] {
        let ran = city.gbfs(&[system]);
        assert!(ran.err.contains(told), "{}", ran.err);
        assert!(!ran.err.contains('\u{1b}'));
    }
    fs::write(city.workspace.path().join("systems.csv"), "a,b\n1,2\n").unwrap();
    let ran = city.gbfs(&[]);
    assert!(ran.err.contains("systems.csv"), "{}", ran.err);
    ran.ends(1);
    assert!(!city.workspace.path().join("sources").exists());
}

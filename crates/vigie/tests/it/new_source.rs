//! `vigie sources new`, and the worked example of the documentation in both languages.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::Path,
};

use crate::support::Workspace;

/// The blocks of a language in a page of the documentation, in order.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(page);
    let text = fs::read_to_string(path).unwrap();
    let start = format!("```{language}\n");
    let blocks = text.split(&start).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// Answers every request with `body`, for as long as the test runs.
fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    address
}

#[test]
fn the_worked_example_goes_from_a_body_to_a_summary() {
    for (page, language) in [("add-a-source.md", "en"), ("ajouter-une-source.md", "fr")] {
        let body = blocks(page, "json").remove(0);
        let [definition, enabled, like]: [String; 3] = blocks(page, "toml").try_into().unwrap();
        let [said, checked]: [String; 2] = blocks(page, "text").try_into().unwrap();
        let workspace = Workspace::new("Lyon");
        fs::write(workspace.path().join("counters.json"), &body).unwrap();

        let file = "city-bike-counters.toml";
        let url = "https://data.example.org/v1/counters.json";
        let new = [
            "sources",
            "new",
            "counters.json",
            "--lang",
            language,
            "--url",
            url,
            "-o",
            file,
        ];
        let ran = workspace.run(&new);
        assert_eq!(ran.err, said, "{page}");
        ran.ends(0);
        let check = ["sources", "check", file, "--sample", "counters.json"];
        let ran = workspace.run(&check);
        assert!(
            ran.err.contains("TODO") && ran.out.contains("3 rows, 0 rows refused"),
            "{ran:#?}"
        );
        // What was edited is never replaced.
        let ran = workspace.run(&new);
        assert!(ran.err.contains("exists"), "{ran:#?}");
        ran.ends(2);

        fs::write(workspace.path().join(file), &definition).unwrap();
        let ran = workspace.run(&check);
        assert_eq!(
            (ran.err.as_str(), ran.out.as_str()),
            ("", checked.as_str()),
            "{page}"
        );

        fs::create_dir(workspace.path().join("sources")).unwrap();
        fs::copy(
            workspace.path().join(file),
            workspace.path().join("sources").join(file),
        )
        .unwrap();
        let settings = workspace.path().join("vigie.toml");
        let text = fs::read_to_string(&settings).unwrap();
        let enabled = enabled.replace("http://127.0.0.1:8000", &serve(body));
        fs::write(settings, format!("{text}\n{enabled}")).unwrap();
        let own = workspace.path().join("sources/velov-lyon.toml");
        fs::write(own, like).unwrap();
        let shown = workspace.run(&["sources", "show", "velov-lyon"]).ends(0);
        assert!(shown.contains("etalab-2.0"), "{shown}");
        let now = ["--now", "2026-11-26T07:10:00Z"];
        for step in ["collect", "summarize"] {
            workspace
                .run(&[&[step, "city-bike-counters"][..], &now].concat())
                .ends(0);
        }
        let summaries = workspace.export("summaries");
        let bikes = summaries.iter().filter(|row| row["measure"] == "bikes");
        let sum: f64 = bikes.map(|row| row["sum"].as_f64().unwrap()).sum();
        assert!((sum - 444.0).abs() < 1e-9, "{summaries:#?}");
        assert!(
            summaries.iter().all(|row| row["entity"] != "B03"),
            "{summaries:#?}"
        );
    }
}

#[test]
fn a_proposal_goes_to_standard_output_and_what_it_reads_beside() {
    let workspace = Workspace::empty();
    fs::write(
        workspace.path().join("My Feed.csv"),
        "code;heure;debit_m3\nA1;2026-11-26T08:00:00+01:00;1,5\nA2;2026-11-26T08:00:00+01:00;2,5\n",
    )
    .unwrap();
    let ran = workspace.run(&["sources", "new", "My Feed.csv", "--lang", "fr"]);
    assert!(ran.err.contains("2 lignes d’observations"), "{ran:#?}");
    let text = ran.ends(0);
    for line in [
        "id = \"my-feed\"",
        "delimiter = \";\"",
        "decimal_comma = true",
        "entity = \"code\"",
        "[measures.debit_m3]",
    ] {
        assert!(text.contains(line), "`{line}` is not in {text}");
    }
    fs::write(
        workspace.path().join("page.html"),
        "<html><title>Login</title></html>",
    )
    .unwrap();
    let ran = workspace.run(&["sources", "new", "page.html"]);
    assert!(
        ran.err.contains("Login") && ran.err.contains("--format"),
        "{ran:#?}"
    );
    ran.ends(1);
}

//! The format is general: definitions of very different feeds, a few lines each, over recorded
//! bodies, with sums that were computed independently (Python over the same bodies).

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "the same marks for every definition"
)]

use vigie_sources::{BodyError, Definition, Extraction};

use crate::recordings::{bodies, folder, read};

/// A definition of which only the part that makes rows matters.
pub(crate) fn define(rows: &str) -> Definition {
    let sheet = r##"
        id = "ad-hoc"
        domain = "weather"
        docs = "https://example.org/"
        title = { fr = "t", en = "t" }
        description = { fr = "d", en = "d" }
        content = { fr = "c", en = "c" }
        periodicity = { fr = "p", en = "p" }
        provider = { name = "p", url = "https://example.org/" }
        zones = { earth = true }
        schedule = { collect = "1h", stale_after = "1d" }
        access = { kind = "open" }
        request = { url = "https://example.org/" }
        rights = { licence = "CC0-1.0", url = "https://example.org/", attribution = "a", archive = "allowed", republish = "allowed" }
    "##;
    let text = format!("{sheet}\n{rows}").replace(
        "MEASURE",
        "title = { fr = \"m\", en = \"m\" }, unit = \"1\"",
    );
    Definition::parse("ad-hoc.toml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// All bodies of a recording whose names contain `part`, as one.
fn read_all(source: &str, part: &str, rows: &str) -> Option<Extraction> {
    let folder = folder(source)?;
    let definition = define(rows);
    let mut all: Extraction = Extraction::default();
    let mut count = 0;
    for (name, body) in bodies(&folder) {
        if !name.contains(part) {
            continue;
        }
        count += 1;
        let one = read(&definition, &body).unwrap_or_else(|error| panic!("{name}: {error}"));
        all.rows.extend(one.rows);
        all.refused_rows += one.refused_rows;
        all.refused_values += one.refused_values;
        all.empty_rows += one.empty_rows;
        all.refusals.extend(one.refusals);
    }
    assert!(count > 0, "{source}: no body");
    Some(all)
}

fn check(all: &Extraction, rows: usize, refused_rows: u64, sums: &[f64]) {
    let shown: Vec<_> = all
        .refusals
        .iter()
        .take(5)
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        (all.rows.len(), all.refused_rows, all.refused_values),
        (rows, refused_rows, 0),
        "{shown:#?}"
    );
    for (index, expected) in sums.iter().enumerate() {
        let sum: f64 = all.rows.iter().filter_map(|row| row.values[index]).sum();
        assert!(
            (sum - expected).abs() <= expected.abs() * 1e-9,
            "measure {index}: {sum} for {expected}"
        );
    }
}

fn seconds(all: &Extraction) -> i64 {
    all.rows.iter().map(|row| row.observed_at.as_second()).sum()
}

#[test]
fn open_meteo_has_arrays_as_columns() {
    let Some(all) = read_all(
        "open-meteo-forecast",
        "",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "hourly", columns = "time", horizon = "7d" }
        [fields]
        entity = "{$.latitude},{$.longitude}"
        observed_at = { path = "time[#]", time_zone = { path = "$.timezone" } }
        point = { lon = "$.longitude", lat = "$.latitude" }
        [measures]
        temperature = { MEASURE, path = "temperature_2m[#]" }
    "##,
    ) else {
        return;
    };
    check(&all, 26_880, 0, &[721_677.2]);
    assert_eq!(seconds(&all), 48_049_124_659_200);
    assert!(all.rows[0].point.is_some());
}

#[test]
fn opensky_has_rows_without_names() {
    let Some(all) = read_all(
        "opensky-states-all",
        "",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "states[*]", horizon = "1d" }
        [fields]
        entity = "[0]"
        observed_at = { path = "[3]", format = "epoch_s" }
        name = "[1]"
        point = { lon = "[5]", lat = "[6]" }
        [measures]
        speed = { MEASURE, path = "[9]" }
        altitude = { MEASURE, path = ["[13]", "[7]"] }
    "##,
    ) else {
        return;
    };
    check(&all, 15_992, 224, &[2_777_517.54]);
    assert_eq!(all.empty_rows, 3);
    assert_eq!(all.refusals[0].reason, "the observed time is missing");
}

#[test]
fn the_bank_of_russia_writes_windows_1251_and_decimal_commas() {
    let Some(all) = read_all(
        "cbr-xml-daily",
        "daily",
        r##"
        format = { kind = "xml", decimal_comma = true }
        rows = { model = "observations", select = "ValCurs.Valute[*]", horizon = "7d" }
        [fields]
        entity = "CharCode"
        name = "Name"
        observed_at = { path = "$.ValCurs.@Date", format = "%d.%m.%Y", time_zone = "Europe/Moscow" }
        [measures]
        value = { MEASURE, path = "Value" }
        nominal = { MEASURE, path = "Nominal" }
    "##,
    ) else {
        return;
    };
    check(&all, 54, 0, &[2_782.521_3]);
    assert_eq!(all.rows[0].name.as_deref(), Some("Австралийский доллар"));
    assert_eq!(all.rows[0].observed_at.to_string(), "2026-04-24T21:00:00Z");
}

#[test]
fn openaq_names_its_measures_in_the_rows() {
    let Some(all) = read_all(
        "openaq-v1",
        "20200321T10211",
        r##"
        format = { kind = "json" }
        [rows]
        model = "observations"
        select = "results[*].measurements[*]"
        where = { path = "unit", is = "µg/m³" }
        pivot = { name = "parameter", value = "value" }
        horizon = "7d"
        [fields]
        entity = "^.location"
        observed_at = "lastUpdated"
        attributes = { city = "^.city" }
        [measures]
        pm25 = { MEASURE }
        pm10 = { MEASURE }
        nitrogen_dioxide = { MEASURE, names = ["no2"] }
        other = { MEASURE, names = ["o3", "so2", "co", "bc"] }
    "##,
    ) else {
        return;
    };
    let count = |index: usize| {
        all.rows
            .iter()
            .filter(|row| row.values[index].is_some())
            .count()
    };
    assert_eq!((count(0), count(1), count(2)), (69, 65, 77));
    let mut keys: Vec<_> = all
        .rows
        .iter()
        .map(|row| (row.entity.clone(), row.observed_at))
        .collect();
    assert!(
        all.rows
            .iter()
            .any(|row| row.values.iter().flatten().count() >= 3),
        "rows are not joined"
    );
    keys.sort();
    assert!(!keys.is_empty());
}

#[test]
fn coingecko_has_maps_and_no_time() {
    let rows = r##"
        format = { kind = "json" }
        [rows]
        model = "observations"
        select = "${*}{*}"
        errors = ["error", { path = "status.error_code", message = "status.error_message" }]
        horizon = "1d"
        [fields]
        entity = "{^#key}/{#key}"
        observed_at = "#fetched_at"
        [measures]
        price = { MEASURE, path = "." }
    "##;
    let Some(all) = read_all("coingecko-simple-price", "", rows) else {
        return;
    };
    check(&all, 7, 0, &[449_940.394_342]);
    assert_eq!(all.rows[0].entity.as_str(), "bitcoin/usd");
    let definition = define(rows);
    assert!(definition.times_are_fetch_times());
    for (name, body) in bodies(&folder("coingecko-simple-price").unwrap().join("errors")) {
        let error = read(&definition, &body).unwrap_err();
        assert!(
            matches!(&error, BodyError::Provider { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn quakeml_is_nested_xml_with_repeated_children() {
    let Some(all) = read_all(
        "fdsn-quakeml",
        "",
        r##"
        format = { kind = "xml" }
        rows = { model = "events", select = "quakeml.eventParameters.event[*]", horizon = "30d" }
        [fields]
        key = "@publicID"
        observed_at = { path = "origin.time.value", time_zone = "UTC" }
        title = "description[type=earthquake name].text"
        point = { lon = "origin.longitude.value", lat = "origin.latitude.value" }
        attributes = { type = "type", agency = "creationInfo.agencyID" }
        [measures]
        magnitude = { MEASURE, path = "magnitude.mag.value" }
        depth = { title = { fr = "p", en = "d" }, unit = "km", from = "m", path = "origin.depth.value" }
        magnitudes = { MEASURE, path = "magnitude", length = true }
    "##,
    ) else {
        return;
    };
    check(&all, 25, 0, &[146.11]);
    assert!(all.rows.iter().all(|row| row.point.is_some()));
    assert!(all.rows.iter().any(|row| row.values[2] > Some(1.0)));
    assert!(all.rows.iter().any(|row| row.name.is_some()));
}

#[test]
fn rss_feeds_are_events() {
    let Some(all) = read_all(
        "nhc-rss-atlantic",
        "",
        r##"
        format = { kind = "xml" }
        rows = { model = "events", select = "rss.channel.item[*]", horizon = "7d" }
        [fields]
        key = "guid"
        observed_at = { path = "pubDate", format = "rfc2822" }
        published_at = { path = "$.rss.channel.pubDate", format = "rfc2822" }
        title = "title"
        attributes = { text = "description", link = "link" }
    "##,
    ) else {
        return;
    };
    check(&all, 342, 0, &[]);
    assert_eq!(seconds(&all), 602_470_866_915);
    let outlook = all
        .rows
        .iter()
        .find(|row| row.attributes["text"].contains("ABNT20"))
        .unwrap();
    assert!(
        outlook.attributes["text"].starts_with("000<br />ABNT20"),
        "markup is kept as text"
    );
    assert!(all.rows[0].published_at.is_some());
}

#[test]
fn csv_headers_may_come_late() {
    let rows = r##"
        format = { kind = "csv", skip_until = "Series ID" }
        rows = { model = "observations", horizon = "7d" }
        [fields]
        entity = { constant = "AUD" }
        observed_at = { path = "Series ID", format = "%d-%b-%Y", time_zone = "Australia/Sydney", at = "16:00" }
        [measures]
        usd = { MEASURE, path = "FXRUSD" }
    "##;
    let Some(all) = read_all("rba-f11-csv", "", rows) else {
        return;
    };
    check(&all, 808, 0, &[532.6432]);
    assert_eq!(all.rows[0].observed_at.to_string(), "2023-01-03T05:00:00Z");
}

#[test]
fn csv_columns_may_be_entities() {
    let rows = r##"
        format = { kind = "csv" }
        [rows]
        model = "observations"
        select = "[*]{*}"
        where = { path = "#key", not = "DATE" }
        horizon = "7d"
        [fields]
        entity = "#key"
        observed_at = { path = "^.DATE", format = "%d %b %Y", time_zone = "Europe/London" }
        [measures]
        rate = { MEASURE, path = "." }
    "##;
    let Some(all) = read_all("bank-of-england-iadb", "", rows) else {
        return;
    };
    check(&all, 104, 0, &[12_282.851_4]);
    assert_eq!(all.rows[0].entity.as_str(), "XUDLUSS");
}

#[test]
fn dates_and_times_may_stand_apart() {
    let Some(all) = read_all(
        "nasa-firms-modis",
        "",
        r##"
        format = { kind = "csv" }
        rows = { model = "events", horizon = "7d" }
        [fields]
        key = "{acq_date}T{acq_time} {satellite} {latitude} {longitude}"
        observed_at = { path = "{acq_date} {acq_time}", format = "%Y-%m-%d %H%M", time_zone = "UTC" }
        point = { lon = "longitude", lat = "latitude" }
        [measures]
        power = { MEASURE, path = "frp" }
    "##,
    ) else {
        return;
    };
    check(&all, 35_304, 0, &[1_212_469.27]);
    assert_eq!(seconds(&all), 61_278_110_595_480);
}

#[test]
fn gbfs_lists_of_one_member_objects_are_searched() {
    let Some(all) = read_all(
        "velib-station-status",
        "",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "data.stations[*]", horizon = "2d" }
        [fields]
        entity = "station_id"
        observed_at = { path = "last_reported", format = "epoch_s", nulls = 0 }
        [measures]
        bikes = { MEASURE, path = "num_bikes_available" }
        mechanical = { MEASURE, path = "num_bikes_available_types[*].mechanical" }
        ebikes = { MEASURE, path = "num_bikes_available_types[*].ebike" }
    "##,
    ) else {
        return;
    };
    assert_eq!(all.rows.len() as u64 + all.refused_rows, 2_980);
    let sum = |index: usize| -> f64 { all.rows.iter().filter_map(|row| row.values[index]).sum() };
    assert!((sum(1) + sum(2) - sum(0)).abs() < 1e-9);
}

#[test]
fn numbers_may_be_texts_with_units_to_convert() {
    let Some(all) = read_all(
        "nhc-current-storms",
        "",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "activeStorms[*]", horizon = "7d" }
        [fields]
        entity = "id"
        name = "name"
        observed_at = "lastUpdate"
        point = { lon = "longitudeNumeric", lat = "latitudeNumeric" }
        attributes = { class = { path = "classification", map = { HU = "hurricane", TS = "tropical storm" } } }
        [measures]
        wind = { title = { fr = "v", en = "w" }, path = "intensity", from = "[kn_i]", unit = "m/s" }
        pressure = { MEASURE, path = "pressure" }
    "##,
    ) else {
        return;
    };
    check(&all, 476, 0, &[17_149.005_555_555]);
    assert!(
        all.rows
            .iter()
            .any(|row| row.attributes["class"] == "hurricane")
    );
}

#[test]
fn envelopes_may_differ_and_ranks_are_places() {
    let rows = r##"
        format = { kind = "json" }
        [rows]
        model = "observations"
        select = ["items[*].articles[*]", "articles[*]"]
        errors = ["detail"]
        horizon = "7d"
        [fields]
        entity = "{project}/{article}"
        observed_at = { path = "{^.year}-{^.month}-{^.day}", time_zone = "UTC" }
        [measures]
        views = { MEASURE, kind = "counter", path = "views_ceil" }
        rank = { MEASURE, kind = "rank", path = "rank" }
        place = { MEASURE, kind = "rank", path = "#position" }
    "##;
    let Some(all) = read_all("wikimedia-pageviews-top-per-country", "", rows) else {
        return;
    };
    check(&all, 11_997, 0, &[184_857_200.0]);
    let definition = define(rows);
    let errors = folder("wikimedia-pageviews-top-per-country")
        .unwrap()
        .join("errors");
    for (name, body) in bodies(&errors) {
        let error = read(&definition, &body).unwrap_err();
        let is_expected = match error {
            BodyError::Provider { .. } => name.ends_with("404.json"),
            BodyError::NoSelection { .. } => name.ends_with("null.json"),
            _ => false,
        };
        assert!(is_expected, "{name}");
    }
}

#[test]
fn the_first_row_may_hold_the_names() {
    let Some(all) = read_all(
        "swpc-solar-wind-mag",
        "",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "[*]", header = true, horizon = "2d" }
        [fields]
        entity = { constant = "L1" }
        observed_at = { path = "time_tag", time_zone = "UTC" }
        [measures]
        total = { MEASURE, path = "bt" }
    "##,
    ) else {
        return;
    };
    check(&all, 2_747, 0, &[20_298.47]);
}

#[test]
fn member_names_may_be_times() {
    let Some(all) = read_all(
        "alphavantage-daily",
        "",
        r##"
        format = { kind = "json" }
        [rows]
        model = "observations"
        select = "['Time Series (Daily)']{*}"
        errors = ["Note", "Error Message", "Information"]
        horizon = "7d"
        [fields]
        entity = "$['Meta Data']['2. Symbol']"
        observed_at = { path = "#key", time_zone = { path = "$['Meta Data']['5. Time Zone']" }, at = "16:00" }
        [measures]
        close = { MEASURE, path = "['4. close']" }
    "##,
    ) else {
        return;
    };
    check(&all, 9_600, 0, &[1_260_044.84]);
    assert_eq!(seconds(&all), 15_513_367_896_000);
}

#[test]
fn other_members_beside_the_lists_do_no_harm() {
    let Some(all) = read_all(
        "kraken-public",
        "ohlc",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "result{*}[*]", errors = ["error"], horizon = "2d" }
        [fields]
        entity = "^#key"
        observed_at = { path = "[0]", format = "epoch_s" }
        [measures]
        close = { MEASURE, path = "[4]" }
    "##,
    ) else {
        return;
    };
    check(&all, 720, 0, &[2_499_081.842]);
}

#[test]
fn times_may_be_counted_from_a_start() {
    let Some(all) = read_all(
        "entsoe-transparency",
        "FR_prices.xml",
        r##"
        format = { kind = "xml" }
        rows = { model = "observations", select = "Publication_MarketDocument.TimeSeries[*].Period[*].Point[*]", horizon = "7d" }
        [fields]
        entity = "^^['in_Domain.mRID']"
        observed_at = { path = "^.timeInterval.start", plus = { count = "position", from = 1, each = "^.resolution" } }
        published_at = "$.Publication_MarketDocument.createdDateTime"
        [measures]
        price = { MEASURE, path = "['price.amount']" }
    "##,
    ) else {
        return;
    };
    check(&all, 48, 0, &[4_196.87]);
    assert_eq!(seconds(&all), 80_807_760_000);
    assert_eq!(all.rows[0].entity.as_str(), "10YFR-RTE------C");
}

#[test]
fn columns_may_be_missing() {
    let Some(all) = read_all(
        "yahoo-finance-chart",
        "",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "chart.result[*]", columns = "timestamp", errors = ["chart.error.description"], horizon = "7d" }
        [fields]
        entity = "meta.symbol"
        observed_at = { path = "timestamp[#]", format = "epoch_s" }
        [measures]
        close = { MEASURE, path = "indicators.quote[0].close[#]" }
    "##,
    ) else {
        return;
    };
    check(&all, 75, 0, &[33_488.456_6]);
}

#[test]
fn wrong_local_hours_are_refused_alone() {
    let Some(all) = read_all(
        "ree-demanda",
        "1-Baleares",
        r##"
        format = { kind = "json", jsonp = true }
        rows = { model = "observations", select = "valoresHorariosGeneracion[*]", horizon = "7d" }
        [fields]
        entity = { constant = "Baleares" }
        observed_at = { path = "ts", time_zone = "Europe/Madrid" }
        [measures]
        demand = { MEASURE, path = "dem" }
    "##,
    ) else {
        return;
    };
    assert_eq!(all.rows.len() as u64 + all.refused_rows, 361);
    // On the night of the clock change REE writes 2A:00 and 2B:00.
    assert!(
        all.refused_rows > 0 && all.refused_rows <= 24,
        "{}",
        all.refused_rows
    );
    assert!(
        all.refusals
            .iter()
            .all(|refusal| refusal.value.contains('A') || refusal.value.contains('B'))
    );
}

#[test]
fn attributes_of_xml_in_a_legacy_encoding() {
    let rows = r##"
        format = { kind = "xml" }
        rows = { model = "events", select = "eqlist.earhquake[*]", horizon = "30d" }
        [fields]
        key = "{@name} {@lat} {@lng}"
        observed_at = { path = "@name", format = "%Y.%m.%d %H:%M:%S", time_zone = "Europe/Istanbul" }
        title = "@lokasyon"
        point = { lon = "@lng", lat = "@lat" }
        [measures]
        magnitude = { MEASURE, path = "@mag" }
    "##;
    let Some(all) = read_all("koeri-earthquakes", "", rows) else {
        return;
    };
    check(&all, 22_214, 0, &[53_014.3]);
    let definition = define(rows);
    for (name, body) in bodies(&folder("koeri-earthquakes").unwrap().join("errors")) {
        let error = read(&definition, &body).unwrap_err();
        assert!(matches!(error, BodyError::Html { .. }), "{name}: {error}");
    }
}

#[test]
fn members_may_be_entities() {
    let Some(all) = read_all(
        "bank-of-canada-valet",
        "",
        r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "observations[*]{*}", where = { path = "v", exists = true }, horizon = "7d" }
        [fields]
        entity = "#key"
        observed_at = { path = "^.d", time_zone = "America/Toronto", at = "16:30" }
        [measures]
        rate = { MEASURE, path = "v" }
    "##,
    ) else {
        return;
    };
    check(&all, 115, 0, &[56.497_908]);
}

#[test]
fn alerts_of_gtfs_realtime_are_events() {
    let Some(all) = read_all(
        "gtfs-rt-bibus-brest-alerts",
        "",
        r##"
        format = { kind = "gtfs-realtime" }
        rows = { model = "events", select = "entity[*]", where = { path = "alert", exists = true }, horizon = "7d" }
        [fields]
        key = "id"
        observed_at = { path = "alert.active_period[0].start", format = "epoch_s" }
        published_at = { path = "$.header.timestamp", format = "epoch_s" }
        title = ["alert.header_text.translation[language=fr].text", "alert.header_text.translation[0].text"]
        attributes = { cause = "alert.cause", effect = "alert.effect" }
    "##,
    ) else {
        return;
    };
    assert!(!all.rows.is_empty());
    assert!(
        all.rows.iter().all(|row| row.name.is_some()),
        "{:?}",
        all.rows[0]
    );
}

#[test]
fn values_that_mean_none_are_none_in_a_pivot_too() {
    let definition = define(
        r#"
        format = { kind = "json" }
        rows = { model = "observations", select = "[*]", horizon = "1d", pivot = { name = "what", value = "v" } }
        fields = { entity = "id", observed_at = "at" }
        [measures]
        pm = { MEASURE, names = ["PM"], nulls = [-999], range = [0, 500] }
        "#,
    );
    let body = br#"[{"id":"a","at":"2026-01-01T00:00:00Z","what":"PM","v":-999},
                    {"id":"b","at":"2026-01-01T00:00:00Z","what":"PM","v":7}]"#;
    let read = read(&definition, body).unwrap();
    assert_eq!((read.rows.len(), read.refused_values), (1, 0));
    assert_eq!(read.rows[0].values, [Some(7.0)]);
}

#[test]
fn a_table_with_other_columns_is_refused() {
    let definition = define(
        r#"
        format = { kind = "csv" }
        rows = { model = "observations", select = "[*]", horizon = "1d" }
        fields = { entity = "{lat}|{lon}", observed_at = ["time", "date"] }
        [measures]
        m = { MEASURE, path = "v" }
        "#,
    );
    let refused = |body: &[u8]| read(&definition, body).unwrap_err();
    assert_eq!(
        refused(b"foo,bar\n1,2\n"),
        BodyError::NoSelection {
            path: "{lat}|{lon}".to_owned(),
            found: "its columns are foo, bar".to_owned(),
        }
    );
    assert!(matches!(
        refused(b"lat,time\n"),
        BodyError::NoSelection { .. }
    ));
    assert!(matches!(
        refused(b"lat,lon,v\n"),
        BodyError::NoSelection { .. }
    ));
    let good = read(&definition, b"lat,lon,date,v\n1,2,2026-01-01T00:00:00Z,3\n").unwrap();
    assert_eq!(good.rows.len(), 1);
}

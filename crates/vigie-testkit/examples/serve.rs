//! Serves the simulated providers at real speed, to look at them with curl:
//!
//! ```text
//! cargo run -p vigie-testkit --example serve -- 2026-11-24T07:00:00Z
//! curl -s http://127.0.0.1:PORT/api/data/metar
//! ```
//!
//! The virtual time begins at the given instant. A second argument is the speed (1 by default). With
//! a third, `demo`, the faults of the demo happen, counted from the given instant.

use std::{env, error::Error, io::Write};

use jiff::Timestamp;
use vigie_testkit::{FaultPlan, Simulator, SimulatorOptions, VirtualClock};

const PATHS: [&str; 11] = [
    "/earthquakes/feed/v1.0/summary/2.5_day.geojson",
    "/api/data/metar?ids=LFPG,LFPO,LFPB&format=json",
    "/api/explore/v2.1/catalog/datasets/velib-disponibilite-en-temps-reel/exports/json",
    "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records?order_by=date_heure%20desc&limit=100",
    "/stats/eurofxref/eurofxref-daily.xml",
    "/Dataservice/mtagtfsfeeds/nyct%2Fgtfs-ace",
    "/CurrentStorms.json",
    "/api/v1/trends/tags?limit=20",
    "/api/v1/videos?sort=-trending&start=0&count=100",
    "/api/v2/fr/music/most-played/100/albums.json",
    "/api/1.0/deals?onSale=1&sortBy=Recent&pageSize=60",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let start: Timestamp = arguments
        .next()
        .unwrap_or_else(|| "2026-11-24T07:00:00Z".to_owned())
        .parse()?;
    let factor = arguments.next().unwrap_or_else(|| "1".to_owned()).parse()?;
    let faults = match arguments.next().as_deref() {
        Some("demo") => FaultPlan::demo(start),
        _ => FaultPlan::none(),
    };
    let clock = VirtualClock::new(start, factor);
    let options = SimulatorOptions::new(1, clock.as_function()).faults(faults);
    let simulator = Simulator::start(options).await?;
    let mut out = std::io::stdout();
    for path in PATHS {
        writeln!(out, "{}{path}", simulator.base_url())?;
    }
    tokio::signal::ctrl_c().await?;
    simulator.stop().await;
    Ok(())
}

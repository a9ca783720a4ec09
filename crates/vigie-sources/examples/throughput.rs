//! How fast bodies become rows: `cargo run --release -p vigie-sources --example throughput --
//! velib-disponibilite FOLDER [ROUNDS]`, where FOLDER holds bodies of that source.

use std::{env, fs, path::PathBuf, time::Instant};

use jiff::{Timestamp, tz::TimeZone};
use vigie_core::{row::Rows, text::SourceId};
use vigie_sources::{Catalogue, Context, Extractor};

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let id: SourceId = arguments.next().ok_or("which source?")?.parse()?;
    let folder = PathBuf::from(arguments.next().ok_or("which folder of bodies?")?);
    let rounds: u32 = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let definition = Catalogue::embedded().get(&id).ok_or("unknown source")?;
    let mut bodies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension != "toml")
        {
            bodies.push(fs::read(path)?);
        }
    }
    let context = Context {
        fetched_at: Timestamp::UNIX_EPOCH,
        zone_tz: &TimeZone::UTC,
    };
    let mut extractor = Extractor::new(definition);
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let (mut rows, mut best, mut room) = (0, f64::INFINITY, Rows::default());
    for _ in 0..rounds {
        let start = Instant::now();
        rows = 0;
        for body in &bodies {
            room = extractor.extract(body, &context, room)?.rows;
            rows += room.len();
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{bytes} bytes, {rows} rows, best of {rounds}: {:.0} MB/s, {:.0} ns a row",
        bytes as f64 / best / 1e6,
        best * 1e9 / rows as f64
    );
    Ok(())
}

//! Mastodon: the trending hashtags of an instance.
//!
//! The trends are computed anew every five minutes. Each hashtag has its hour, and some days on which few care for it;
//! its counts start again at midnight UTC. Format: <https://docs.joinmastodon.org/methods/trends/#tags>.

use serde::Serialize;

use super::{Ask, Page, World, at_most};
use crate::random::Random;

const DAY: i64 = 86_400;
/// The hashtag, the hour of UTC at which most use it, and how many do on a good day.
const TAGS: [(&str, f64, f64); 48] = [
    ("goodmorning", 6.0, 900.0),
    ("photography", 16.0, 2_400.0),
    ("catsofmastodon", 19.0, 2_100.0),
    ("birds", 8.0, 700.0),
    ("linux", 14.0, 1_500.0),
    ("rustlang", 13.0, 420.0),
    ("opensource", 12.0, 1_100.0),
    ("bookstodon", 20.0, 800.0),
    ("nowplaying", 21.0, 1_300.0),
    ("cycling", 17.0, 620.0),
    ("weather", 7.0, 560.0),
    ("astronomy", 22.0, 480.0),
    ("gardening", 10.0, 540.0),
    ("coffee", 6.5, 660.0),
    ("trains", 8.5, 380.0),
    ("wordgame", 7.5, 1_700.0),
    ("cooking", 18.0, 720.0),
    ("science", 15.0, 1_000.0),
    ("climate", 11.0, 1_200.0),
    ("history", 13.5, 450.0),
    ("maps", 14.5, 310.0),
    ("retrocomputing", 20.5, 520.0),
    ("gamedev", 18.5, 760.0),
    ("knitting", 19.5, 360.0),
    ("watercolour", 16.5, 430.0),
    ("mushrooms", 15.5, 340.0),
    ("autumn", 12.5, 640.0),
    ("aurora", 23.0, 890.0),
    ("stormwatch", 9.0, 510.0),
    ("earthquake", 5.0, 470.0),
    ("concert", 22.5, 290.0),
    ("poetry", 21.5, 390.0),
    ("dogsofmastodon", 17.5, 1_250.0),
    ("museum", 11.5, 270.0),
    ("radio", 7.0, 330.0),
    ("selfhosting", 20.0, 680.0),
    ("fediverse", 13.0, 1_600.0),
    ("accessibility", 15.0, 350.0),
    ("film", 21.0, 590.0),
    ("introduction", 18.0, 840.0),
    ("running", 6.0, 300.0),
    ("chess", 16.0, 260.0),
    ("typography", 12.0, 220.0),
    ("bread", 9.5, 320.0),
    ("sunrise", 5.5, 410.0),
    ("sunset", 17.0, 690.0),
    ("nightsky", 23.5, 460.0),
    ("library", 10.5, 250.0),
];

#[derive(Debug, Serialize)]
struct Tag {
    id: String,
    name: &'static str,
    url: String,
    history: Vec<Count>,
}

#[derive(Debug, Serialize)]
struct Count {
    day: String,
    accounts: String,
    uses: String,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let now = ask.at.as_second().div_euclid(300) * 300;
    let today = now.div_euclid(DAY);
    let ever = |tag, second: i64| {
        let day = second.div_euclid(DAY);
        // Enough of the past for a difference over two hours.
        let before: f64 = (today - 1..day)
            .map(|day| uses(world.seed, tag, day, DAY))
            .sum();
        before + uses(world.seed, tag, day, second.rem_euclid(DAY))
    };
    let mut trends: Vec<(usize, f64)> = (0..TAGS.len())
        .map(|tag| {
            let recent = ever(tag, now) - ever(tag, now - 7_200);
            // What is always much used trends less.
            (tag, recent / TAGS[tag].2.sqrt())
        })
        .collect();
    trends.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let tags: Vec<Tag> = trends
        .iter()
        .take(at_most(ask, "limit", 10, 20))
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, (tag, _))| {
            let name = TAGS[*tag].0;
            Tag {
                id: (1_000 + 37 * tag).to_string(),
                name,
                url: format!("https://mastodon.social/tags/{name}"),
                history: (0..7)
                    .map(|ago| {
                        count(
                            world.seed,
                            *tag,
                            today - ago,
                            (now - (today - ago) * DAY).min(DAY),
                        )
                    })
                    .collect(),
            }
        })
        .collect();
    Page::tagged("application/json; charset=utf-8", &tags)
}

fn count(seed: u64, tag: usize, day: i64, seconds: i64) -> Count {
    let uses = uses(seed, tag, day, seconds).floor();
    let each = Random::keyed(seed, &[0x3a5, tag as u64]).between(1.1, 1.7);
    Count {
        day: (day * DAY).to_string(),
        accounts: (uses / each).ceil().to_string(),
        uses: uses.to_string(),
    }
}

/// How often a hashtag has been used `seconds` after the midnight that begins a day: never less than before.
fn uses(seed: u64, tag: usize, day: i64, seconds: i64) -> f64 {
    let (_, peak, size) = TAGS[tag];
    let mut random = Random::keyed(seed, &[0x3a6, tag as u64, day.cast_unsigned()]);
    let size = size
        * if random.chance(0.35) {
            random.between(0.1, 0.3)
        } else {
            random.between(0.6, 1.5)
        };
    let peak = peak + random.between(-1.5, 1.5);
    let width = random.between(0.6, 2.2);
    let risen = |hour: f64| 1.0 / (1.0 + (-(hour - peak) / width).exp());
    let hour = seconds as f64 / 3600.0;
    size * (0.35 * hour / 24.0 + 0.65 * (risen(hour) - risen(0.0)))
}

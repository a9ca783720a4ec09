//! `PeerTube`: the trending videos of an instance and of those that it federates with.
//!
//! Views are totalled every half hour. Trending is what was viewed most in the past day, so that videos rise within
//! hours of their publication and sink within days. Format: <https://docs.joinpeertube.org/api-rest-reference.html>.

use serde::Serialize;

use super::{Ask, Page, World, at_most, hill, hour_of_day, instant};
use crate::random::Random;

const DAY: i64 = 86_400;
/// Videos that are published a day, and for how many days they may trend.
const A_DAY: i64 = 24;
const DAYS: i64 = 12;
const INSTANCES: [&str; 5] = [
    "framatube.org",
    "videos.example.org",
    "tube.example.net",
    "peertube.example.com",
    "video.example.fr",
];
const SUBJECTS: [&str; 16] = [
    "Le potager",
    "A small robot",
    "Le vélo cargo",
    "The night sky",
    "Une fugue de Bach",
    "Linux on old laptops",
    "La Loire à pied",
    "A wooden boat",
    "Le pain au levain",
    "Free software in schools",
    "Les abeilles",
    "Maps by hand",
    "Un théâtre de papier",
    "The harbour at dawn",
    "La physique des vagues",
    "Repairing a radio",
];
const FORMS: [&str; 8] = [
    "épisode 1",
    "part two",
    "en direct",
    "live",
    "le documentaire",
    "a talk",
    "en dix minutes",
    "for beginners",
];
const CATEGORIES: [(u8, &str); 6] = [
    (1, "Music"),
    (2, "Films"),
    (6, "Travels"),
    (13, "Education"),
    (15, "Science & Technology"),
    (16, "Animals"),
];

#[derive(Debug, Serialize)]
struct Videos {
    total: usize,
    data: Vec<Video>,
}

#[derive(Debug, Serialize)]
struct Label {
    id: Option<u8>,
    label: &'static str,
}

#[derive(Debug, Serialize)]
struct Language {
    id: Option<&'static str>,
    label: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Video {
    id: i64,
    uuid: String,
    url: String,
    name: String,
    category: Label,
    licence: Label,
    language: Language,
    nsfw: bool,
    is_local: bool,
    is_live: bool,
    duration: u32,
    views: i64,
    viewers: i64,
    likes: i64,
    dislikes: i64,
    comments: i64,
    published_at: String,
    #[serde(skip)]
    trend: f64,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let now = ask.at.as_second().div_euclid(1_800) * 1_800;
    let today = now.div_euclid(DAY);
    let serials = (today - DAYS + 1) * A_DAY..(today + 1) * A_DAY;
    let total = 40_000 + serials.start.rem_euclid(10_000).unsigned_abs() as usize;
    let mut videos: Vec<Video> = serials
        .filter_map(|serial| video(world, serial, now))
        .collect();
    videos.sort_by(|left, right| right.trend.total_cmp(&left.trend));
    let start = ask
        .query
        .get("start")
        .and_then(|start| start.parse().ok())
        .unwrap_or(0);
    let data: Vec<Video> = videos
        .into_iter()
        .skip(start)
        .take(at_most(ask, "count", 15, 100))
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, video)| video)
        .collect();
    Page::tagged("application/json; charset=utf-8", &Videos { total, data })
}

/// A video as its counters say at `now`; nothing before its publication.
fn video(world: &World, serial: i64, now: i64) -> Option<Video> {
    let mut random = Random::keyed(world.seed, &[0x9e4, serial.cast_unsigned()]);
    let published = serial.div_euclid(A_DAY) * DAY + random.between(0.0, DAY as f64) as i64;
    if published > now {
        return None;
    }
    let size = 40.0 * random.exponential(1.0).exp().min(400.0);
    let days = random.between(0.4, 2.5);
    // Many views in the first days and a few ever after.
    let views = |second: i64| {
        let age = ((second - published).max(0)) as f64 / DAY as f64;
        size * (1.0 - (-age / days).exp() + 0.02 * age)
    };
    let total = views(now);
    let trend = total - views(now - DAY);
    let awake = 0.2 + hill(hour_of_day(instant(now), &world.paris), 20.0, 5.0);
    let liked = random.between(0.01, 0.06);
    let (high, low) = (random.bits(), random.bits());
    let uuid = format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    );
    let instance = random.below(INSTANCES.len());
    let subject = random.below(SUBJECTS.len());
    let category = *random.pick(&CATEGORIES);
    let language = match subject % 2 {
        0 => (Some("fr"), "French"),
        _ => (Some("en"), "English"),
    };
    let language = if random.chance(0.25) {
        (None, "Unknown")
    } else {
        language
    };
    let licence = if random.chance(0.4) {
        (Some(1), "Attribution")
    } else {
        (None, "Unknown")
    };
    Some(Video {
        id: 300_000 + serial % 100_000,
        url: format!("https://{}/videos/watch/{uuid}", INSTANCES[instance]),
        uuid,
        name: format!(
            "{}, {}",
            SUBJECTS[subject],
            FORMS[random.below(FORMS.len() / 2) * 2 + subject % 2]
        ),
        category: Label {
            id: Some(category.0),
            label: category.1,
        },
        licence: Label {
            id: licence.0,
            label: licence.1,
        },
        language: Language {
            id: language.0,
            label: language.1,
        },
        nsfw: false,
        is_local: instance == 0,
        is_live: false,
        duration: random.between(90.0, 5_400.0) as u32,
        views: total as i64,
        viewers: (trend * awake / 120.0) as i64,
        likes: (total * liked) as i64,
        dislikes: (total * liked / 30.0) as i64,
        comments: (total * liked / 9.0) as i64,
        published_at: instant(published)
            .strftime("%Y-%m-%dT%H:%M:%S.000Z")
            .to_string(),
        trend,
    })
}

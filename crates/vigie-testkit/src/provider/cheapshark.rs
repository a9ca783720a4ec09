//! `CheapShark`: deals on PC games in online shops.
//!
//! The list holds the deals whose price changed last. Shops change prices all the time, and most of them when a
//! shop's day begins on the West coast (17:00 UTC). Format: <https://apidocs.cheapshark.com/>.

use std::collections::HashSet;

use serde::Serialize;

use super::{Ask, Page, World, at_most, hill};
use crate::random::{Random, rounded};

const HOUR: i64 = 3600;
/// Shops by the share of the deals that are theirs: the number counts once for each mention.
const SHOPS: [&str; 10] = ["1", "1", "1", "25", "7", "7", "11", "15", "23", "3"];
const FIRST: [&str; 14] = [
    "Lantern",
    "Orbit",
    "Iron",
    "Paper",
    "Silent",
    "Crystal",
    "Pixel",
    "Ember",
    "Harbour",
    "Clockwork",
    "Winter",
    "Echo",
    "Copper",
    "Wild",
];
const SECOND: [&str; 12] = [
    "Bay",
    "Gardeners",
    "Frontier",
    "Kingdom",
    "Depths",
    "Racer",
    "Tactics",
    "Odyssey",
    "Station",
    "Keepers",
    "Valley",
    "Protocol",
];
const PRICES: [f64; 7] = [4.99, 9.99, 14.99, 19.99, 29.99, 39.99, 59.99];
const DISCOUNTS: [f64; 10] = [0.10, 0.20, 0.25, 0.33, 0.40, 0.50, 0.60, 0.75, 0.85, 0.90];
const RATINGS: [(f64, &str); 4] = [
    (95.0, "Overwhelmingly Positive"),
    (80.0, "Very Positive"),
    (70.0, "Mostly Positive"),
    (0.0, "Mixed"),
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    internal_name: String,
    title: String,
    metacritic_link: Option<String>,
    #[serde(rename = "dealID")]
    deal_id: String,
    #[serde(rename = "storeID")]
    store_id: &'static str,
    #[serde(rename = "gameID")]
    game_id: String,
    sale_price: String,
    normal_price: String,
    is_on_sale: &'static str,
    savings: String,
    metacritic_score: String,
    steam_rating_text: Option<&'static str>,
    steam_rating_percent: String,
    steam_rating_count: String,
    #[serde(rename = "steamAppID")]
    steam_app_id: Option<String>,
    release_date: i64,
    last_change: i64,
    deal_rating: String,
    thumb: &'static str,
}

/// A change of a price.
struct Change {
    second: i64,
    shop: &'static str,
    game: usize,
    discount: f64,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let now = ask.at.as_second();
    let hour = now.div_euclid(HOUR);
    let mut changes: Vec<Change> = (hour - 30..=hour)
        .flat_map(|hour| changes(world.seed, hour))
        .collect();
    changes.retain(|change| change.second <= now - 120);
    changes.sort_by_key(|change| std::cmp::Reverse((change.second, change.shop, change.game)));
    // A shop asks one price for a game: the last one.
    let mut seen = HashSet::new();
    changes.retain(|change| seen.insert((change.shop, change.game)));
    let shop = ask.query.get("storeID").filter(|shop| !shop.is_empty());
    let deals: Vec<Offer> = changes
        .iter()
        .filter(|change| shop.is_none_or(|shop| shop == change.shop))
        .take(at_most(ask, "pageSize", 60, 60))
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, change)| offer(world.seed, change))
        .collect();
    Page::tagged("application/json", &deals)
}

/// The changes of an hour.
fn changes(seed: u64, hour: i64) -> Vec<Change> {
    let mut random = Random::keyed(seed, &[0xdea, hour.cast_unsigned()]);
    let of_day = hour.rem_euclid(24) as f64 + 0.5;
    let count =
        random.poisson(4.0 + 14.0 * hill(of_day, 17.5, 1.2) + 5.0 * hill(of_day, 14.0, 2.0));
    (0..count)
        .map(|_| Change {
            second: hour * HOUR + random.between(0.0, HOUR as f64) as i64,
            shop: SHOPS[random.below(SHOPS.len())],
            game: random.below(FIRST.len() * SECOND.len()),
            discount: *random.pick(&DISCOUNTS),
        })
        .collect()
}

fn offer(seed: u64, change: &Change) -> Offer {
    let mut random = Random::keyed(seed, &[0xdeb, change.game as u64]);
    let title = format!(
        "{} {}",
        FIRST[change.game / SECOND.len()],
        SECOND[change.game % SECOND.len()]
    );
    let normal = *random.pick(&PRICES);
    let sale = rounded(normal * (1.0 - change.discount), 2);
    let score = if random.chance(0.4) {
        0
    } else {
        random.between(58.0, 95.0) as u32
    };
    let percent = random.between(55.0, 99.0).floor();
    let on_steam = random.chance(0.9);
    let text = RATINGS
        .iter()
        .find(|(least, _)| percent >= *least)
        .map(|(_, text)| *text);
    let released = 1_420_070_400 + random.between(0.0, 4_000.0) as i64 * 86_400;
    let slug = title.to_lowercase().replace(' ', "-");
    Offer {
        internal_name: title.to_uppercase().replace(' ', ""),
        metacritic_link: (score > 0).then(|| format!("/game/{slug}/")),
        deal_id: format!(
            "{:016x}{}%3D",
            Random::keyed(seed, &[0xdec, change.game as u64]).bits(),
            change.shop
        ),
        store_id: change.shop,
        game_id: (200_000 + 7 * change.game).to_string(),
        sale_price: format!("{sale:.2}"),
        normal_price: format!("{normal:.2}"),
        is_on_sale: "1",
        savings: format!("{:.6}", (1.0 - sale / normal) * 100.0),
        metacritic_score: score.to_string(),
        steam_rating_text: text.filter(|_| on_steam),
        steam_rating_percent: if on_steam {
            percent.to_string()
        } else {
            "0".to_owned()
        },
        steam_rating_count: if on_steam {
            (random.between(20.0, 9_000.0) as u32).to_string()
        } else {
            "0".to_owned()
        },
        steam_app_id: on_steam.then(|| (400_000 + 10 * change.game).to_string()),
        release_date: released,
        last_change: change.second,
        deal_rating: format!(
            "{:.1}",
            (change.discount * 10.0 + percent / 100.0 - 0.5).clamp(0.0, 10.0)
        ),
        thumb: "https://example.com/thumb.jpg",
        title,
    }
}

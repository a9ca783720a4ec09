//! Watched places.

use vigie_core::{
    row::Point,
    text::Text,
    zone::{Scale, Zone},
};

/// Paris and its surroundings.
pub(crate) fn paris() -> Zone {
    Zone {
        name: Text::same("Paris"),
        scale: Scale::City,
        bbox: [2.22, 48.81, 2.47, 48.91],
        centre: Point::new(2.35, 48.86).expect("in range"),
        country: Some("FR".into()),
        currency: Some("EUR".into()),
        continent: Some("EU".into()),
        time_zone: "Europe/Paris".into(),
    }
}

/// The whole planet.
pub(crate) fn earth() -> Zone {
    Zone {
        name: Text::new("Terre", "Earth"),
        scale: Scale::Earth,
        bbox: [-180.0, -90.0, 180.0, 90.0],
        time_zone: "UTC".into(),
        country: None,
        currency: None,
        continent: None,
        ..paris()
    }
}

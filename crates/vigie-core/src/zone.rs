//! The watched place.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{row::Point, text::Text};

/// How large a zone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// The whole planet.
    Earth,
    /// A continent.
    Continent,
    /// A country.
    Country,
    /// A city.
    City,
}

/// The watched place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its name.
    pub name: Text,
    /// How large it is.
    pub scale: Scale,
    /// Its bounding box: west, south, east, north, in degrees. West is greater than east where it
    /// crosses the antimeridian.
    pub bbox: [f64; 4],
    /// Its centre.
    pub centre: Point,
    /// ISO 3166-1 alpha-2 code of its country, for countries and cities.
    pub country: Option<String>,
    /// ISO 4217 code of its currency, for countries and cities.
    pub currency: Option<String>,
    /// The two-letter code of its continent (AF, AN, AS, EU, NA, OC, SA), but for the Earth.
    pub continent: Option<String>,
    /// IANA name of the time zone in which its hours and days are counted.
    pub time_zone: String,
}

impl Zone {
    /// The time zone in which hours and days are counted.
    ///
    /// # Panics
    /// Never: the name was checked when the zone was built or read, by [`Zone::check`].
    pub fn tz(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// Checks what a hand-written zone may have wrong. The error says which key and what to do.
    pub fn check(&self) -> Result<(), String> {
        TimeZone::get(&self.time_zone).map_err(|_| {
            format!(
                "zone.time_zone: `{}` is not an IANA time zone; write one such as Europe/Paris",
                self.time_zone
            )
        })?;
        let [west, south, east, north] = self.bbox;
        let fits = Point::new(west, south).is_some()
            && Point::new(east, north).is_some()
            && south <= north;
        if !fits {
            return Err("zone.bbox: expected [west, south, east, north] in degrees".to_owned());
        }
        if Point::new(self.centre.lon, self.centre.lat).is_none() {
            return Err("zone.centre: expected degrees, lon −180..180 and lat −90..90".to_owned());
        }
        Ok(())
    }

    /// Whether `point` is inside the bounding box.
    pub fn contains(&self, point: Point) -> bool {
        let [west, south, east, north] = self.bbox;
        let within_lon = if west <= east {
            (west..=east).contains(&point.lon)
        } else {
            point.lon >= west || point.lon <= east
        };
        within_lon && (south..=north).contains(&point.lat)
    }
}

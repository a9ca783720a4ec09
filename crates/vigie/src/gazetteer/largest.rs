//! The cities that a map of a box names.

use std::cmp::Reverse;

use vigie_core::{row::Point, text::Text};

use super::data;

/// A map is divided into so many rows and columns, of which none may have all the names.
const PARTS: usize = 6;
/// So many names of a part are enough, whatever there is elsewhere.
const OF_A_PART_MAX: usize = 5;

/// A city by its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedCity {
    /// Its name.
    pub(crate) name: Text,
    /// Where it is.
    pub(crate) centre: Point,
    /// Inhabitants within its limits.
    pub(crate) population: u64,
}

/// The largest cities of each part of a box (west, south, east, north, in degrees), at most `most`, the largest first. A box may
/// reach beyond 180° and across the antimeridian.
pub(crate) fn largest_cities([west, south, east, north]: [f64; 4], most: usize) -> Vec<NamedCity> {
    let wide = if east - west >= 360.0 {
        360.0
    } else {
        (east - west).rem_euclid(360.0)
    };
    let part =
        |from_edge: f64, length: f64| ((from_edge / length * PARTS as f64) as usize).min(PARTS - 1);
    // Read once in a while, and not kept: it would be some megabytes for as long as the server lives.
    let text = data::cities_text();
    let mut found: Vec<_> = (text.lines())
        .filter_map(|line| {
            let city = data::city(line);
            let across = (city.centre.lon - west).rem_euclid(360.0);
            let up = city.centre.lat - south;
            let inside = across <= wide && (0.0..=north - south).contains(&up);
            let place = (part(across, wide), part(up, north - south));
            inside.then_some((Reverse(city.population), city.id, place, line))
        })
        .collect();
    found.sort_unstable();
    let mut taken = [[0; PARTS]; PARTS];
    let in_turn = found.into_iter().filter(|(_, _, (column, row), _)| {
        let taken = &mut taken[*row][*column];
        *taken += 1;
        *taken <= OF_A_PART_MAX
    });
    let named = in_turn.take(most).map(|(.., line)| {
        let city = data::city(line);
        NamedCity {
            name: Text::new(city.fr, city.en),
            centre: city.centre,
            population: city.population,
        }
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bbox: [f64; 4], most: usize) -> Vec<String> {
        let cities = largest_cities(bbox, most);
        cities.into_iter().map(|city| city.name.en).collect()
    }

    #[test]
    fn a_map_of_a_city_names_its_surroundings() {
        let paris = names([2.22, 48.81, 2.47, 48.91], 60);
        assert_eq!(paris[0], "Paris");
        assert!(paris.len() > 10, "{paris:?}");
        for name in ["Montreuil", "Boulogne-Billancourt"] {
            assert!(paris.iter().any(|known| known == name), "{name}: {paris:?}");
        }
        assert_eq!(names([2.22, 48.81, 2.47, 48.91], 3), paris[..3]);
    }

    #[test]
    fn a_map_of_the_world_names_cities_of_each_part() {
        let world = names([-180.0, -60.0, 180.0, 75.0], 60);
        assert_eq!(world.len(), 60);
        for name in ["London", "Sydney", "Cairo", "New York", "Lima"] {
            assert!(world.iter().any(|known| known == name), "{name}: {world:?}");
        }
        // A map that shows the world more than once.
        assert_eq!(names([-300.0, -60.0, 300.0, 75.0], 60).len(), 60);
    }

    #[test]
    fn a_box_may_reach_across_the_antimeridian() {
        let fiji = names([177.0, -19.0, -178.0, -16.0], 60);
        assert_eq!(names([177.0, -19.0, 182.0, -16.0], 60), fiji);
        assert!(fiji.iter().any(|name| name == "Suva"), "{fiji:?}");
        assert!(names([-30.0, 40.0, -29.0, 41.0], 60).is_empty());
    }
}

//! Where earthquakes happen: a few dozen places along the boundaries of the plates.

/// A place with earthquakes around it.
#[derive(Debug)]
pub(super) struct Region {
    /// A town that distances are measured from, or a region that is named as it is.
    pub(super) name: &'static str,
    /// The name is that of a town.
    pub(super) town: bool,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    /// How far around, in kilometres.
    pub(super) reach: f64,
    /// Earthquakes a day, on average.
    pub(super) a_day: f64,
    /// The seismic network that reports it: its code and the first characters of its event codes.
    pub(super) network: (&'static str, &'static str),
    /// Kilometres, typically.
    pub(super) depth: f64,
    /// Smaller ones are not in the catalogue.
    pub(super) smallest: f64,
    /// The plate boundary can break over hundreds of kilometres.
    pub(super) great: bool,
}

const US: (&str, &str) = ("us", "7000");
const ALASKA: (&str, &str) = ("ak", "02");
const SOUTHERN_CALIFORNIA: (&str, &str) = ("ci", "4");
const NORTHERN_CALIFORNIA: (&str, &str) = ("nc", "7");
const HAWAII: (&str, &str) = ("hv", "7");
const PUERTO_RICO: (&str, &str) = ("pr", "7");
const TEXAS: (&str, &str) = ("tx", "2");
const NEVADA: (&str, &str) = ("nn", "0");

const fn town(
    name: &'static str,
    place: (f64, f64),
    reach: f64,
    a_day: f64,
    depth: f64,
    great: bool,
) -> Region {
    Region {
        name,
        town: true,
        latitude: place.0,
        longitude: place.1,
        reach,
        a_day,
        network: US,
        depth,
        smallest: 4.2,
        great,
    }
}

const fn ridge(name: &'static str, place: (f64, f64), a_day: f64) -> Region {
    Region {
        town: false,
        ..town(name, place, 250.0, a_day, 10.0, false)
    }
}

const fn local(
    name: &'static str,
    place: (f64, f64),
    reach: f64,
    a_day: f64,
    depth: f64,
    network: (&'static str, &'static str),
) -> Region {
    Region {
        network,
        smallest: 2.5,
        ..town(name, place, reach, a_day, depth, false)
    }
}

pub(super) const REGIONS: [Region; 45] = [
    town(
        "Petropavlovsk-Kamchatsky, Russia",
        (53.04, 158.65),
        160.0,
        1.6,
        35.0,
        true,
    ),
    town(
        "Severo-Kuril’sk, Russia",
        (50.68, 156.12),
        180.0,
        1.0,
        45.0,
        true,
    ),
    town("Kuril’sk, Russia", (45.23, 147.88), 150.0, 0.7, 60.0, true),
    town("Miyako, Japan", (39.64, 141.95), 140.0, 0.9, 40.0, true),
    town("Namie, Japan", (37.48, 141.0), 90.0, 0.6, 45.0, true),
    town("Naze, Japan", (28.37, 129.48), 130.0, 0.5, 30.0, false),
    town(
        "Hualien City, Taiwan",
        (23.98, 121.6),
        50.0,
        0.6,
        18.0,
        false,
    ),
    town(
        "Baculin, Philippines",
        (7.45, 126.58),
        90.0,
        0.8,
        45.0,
        true,
    ),
    town(
        "Sarangani, Philippines",
        (5.4, 125.46),
        110.0,
        0.5,
        70.0,
        false,
    ),
    town("Tobelo, Indonesia", (1.73, 128.01), 140.0, 0.7, 60.0, false),
    town(
        "Bengkulu, Indonesia",
        (-3.8, 102.27),
        140.0,
        0.6,
        40.0,
        true,
    ),
    town("Ambon, Indonesia", (-3.7, 128.18), 150.0, 0.7, 30.0, false),
    town(
        "Kokopo, Papua New Guinea",
        (-4.35, 152.26),
        150.0,
        0.9,
        55.0,
        true,
    ),
    town(
        "Panguna, Papua New Guinea",
        (-6.32, 155.49),
        120.0,
        0.7,
        50.0,
        true,
    ),
    town(
        "Lata, Solomon Islands",
        (-10.73, 165.8),
        120.0,
        0.5,
        40.0,
        true,
    ),
    town(
        "Port-Vila, Vanuatu",
        (-17.73, 168.32),
        120.0,
        0.7,
        35.0,
        true,
    ),
    town(
        "Tadine, New Caledonia",
        (-21.55, 167.88),
        190.0,
        0.6,
        12.0,
        false,
    ),
    town("Levuka, Fiji", (-17.68, 178.84), 260.0, 0.9, 520.0, false),
    town("Hihifo, Tonga", (-15.95, -173.79), 160.0, 0.9, 45.0, true),
    town("‘Ohonua, Tonga", (-21.33, -174.95), 180.0, 0.8, 40.0, true),
    town(
        "Gisborne, New Zealand",
        (-38.65, 178.0),
        140.0,
        0.3,
        25.0,
        false,
    ),
    town(
        "San Antonio de los Cobres, Argentina",
        (-24.23, -66.32),
        70.0,
        0.6,
        185.0,
        false,
    ),
    town("Calama, Chile", (-22.46, -68.93), 100.0, 0.7, 105.0, false),
    town("Coquimbo, Chile", (-29.95, -71.34), 90.0, 0.5, 40.0, true),
    town("Lluta, Peru", (-16.01, -72.01), 120.0, 0.4, 80.0, false),
    town(
        "Puerto Madero, Mexico",
        (14.72, -92.42),
        120.0,
        0.6,
        45.0,
        false,
    ),
    town(
        "Jiquilillo, Nicaragua",
        (12.73, -87.44),
        110.0,
        0.4,
        60.0,
        false,
    ),
    town(
        "Ashkāsham, Afghanistan",
        (36.68, 71.53),
        50.0,
        0.6,
        190.0,
        false,
    ),
    town(
        "Murghob, Tajikistan",
        (38.17, 73.96),
        110.0,
        0.5,
        30.0,
        false,
    ),
    town("Shache, China", (38.42, 77.24), 180.0, 0.3, 12.0, false),
    town("Sındırgı, Turkey", (39.24, 28.17), 30.0, 0.3, 10.0, false),
    town(
        "Palaióchora, Greece",
        (35.23, 23.68),
        60.0,
        0.3,
        20.0,
        false,
    ),
    ridge("South Sandwich Islands region", (-57.5, -25.8), 1.0),
    ridge("central Mid-Atlantic Ridge", (0.9, -27.5), 0.6),
    ridge("Southwest Indian Ridge", (-38.0, 48.0), 0.4),
    ridge("southern East Pacific Rise", (-49.0, -115.0), 0.5),
    local(
        "Sand Point, Alaska",
        (55.34, -160.49),
        120.0,
        2.2,
        35.0,
        ALASKA,
    ),
    local("Susitna, Alaska", (61.54, -150.51), 90.0, 1.6, 65.0, ALASKA),
    local("Adak, Alaska", (51.88, -176.65), 140.0, 1.2, 40.0, ALASKA),
    local(
        "Ridgecrest, CA",
        (35.62, -117.67),
        40.0,
        1.3,
        6.0,
        SOUTHERN_CALIFORNIA,
    ),
    local(
        "Petrolia, CA",
        (40.33, -124.29),
        70.0,
        0.9,
        12.0,
        NORTHERN_CALIFORNIA,
    ),
    local("Pāhala, Hawaii", (19.2, -155.48), 18.0, 2.4, 32.0, HAWAII),
    local(
        "Guánica, Puerto Rico",
        (17.97, -66.91),
        40.0,
        1.5,
        13.0,
        PUERTO_RICO,
    ),
    local(
        "Whites City, New Mexico",
        (32.17, -104.37),
        55.0,
        1.4,
        6.0,
        TEXAS,
    ),
    local("Tonopah, Nevada", (38.07, -117.23), 80.0, 1.0, 8.0, NEVADA),
];

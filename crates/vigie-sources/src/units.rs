//! Conversions between units, by their UCUM codes.

/// The scale and offset that turn a value in `from` into one in `to`.
pub(crate) fn conversion(from: &str, to: &str) -> Option<(f64, f64)> {
    if from == to {
        return Some((1.0, 0.0));
    }
    TABLE
        .iter()
        .find(|(a, b, _, _)| *a == from && *b == to)
        .map(|(_, _, scale, offset)| (*scale, *offset))
}

/// The units that can be converted into `to`.
pub(crate) fn sources_of(to: &str) -> Vec<&'static str> {
    TABLE
        .iter()
        .filter(|(_, b, _, _)| *b == to)
        .map(|(a, _, _, _)| *a)
        .collect()
}

/// From, to, scale, offset: `to = from × scale + offset`.
const TABLE: &[(&str, &str, f64, f64)] = &[
    ("[degF]", "Cel", 5.0 / 9.0, -160.0 / 9.0),
    ("K", "Cel", 1.0, -273.15),
    ("[kn_i]", "m/s", 1852.0 / 3600.0, 0.0),
    ("[kn_i]", "km/h", 1.852, 0.0),
    ("km/h", "m/s", 1.0 / 3.6, 0.0),
    ("[mi_i]/h", "m/s", 0.447_04, 0.0),
    ("m/s", "km/h", 3.6, 0.0),
    ("[mi_i]", "km", 1.609_344, 0.0),
    ("[mi_i]", "m", 1609.344, 0.0),
    ("[nmi_i]", "km", 1.852, 0.0),
    ("[ft_i]", "m", 0.3048, 0.0),
    ("[in_i]", "mm", 25.4, 0.0),
    ("m", "km", 0.001, 0.0),
    ("km", "m", 1000.0, 0.0),
    ("mm", "m", 0.001, 0.0),
    ("cm", "m", 0.01, 0.0),
    ("Pa", "hPa", 0.01, 0.0),
    ("kPa", "hPa", 10.0, 0.0),
    ("mbar", "hPa", 1.0, 0.0),
    ("[in_i'Hg]", "hPa", 33.863_89, 0.0),
    ("kW", "MW", 0.001, 0.0),
    ("GW", "MW", 1000.0, 0.0),
    ("kWh", "MWh", 0.001, 0.0),
    ("GWh", "MWh", 1000.0, 0.0),
    ("l/s", "m3/s", 0.001, 0.0),
    ("ms", "s", 0.001, 0.0),
    ("min", "s", 60.0, 0.0),
    ("h", "s", 3600.0, 0.0),
    ("1", "%", 100.0, 0.0),
    ("%", "1", 0.01, 0.0),
    ("[acr_us]", "har", 0.404_687_261, 0.0),
    ("har", "km2", 0.01, 0.0),
    ("ug/m3", "mg/m3", 0.001, 0.0),
    ("mg/m3", "ug/m3", 1000.0, 0.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_converted() {
        let (scale, offset) = conversion("[degF]", "Cel").unwrap();
        assert!((212.0 * scale + offset - 100.0).abs() < 1e-9);
        let (scale, _) = conversion("[kn_i]", "m/s").unwrap();
        assert!((10.0 * scale - 5.144_444).abs() < 1e-6);
        assert_eq!(conversion("K", "hPa"), None);
        assert_eq!(sources_of("Cel"), ["[degF]", "K"]);
    }
}

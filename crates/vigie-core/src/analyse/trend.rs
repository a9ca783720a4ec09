//! Tendencies of daily values: the median of all slopes (Theil 1950, Sen 1968) and whether there is one at all (Mann 1945,
//! Kendall 1975), with the variance that serial correlation asks for (Yue and Wang 2004).

use libm::erfc;

/// Fewer values say nothing of a tendency.
const VALUES_MIN: usize = 8;

/// The two-sided probability of a standard normal value at least so far from zero.
pub(super) fn normal_p(z: f64) -> f64 {
    erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// The slope per unit of time and the probability of so clear a tendency where there is none. Times ascend.
pub(super) fn tendency(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len();
    if n < VALUES_MIN {
        return None;
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    let mut s = 0_i64;
    for (index, (t, x)) in points.iter().enumerate() {
        for (later, y) in &points[index + 1..] {
            slopes.push((y - x) / (later - t));
            s += if y > x { 1 } else { -i64::from(y < x) };
        }
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let slope = super::baseline::median_of(&slopes)?;
    let variance = variance_of_s(points) * correction(points, slope);
    let z = if s == 0 || variance <= 0.0 {
        0.0
    } else {
        (s.abs() - 1) as f64 / variance.sqrt()
    };
    Some((slope, normal_p(z)))
}

/// The variance of Kendall's S for independent values, ties taken into account.
fn variance_of_s(points: &[(f64, f64)]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
    values.sort_unstable_by(f64::total_cmp);
    let ties: f64 = values
        .chunk_by(|a, b| a.total_cmp(b).is_eq())
        .map(|tied| term(tied.len() as f64))
        .sum();
    (term(points.len() as f64) - ties) / 18.0
}

/// How much greater that variance is for values that follow each other closely: as many values are worth fewer independent
/// ones, by the autocorrelation of neighbours in what remains without the slope (taken as that of a first-order process, its
/// estimate corrected for its bias in short series). Never less than 1, so that nothing is claimed for it.
fn correction(points: &[(f64, f64)], slope: f64) -> f64 {
    let rest: Vec<f64> = points.iter().map(|(t, x)| x - slope * t).collect();
    let n = points.len() as f64;
    let rho = (n * autocorrelation(&rest, 1) + 2.0) / (n - 4.0);
    let rho = rho.clamp(0.0, 0.95);
    let lags = (1_i32..).take(points.len() - 1);
    let sum: f64 = lags
        .map(|lag| (1.0 - f64::from(lag) / n) * rho.powi(lag))
        .sum();
    1.0 + 2.0 * sum
}

/// The autocorrelation at a lag.
fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if square <= 0.0 || lag >= n {
        return 0.0;
    }
    let product: f64 = values
        .iter()
        .zip(&values[lag..])
        .map(|(a, b)| (a - mean) * (b - mean))
        .sum();
    product / square
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::tests::noise;

    fn days(value: impl Fn(u32) -> f64, count: u32) -> Vec<(f64, f64)> {
        (0..count).map(|day| (f64::from(day), value(day))).collect()
    }

    #[test]
    fn known_answers() {
        let (slope, p) = tendency(&days(|day| 3.0 + 0.5 * f64::from(day), 10)).unwrap();
        // S = 45, its variance 125, times 1 + 2 Σ (1 − k/10) 3^−k = 1.85, for ten values are too few to rule out a correlation of ⅓.
        assert!((slope - 0.5).abs() < 1e-12);
        assert!(
            (p - normal_p(44.0 / (125.0_f64 * 1.850_003).sqrt())).abs() < 1e-6,
            "{p}"
        );
        // One value that is absurd does not move it.
        let odd = days(|day| if day == 4 { 1e6 } else { f64::from(day) }, 20);
        assert!((tendency(&odd).unwrap().0 - 1.0).abs() < 0.1);
        assert_eq!(tendency(&days(f64::from, 7)), None);
        let (slope, p) = tendency(&days(|_| 4.0, 12)).unwrap();
        assert_eq!((slope, p), (0.0, 1.0));
        assert!((normal_p(1.959_964) - 0.05).abs() < 1e-6);
    }

    #[test]
    fn chance_is_rarely_called_a_tendency_even_where_days_resemble_each_other() {
        let mut called = [0, 0];
        for world in 0..300_u64 {
            let mut level = 0.0;
            let correlated: Vec<(f64, f64)> = (0..30_u32)
                .map(|day| {
                    level = 0.4 * level + noise(world * 811 + u64::from(day)) - 0.5;
                    (f64::from(day), level)
                })
                .collect();
            let white = days(|day| noise(world * 977 + u64::from(day)), 30);
            for (called, points) in called.iter_mut().zip([white, correlated]) {
                *called += i32::from(tendency(&points).unwrap().1 < 0.05);
            }
        }
        assert!(called[0] <= 24, "white noise: {called:?} of 300");
        assert!(called[1] <= 45, "correlated noise: {called:?} of 300");
    }
}

//! Fourier terms: sines and cosines that a season is made of.
//!
//! A season of m steps has the waves sin(2 pi k t / m) and cos(2 pi k t / m), k = 1 ... K, K at most m / 2; where
//! k = m / 2 the sine is zero and left out. Seasons may share frequencies (the seventh of a week is the first of a day):
//! each is there once. Source: Hyndman & Athanasopoulos, FPP3, section 7.4. Golden test against R's `forecast::fourier`.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

/// One sine or cosine; position and period in the same unit, steps or seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// Length of the season.
    pub period: u64,
    /// Cycles in a season.
    pub harmonic: u64,
    /// Whether it is the sine.
    pub sine: bool,
}

impl Wave {
    /// Its value at a position, from -1 to 1; exact at any distance, as whole cycles are taken off in integers.
    pub fn at(&self, position: i64) -> f64 {
        let period = self.period.max(1);
        let within = u128::from(position.rem_euclid(i64::try_from(period).unwrap_or(i64::MAX)).unsigned_abs());
        let part = (within * u128::from(self.harmonic) % u128::from(period)) as f64;
        let angle = TAU * (part / period as f64);
        if self.sine { libm::sin(angle) } else { libm::cos(angle) }
    }

    /// Cycles a unit as a reduced fraction.
    fn frequency(&self) -> (u64, u64) {
        let divisor = greatest_common_divisor(self.harmonic, self.period).max(1);
        (self.harmonic / divisor, self.period / divisor)
    }
}

/// The waves of one season up to `harmonics`, sine before cosine as R has them.
pub fn of_season(period: u64, harmonics: u64) -> Vec<Wave> {
    let mut out = Vec::new();
    for harmonic in 1..=harmonics.min(period / 2) {
        for sine in [true, false] {
            if !(sine && 2 * harmonic == period) {
                out.push(Wave { period, harmonic, sine });
            }
        }
    }
    out
}

/// The waves of several seasons with their numbers of harmonics, each frequency once, the first season's first.
pub fn of_seasons(seasons: &[(u64, u64)]) -> Vec<Wave> {
    let mut out: Vec<Wave> = Vec::new();
    for (period, harmonics) in seasons {
        for wave in of_season(*period, *harmonics) {
            if position(&out, &wave).is_none() {
                out.push(wave);
            }
        }
    }
    out
}

/// Where a list has a wave of the same frequency and kind.
pub(crate) fn position(waves: &[Wave], wave: &Wave) -> Option<usize> {
    waves.iter().position(|known| known.sine == wave.sine && known.frequency() == wave.frequency())
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequency_that_seasons_share_is_there_once() {
        let waves = of_seasons(&[(24, 12), (168, 8)]);
        // 2 * 12 - 1 of the day; of the week all but the seventh harmonic.
        assert_eq!(waves.len(), 23 + 14);
        assert!(waves.iter().all(|w| w.period == 24 || w.harmonic != 7));
        assert!(!waves.contains(&Wave { period: 24, harmonic: 12, sine: true }));
    }

    #[test]
    fn far_away_a_wave_is_as_exact_as_near() {
        for wave in of_season(31_557_600, 3) {
            let (near, far) = (wave.at(12_345), wave.at(12_345 + 31_557_600 * 1_000));
            assert_eq!(near.to_bits(), far.to_bits());
            assert_eq!(wave.at(-1), wave.at(31_557_599));
        }
    }

    #[test]
    fn a_season_of_one_step_has_no_waves() {
        assert_eq!(of_season(1, 5), []);
        assert_eq!(of_season(2, 5), [Wave { period: 2, harmonic: 1, sine: false }]);
    }
}

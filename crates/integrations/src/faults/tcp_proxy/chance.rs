//! What is drawn: fates of connections and delays, all from the seed.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// A latency that varies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Delay {
    /// Mean of `uniform` and `normal`, least of the others.
    pub(super) latency: Duration,
    /// Half width, standard deviation, or mean of what is added.
    pub(super) jitter: Duration,
    /// How it varies.
    pub(super) distribution: Distribution,
}

/// How a latency varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distribution {
    /// Evenly on both sides.
    Uniform,
    /// As a sum of many small delays, cut at nought.
    Normal,
    /// As a queue with one server.
    Exponential,
    /// With a heavy tail (Lomax, shape 3: a finite variance).
    Pareto,
}

/// Shape of the heavy tail.
const SHAPE: f64 = 3.0;

impl Delay {
    /// One delay, `strength` (0 to 1) times as long.
    pub(super) fn draw(&self, rng: &mut Rng, strength: f64) -> Duration {
        let (latency, jitter) = (self.latency.as_secs_f64(), self.jitter.as_secs_f64());
        // In (0, 1]: a logarithm is taken.
        let u = 1.0 - rng.f64();
        let varied = match self.distribution {
            _ if jitter == 0.0 => latency,
            Distribution::Uniform => latency + jitter * (2.0 * u - 1.0),
            Distribution::Normal => {
                let angle = std::f64::consts::TAU * rng.f64();
                latency + jitter * libm::sqrt(-2.0 * libm::log(u)) * libm::cos(angle)
            }
            Distribution::Exponential => latency - jitter * libm::log(u),
            Distribution::Pareto => latency + jitter * (SHAPE - 1.0) * (libm::pow(u, -1.0 / SHAPE) - 1.0),
        };
        Duration::from_secs_f64((varied * strength).max(0.0))
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} later", self.latency)?;
        let jitter = self.jitter;
        match self.distribution {
            _ if jitter.is_zero() => Ok(()),
            Distribution::Uniform => write!(f, ", up to {jitter:?} more or less"),
            Distribution::Normal => write!(f, ", with a standard deviation of {jitter:?}"),
            Distribution::Exponential => write!(f, ", and {jitter:?} more in the mean (exponential)"),
            Distribution::Pareto => write!(f, ", and {jitter:?} more in the mean (Pareto)"),
        }
    }
}

/// The dice of one connection: the same for the same seed and number, whatever other connections do.
pub(super) fn dice(seed: u64, connection: u64) -> Rng {
    // The golden ratio's bits keep neighbors apart; the first draw mixes them.
    Rng::with_seed(Rng::with_seed(seed ^ connection.wrapping_mul(0x9E37_79B9_7F4A_7C15)).u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(distribution: Distribution) -> (f64, f64, f64) {
        let delay = Delay { latency: Duration::from_millis(200), jitter: Duration::from_millis(20), distribution };
        let mut rng = dice(7, 0);
        let n = 200_000;
        let drawn: Vec<f64> = (0..n).map(|_| delay.draw(&mut rng, 1.0).as_secs_f64() * 1e3).collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(n);
        let variance = drawn.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / f64::from(n);
        (mean, variance.sqrt(), drawn.iter().copied().fold(f64::INFINITY, f64::min))
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        // Mean, standard deviation, least; of Lomax with shape 3: sqrt(3) times the mean.
        for (distribution, mean, deviation, least) in [
            (Distribution::Uniform, 200.0, 20.0 / 3.0_f64.sqrt(), 180.0),
            (Distribution::Normal, 200.0, 20.0, 100.0),
            (Distribution::Exponential, 220.0, 20.0, 200.0),
            (Distribution::Pareto, 220.0, 20.0 * 3.0_f64.sqrt(), 200.0),
        ] {
            let found = moments(distribution);
            assert!((found.0 - mean).abs() < 0.3, "{distribution:?}: {found:?}");
            let tolerance = if distribution == Distribution::Pareto { 0.1 } else { 0.01 };
            assert!((found.1 / deviation - 1.0).abs() < tolerance, "{distribution:?}: {found:?}");
            assert!(found.2 >= least - 1e-6, "{distribution:?}: {found:?}");
        }
    }

    #[test]
    fn fates_follow_from_the_seed() {
        let fates = |seed| (0..64).map(|n| dice(seed, n).f64() < 0.5).collect::<Vec<bool>>();
        assert_eq!(fates(3), fates(3));
        assert_ne!(fates(3), fates(4));
        let hit = (0..20_000).filter(|&n| dice(1, n).f64() < 0.3).count();
        assert!((5_700..6_300).contains(&hit), "{hit}");
    }

    #[test]
    fn strength_scales_and_nothing_arrives_early() {
        let delay = Delay {
            latency: Duration::from_millis(1),
            jitter: Duration::from_millis(100),
            distribution: Distribution::Normal,
        };
        let mut rng = dice(1, 1);
        assert!((0..1000).any(|_| delay.draw(&mut rng, 1.0) == Duration::ZERO));
        assert_eq!(delay.draw(&mut rng, 0.0), Duration::ZERO);
    }
}

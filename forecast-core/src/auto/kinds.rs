//! Kinds of days: which days of the week are alike, learned from the weeks before.
//!
//! Most loads have working days and weekends, but a shop is closed on Monday, a week ends on Thursday elsewhere, and a
//! series without times has its quiet days anywhere. Each day is described by its course relative to the seven days that
//! end with it. Of all partitions of the week that one is taken whose squared distances within kinds plus a price a
//! kind are least; the price is that of Mallows' Cp, a multiple of the variance within weekdays, and high enough that
//! the best of 877 partitions of noise is no split. Working days and weekends are assumed until three weeks tell
//! otherwise, and have one kind for free. Source: Mallows (1973), Technometrics 15, 661-675.

/// Parts of a day that its course is described by.
const PARTS: usize = 8;
/// Days that are compared.
const WINDOW: usize = 56;
/// Fewest that anything is learned from.
const FEWEST: usize = 14;
/// Price of a kind in variances within weekdays.
const PRICE: f64 = 12.0;
/// The least variance, relative to the squared level: what is less is no difference.
const LEAST: f64 = 1e-9;

/// Kind of each day of the week, Monday first; the numbers mean nothing but alike or not.
pub(crate) type Partition = [u8; 7];

const ASSUMED: Partition = [0, 0, 0, 0, 0, 1, 1];

/// Days seen and what they told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kinds {
    courses: Vec<[f64; PARTS]>,
    weekdays: Vec<u8>,
    /// The partition known after each day.
    known: Vec<Partition>,
}

impl Kinds {
    /// Takes in a whole day: its weekday (Monday 0) and the means of its parts, zero where it has fewer.
    pub(crate) fn push(&mut self, weekday: u8, course: [f64; PARTS]) {
        self.courses.push(course);
        self.weekdays.push(weekday % 7);
        self.known.push(self.learn());
    }

    /// Whether two days of the week are alike, by what was known after so many whole days, or all there are.
    pub(crate) fn alike(&self, days: usize, one: u8, other: u8) -> bool {
        let known = days.min(self.known.len()).checked_sub(1).and_then(|last| self.known.get(last)).unwrap_or(&ASSUMED);
        known[one as usize % 7] == known[other as usize % 7]
    }

    fn learn(&self) -> Partition {
        let n = self.courses.len();
        let mut weekdays = [Sums::default(); 7];
        for day in n.saturating_sub(WINDOW).max(6)..n {
            if let Some(course) = self.relative(day) {
                weekdays[self.weekdays[day] as usize].add(&course);
            }
        }
        let count: f64 = weekdays.iter().map(|s| s.count).sum();
        if count < FEWEST as f64 || weekdays.iter().any(|s| s.count == 0.0) {
            return ASSUMED;
        }
        let sets: Vec<f64> = (0..128_usize).map(|set| distances(&weekdays, set)).collect();
        let within: f64 = (0..7).map(|w| sets[1 << w]).sum();
        let price = PRICE * (within / (count - 7.0)).max(LEAST);
        let (best, partition) = cheapest(&sets, price);
        let assumed = sets[0b001_1111] + sets[0b110_0000] + price;
        if assumed <= best { ASSUMED } else { partition }
    }

    /// A day's parts less those of the seven days that end with it, in their mean; `None` if that says nothing.
    fn relative(&self, day: usize) -> Option<[f64; PARTS]> {
        let mut week = [0.0; PARTS];
        for course in &self.courses[day - 6..=day] {
            week.iter_mut().zip(course).for_each(|(sum, x)| *sum += x / 7.0);
        }
        let level = week.iter().map(|x| x.abs()).sum::<f64>() / PARTS as f64;
        let mut out = self.courses[day];
        out.iter_mut().zip(&week).for_each(|(x, mean)| *x = (*x - mean) / level);
        out.iter().all(|x| x.is_finite()).then_some(out)
    }
}

/// Count, sums and squares of the days of a set.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: f64,
    sum: [f64; PARTS],
    squares: f64,
}

impl Sums {
    fn add(&mut self, course: &[f64; PARTS]) {
        self.count += 1.0;
        self.sum.iter_mut().zip(course).for_each(|(sum, x)| *sum += x);
        self.squares += course.iter().map(|x| x * x).sum::<f64>();
    }
}

/// Squared distances of the days of a set of weekdays, a bit each, from their mean.
fn distances(weekdays: &[Sums; 7], set: usize) -> f64 {
    let mut all = Sums::default();
    for sums in weekdays.iter().enumerate().filter(|(w, _)| set >> w & 1 == 1).map(|(_, sums)| sums) {
        all.count += sums.count;
        all.squares += sums.squares;
        all.sum.iter_mut().zip(&sums.sum).for_each(|(sum, x)| *sum += x);
    }
    (all.squares - all.sum.iter().map(|x| x * x).sum::<f64>() / all.count.max(1.0)).max(0.0)
}

/// The partition of the week with the least distances and prices, and what they are.
fn cheapest(sets: &[f64], price: f64) -> (f64, Partition) {
    // Of each set of weekdays: what it costs at least, and the kind that its first weekday is in then.
    let mut best = [(0.0, 0_usize); 128];
    for set in 1..128_usize {
        let first = set & set.wrapping_neg();
        best[set] = (f64::INFINITY, 0);
        let mut kind = set;
        while kind > 0 {
            let cost = sets[kind] + price + best[set ^ kind].0;
            if kind & first != 0 && cost < best[set].0 {
                best[set] = (cost, kind);
            }
            kind = (kind - 1) & set;
        }
    }
    let (mut partition, mut left, mut name) = ([0; 7], 127_usize, 0);
    while left > 0 {
        let kind = best[left].1;
        (0..7).filter(|w| kind >> w & 1 == 1).for_each(|w| partition[w] = name);
        left ^= kind;
        name += 1;
    }
    (best[127].0, partition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Dice;

    /// Weeks of days with levels by the weekday and noise.
    fn after(weeks: usize, levels: [f64; 7], noise: f64, seed: u64) -> Kinds {
        let (mut kinds, mut dice) = (Kinds::default(), Dice::new(seed));
        for day in 0..7 * weeks {
            let mut course = [0.0; PARTS];
            course.iter_mut().enumerate().for_each(|(part, x)| {
                *x = 10.0 + part as f64 + levels[day % 7] + noise * (dice.unit() - 0.5);
            });
            kinds.push((day % 7) as u8, course);
        }
        kinds
    }

    fn check_kinds(kinds: &Kinds, alike: &[u8], others: &[u8]) {
        let days = kinds.known.len();
        for one in alike {
            assert!(alike.iter().all(|other| kinds.alike(days, *one, *other)), "{:?}", kinds.known.last());
            assert!(!others.iter().any(|other| kinds.alike(days, *one, *other)), "{:?}", kinds.known.last());
        }
    }

    #[test]
    fn weekends_are_assumed() {
        check_kinds(&after(2, [0.0; 7], 1.0, 1), &[5, 6], &[0, 1, 2, 3, 4]);
        check_kinds(&Kinds::default(), &[0, 1, 2, 3, 4], &[5, 6]);
    }

    #[test]
    fn quiet_days_are_found_wherever_they_are() {
        let levels = [0.0, 0.0, 0.0, 0.0, -4.0, -4.0, 0.0];
        check_kinds(&after(4, levels, 1.0, 2), &[4, 5], &[0, 1, 2, 3, 6]);
        let levels = [-6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0];
        let kinds = after(4, levels, 1.0, 3);
        check_kinds(&kinds, &[0], &[1, 2, 3, 4, 5, 6]);
        check_kinds(&kinds, &[6], &[0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn noise_leaves_what_was_assumed_or_one_kind() {
        for seed in 0..40 {
            let kinds = after(4, [0.0; 7], 4.0, seed);
            let last = kinds.known.last().unwrap();
            assert!(*last == ASSUMED || *last == [0; 7], "seed {seed}: {last:?}");
        }
    }

    #[test]
    fn what_was_known_does_not_change() {
        let quiet = [0.0, 0.0, 0.0, 0.0, -4.0, -4.0, 0.0];
        let (short, long) = (after(4, quiet, 1.0, 4), after(9, quiet, 1.0, 4));
        assert_eq!(short.known[..], long.known[..28]);
    }

    #[test]
    fn equal_days_and_no_load_are_no_trouble() {
        check_kinds(&after(5, [-10.0; 7], 0.0, 5), &[5, 6], &[0, 1, 2, 3, 4]);
        let mut kinds = Kinds::default();
        (0..40).for_each(|day| kinds.push(day % 7, [0.0; PARTS]));
        check_kinds(&kinds, &[5, 6], &[0, 1, 2, 3, 4]);
    }
}

//! Forms with absolute errors and additive parts, four searches side by side: starting points of one series, or series.
//!
//! The problem is that of [`super::linear`], each lane with the bits of one alone, so that a series gives the same fit in
//! any panel.

use super::form::Form;
use super::linear::{chains, parameters, start_states};
use super::search::{Ends, FIRST, Found, LAST, PARAMETERS, STARTS, STEADY, TURNS, bounds, likelihood, point};
use crate::kernels::ets::{Part, States};
use crate::kernels::ets_linear::Chain;
use crate::kernels::ets_wide::{Moved, Responses, derivatives, responses};
use crate::kernels::matrix::LAGS;
use crate::kernels::wide::{WIDE, Wide, cholesky, correlate, dot, solve, solve_lower};
use crate::models::least_squares::{Descent, Squares, Stop};

/// Where a descent ended, with its sum of squares.
type End = (Vec<f64>, f64);

/// The best fit of one series, `None` without a finite one; starting points are lanes.
pub(super) fn of_starts(form: Form, y: &[f64]) -> Option<Found> {
    let mut problem = Concentrated::new(form, &[y; WIDE], 1);
    let mut from: Vec<Vec<f64>> = STARTS.iter().map(|start| point(start, &[])).collect();
    if form.trend != Part::None {
        let turns: Vec<Vec<f64>> = TURNS.iter().map(|start| point(start, &[])).collect();
        let sums = turns.chunks(WIDE).flat_map(|some| problem.evaluate(&filled(some)).into_iter().take(some.len()));
        let least = sums.zip(&turns).min_by(|a, b| a.0.total_cmp(&b.0));
        from.extend(least.map(|(_, at)| at.clone()));
        from.push(point(&STEADY, &[]));
    }
    let mut starts = Vec::with_capacity(from.len());
    for some in from.chunks(WIDE) {
        starts.extend(problem.descend(some.iter().cloned().map(Some).collect(), FIRST).into_iter().flatten());
    }
    let mut ends = Ends::new(starts, form.parameters(1), y.len());
    // Lanes run ahead on the points that may come; what is not asked for after all does not count.
    let mut ahead: Vec<(Vec<f64>, End)> = Vec::new();
    while let Some(at) = ends.next() {
        if !ahead.iter().any(|(known, _)| *known == at) {
            let some: Vec<Vec<f64>> = std::iter::once(at.clone()).chain(ends.waiting(WIDE - 1)).collect();
            let found = problem.descend(some.iter().cloned().map(Some).collect(), LAST);
            ahead.extend(some.into_iter().zip(found.into_iter().flatten()));
        }
        let led = ahead.iter().find(|(known, _)| *known == at).map(|(_, end)| end.clone());
        ends.add(led?);
    }
    let (at, sse) = ends.least()?;
    problem.evaluate(&filled(std::slice::from_ref(&at)));
    Some(Found { start: problem.start(&at, 0), lik: likelihood(sse, y.len()) })
}

/// The best fit of each of up to [`WIDE`] series of one length, which are lanes.
pub(super) fn of_series(form: Form, panel: &[&[f64]], m: usize) -> Vec<Option<Found>> {
    let count = panel.len();
    let mut problem = Concentrated::new(form, &std::array::from_fn(|i| panel[i.min(count - 1)]), m);
    let mut from: Vec<Vec<Vec<f64>>> = STARTS.iter().map(|start| vec![point(start, &[]); count]).collect();
    if form.trend != Part::None {
        let turns: Vec<Vec<f64>> = TURNS.iter().map(|start| point(start, &[])).collect();
        let sums: Vec<Wide> = turns.iter().map(|at| problem.evaluate(&filled(std::slice::from_ref(at)))).collect();
        let least = |lane: usize| sums.iter().zip(&turns).min_by(|a, b| a.0[lane].total_cmp(&b.0[lane]));
        from.push((0..count).filter_map(|lane| least(lane).map(|(_, at)| at.clone())).collect());
        from.push(vec![point(&STEADY, &[]); count]);
    }
    let mut starts: Vec<Vec<End>> = vec![Vec::new(); count];
    for at in from {
        let found = problem.descend(at.into_iter().map(Some).collect(), FIRST);
        starts.iter_mut().zip(found).for_each(|(starts, found)| starts.extend(found));
    }
    let n = panel[0].len();
    let mut ends: Vec<Ends> = starts.into_iter().map(|starts| Ends::new(starts, form.parameters(m), n)).collect();
    loop {
        let next: Vec<Option<Vec<f64>>> = ends.iter_mut().map(Ends::next).collect();
        if next.iter().all(Option::is_none) {
            break;
        }
        let found = problem.descend(next, LAST);
        for (ends, found) in ends.iter_mut().zip(found) {
            found.into_iter().for_each(|end| ends.add(end));
        }
    }
    let least: Vec<Option<End>> = ends.into_iter().map(Ends::least).collect();
    let resting = point(&STARTS[0], &[]);
    let points: Vec<Vec<f64>> =
        least.iter().map(|end| end.as_ref().map_or_else(|| resting.clone(), |(at, _)| at.clone())).collect();
    problem.evaluate(&filled(&points));
    let found = |(lane, end): (usize, Option<End>)| {
        end.map(|(at, sse)| Found { start: problem.start(&at, lane), lik: likelihood(sse, n) })
    };
    least.into_iter().enumerate().map(found).collect()
}

/// A point a lane; the first fills those that are left.
fn filled(points: &[Vec<f64>]) -> [&[f64]; WIDE] {
    std::array::from_fn(|i| points.get(i).unwrap_or(&points[0]).as_slice())
}

/// What [`super::linear::Concentrated`] is, a lane.
struct Concentrated {
    form: Form,
    y: Vec<Wide>,
    bounds: [(f64, f64); PARAMETERS],
    /// Positions in the season; 1 without one.
    positions: usize,
    responses: Responses,
    lanes: Vec<[Wide; 3]>,
    season: Vec<Moved>,
    errors: Vec<Wide>,
    /// Derivatives of the errors by parameters, zeros behind.
    columns: [Vec<Wide>; PARAMETERS],
    /// Factor of X' X.
    factor: Vec<Wide>,
    /// Season, or level without one, and trend.
    states: Vec<Wide>,
    row: Vec<Wide>,
}

impl Concentrated {
    fn new(form: Form, y: &[&[f64]; WIDE], m: usize) -> Self {
        let n = y[0].len();
        let positions = if form.season == Part::None { 1 } else { m };
        let unknown = positions + usize::from(form.trend != Part::None);
        let blank = |n: usize| vec![[0.0; WIDE]; n];
        let padded = || blank(n + LAGS);
        Self {
            form,
            y: (0..n).map(|t| y.map(|y| y[t])).collect(),
            bounds: bounds(form),
            positions,
            responses: Responses { data: padded(), first: padded(), trend: padded() },
            lanes: vec![[[0.0; WIDE]; 3]; positions],
            season: vec![([0.0; WIDE], [[0.0; WIDE]; PARAMETERS]); positions],
            errors: blank(n),
            columns: [(); PARAMETERS].map(|()| padded()),
            factor: blank(unknown * unknown),
            states: blank(unknown),
            row: blank(positions),
        }
    }

    /// Finds the start states of a point a lane, its errors and their derivatives; returns the sums of squares.
    fn evaluate(&mut self, at: &[&[f64]; WIDE]) -> Wide {
        let (n, m, k) = (self.y.len(), self.positions, self.states.len());
        let all = at.map(|at| chains(self.form, at));
        let coefficient = |of: &dyn Fn(&Chain<f64>) -> f64| -> Wide { std::array::from_fn(|i| of(&all[i].0)) };
        let chain = Chain {
            phi: coefficient(&|c| c.phi),
            c1: coefficient(&|c| c.c1),
            c2: coefficient(&|c| c.c2),
            c3: coefficient(&|c| c.c3),
        };
        let slope = |of: &dyn Fn(&Chain<[f64; PARAMETERS]>) -> [f64; PARAMETERS]| -> [Wide; PARAMETERS] {
            std::array::from_fn(|p| std::array::from_fn(|i| of(&all[i].1)[p]))
        };
        let by = Chain { phi: slope(&|c| c.phi), c1: slope(&|c| c.c1), c2: slope(&|c| c.c2), c3: slope(&|c| c.c3) };
        responses(&chain, &self.y, &mut self.lanes, &mut self.responses);
        correlate(&self.responses.data, &self.responses.first[..n], &mut self.states[..m]);
        self.normal_matrix();
        if k > m {
            self.states[m] = dot(&self.responses.data[..n], &self.responses.trend[..n]);
        }
        self.states.iter_mut().for_each(|x| *x = x.map(|x| -x));
        cholesky(&mut self.factor, k);
        solve(&self.factor, k, &mut self.states);
        let zero = [0.0; WIDE];
        let b = if k > m { self.states[m] } else { zero };
        let level = if self.form.season == Part::None { self.states[0] } else { zero };
        let moved = [zero, zero, zero, b];
        let faded: Wide = std::array::from_fn(|i| chain.phi[i] * b[i]);
        let start = [(std::array::from_fn(|i| level[i] + faded[i]), moved), (faded, moved)];
        for (slot, state) in self.season.iter_mut().zip(&self.states) {
            *slot = (if self.form.season == Part::None { zero } else { *state }, [zero; PARAMETERS]);
        }
        derivatives(&chain, &by, &self.y, &start, &mut self.season, &mut self.errors, &mut self.columns);
        dot(&self.errors, &self.errors).map(|sse| if sse.is_nan() { f64::INFINITY } else { sse })
    }

    /// Lower triangles of X' X.
    fn normal_matrix(&mut self) {
        let (n, m, k) = (self.y.len(), self.positions, self.states.len());
        let Responses { first, trend, .. } = &self.responses;
        let (matrix, row) = (&mut self.factor, &mut self.row);
        correlate(first, &first[..n], row);
        for (i, value) in row.iter().enumerate() {
            matrix[i * k] = *value;
        }
        for i in 1..m {
            for j in 1..=i {
                let before = matrix[(i - 1) * k + j - 1];
                let (left, right) = (first[n - i], first[n - j]);
                matrix[i * k + j] = std::array::from_fn(|l| before[l] - left[l] * right[l]);
            }
        }
        if k > m {
            correlate(trend, &first[..n], row);
            matrix[m * k..m * k + m].copy_from_slice(row);
            matrix[m * k + m] = dot(&trend[..n], &trend[..n]);
        }
    }

    /// Derivatives at the points of the last evaluation, `sse` what it returned.
    fn squares(&self, sse: Wide) -> [Squares; WIDE] {
        let (n, m, k) = (self.y.len(), self.positions, self.states.len());
        let blank = |i: usize| Squares {
            sse: sse[i],
            gradient: vec![0.0; PARAMETERS],
            hessian: vec![0.0; PARAMETERS * PARAMETERS],
        };
        let mut out: [Squares; WIDE] = std::array::from_fn(blank);
        let moving: Vec<usize> = (0..PARAMETERS).filter(|i| self.bounds[*i].0 < self.bounds[*i].1).collect();
        // What a column has in common with those of the start states.
        let mut common: Vec<Vec<Wide>> = Vec::with_capacity(moving.len());
        for &i in &moving {
            let column = &self.columns[i];
            let mut along = vec![[0.0; WIDE]; k];
            correlate(column, &self.responses.first[..n], &mut along[..m]);
            if k > m {
                along[m] = dot(&column[..n], &self.responses.trend[..n]);
            }
            solve_lower(&self.factor, k, &mut along);
            common.push(along);
        }
        for (a, &i) in moving.iter().enumerate() {
            let left = &self.columns[i][..n];
            let slope = dot(left, &self.errors);
            out.iter_mut().zip(slope).for_each(|(out, slope)| out.gradient[i] = slope);
            for (b, &j) in moving.iter().enumerate().take(a + 1) {
                let (whole, shared) = (dot(left, &self.columns[j][..n]), dot(&common[a], &common[b]));
                for (lane, out) in out.iter_mut().enumerate() {
                    let value = whole[lane] - shared[lane];
                    (out.hessian[i * PARAMETERS + j], out.hessian[j * PARAMETERS + i]) = (value, value);
                }
            }
        }
        out
    }

    /// Goes down from a point a lane until all are at their ends; `None` where there was no point.
    fn descend(&mut self, from: Vec<Option<Vec<f64>>>, stop: Stop) -> Vec<Option<End>> {
        let Some(resting) = from.iter().flatten().next().cloned() else {
            return from.into_iter().map(|_| None).collect();
        };
        let mut points: Vec<Vec<f64>> = from.iter().map(|at| at.as_ref().unwrap_or(&resting).clone()).collect();
        let sse = self.evaluate(&filled(&points));
        let squares = self.squares(sse);
        let started = from.into_iter().zip(squares);
        let mut all: Vec<Option<Descent>> =
            started.map(|(at, squares)| at.map(|at| Descent::new(&at, squares, stop))).collect();
        loop {
            let mut asking = [false; WIDE];
            for ((one, asking), point) in all.iter_mut().zip(&mut asking).zip(&mut points) {
                if let Some(one) = one
                    && one.propose(&self.bounds)
                {
                    *asking = true;
                    point.copy_from_slice(&one.next);
                }
            }
            if !asking.contains(&true) {
                break;
            }
            let sse = self.evaluate(&filled(&points));
            let mut wanted = [false; WIDE];
            for (lane, one) in all.iter_mut().enumerate().filter(|(lane, _)| asking[*lane]) {
                wanted[lane] = one.as_mut().is_some_and(|one| one.judge(sse[lane]));
            }
            if wanted.contains(&true) {
                for ((one, squares), _) in
                    all.iter_mut().zip(self.squares(sse)).zip(wanted).filter(|(_, wanted)| *wanted)
                {
                    if let Some(one) = one {
                        one.arrive(squares);
                    }
                }
            }
        }
        all.into_iter().map(|one| one.map(Descent::end)).collect()
    }

    /// Parameters and start states of a lane, at a point that was evaluated last.
    fn start(&self, at: &[f64], lane: usize) -> States {
        let states: Vec<f64> = self.states.iter().map(|x| x[lane]).collect();
        start_states(self.form, parameters(self.form, at), &states, self.positions)
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::{search, search_all};
    use super::*;
    use crate::paths::Dice;

    #[test]
    fn a_series_gives_the_same_fit_alone_and_in_any_panel() {
        let mut dice = Dice::new(11);
        let mut series = |n: usize| -> Vec<f64> {
            let mut level = 1.0;
            (0..n)
                .map(|t| {
                    level += 0.05 * (dice.unit() - 0.5);
                    level + 0.2 * (t % 4) as f64 + 0.1 * dice.unit()
                })
                .collect()
        };
        let mut panel: Vec<Vec<f64>> = (0..6).map(|_| series(60)).collect();
        panel.push(vec![1.0; 60]);
        let values: Vec<&[f64]> = panel.iter().map(Vec::as_slice).collect();
        for letters in
            [["a", "n", "n"], ["a", "a", "n"], ["a", "ad", "n"], ["a", "n", "a"], ["a", "a", "a"], ["a", "ad", "a"]]
        {
            let form = Form::from_letters(letters[0], letters[1], letters[2]).unwrap();
            let m = if form.season == Part::None { 1 } else { 4 };
            let alone: Vec<Option<Found>> = values.iter().map(|y| search(form, y, m)).collect();
            assert!(alone[0].is_some());
            assert_eq!(search_all(form, &values, m), alone, "{letters:?}");
            let turned: Vec<&[f64]> = values.iter().rev().copied().collect();
            let back: Vec<Option<Found>> = search_all(form, &turned, m).into_iter().rev().collect();
            assert_eq!(back, alone, "{letters:?}, the other way round");
        }
    }
}

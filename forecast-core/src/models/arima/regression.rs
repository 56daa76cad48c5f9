//! Least squares over a few columns by modified Gram-Schmidt orthogonalization.

use super::optimize::dot;

/// Part of a column's length below which what is left of it counts as nothing.
const DEPENDENT: f64 = 1e-10;

/// A least squares solution.
#[derive(Debug, Clone)]
pub(super) struct Solved {
    /// What the columns leave of the target.
    pub(super) residuals: Vec<f64>,
    /// Coefficients; zero for a column that depends on those before it.
    pub(super) beta: Vec<f64>,
    /// Upper triangle R by rows, R'R = A'A; zero on the diagonal of a dependent column.
    pub(super) triangle: Vec<Vec<f64>>,
    /// Orthonormal columns; zeros for a dependent one.
    orthonormal: Vec<Vec<f64>>,
}

impl Solved {
    /// Takes from a vector what the columns explain of it.
    pub(super) fn project_out(&self, vector: &mut [f64]) {
        for q in &self.orthonormal {
            let share = dot(q, vector);
            vector.iter_mut().zip(q).for_each(|(x, q)| *x -= share * q);
        }
    }
}

/// Least squares of `target` on `columns`, all of one length.
pub(super) fn least_squares(mut target: Vec<f64>, mut columns: Vec<Vec<f64>>) -> Solved {
    let k = columns.len();
    let mut triangle = vec![vec![0.0; k]; k];
    let mut projections = vec![0.0; k];
    for i in 0..k {
        let (done, rest) = columns.split_at_mut(i + 1);
        let own = &mut done[i];
        let explained: f64 = triangle[..i].iter().map(|row| row[i] * row[i]).sum();
        let left = dot(own, own);
        if left.is_nan() || left <= DEPENDENT * DEPENDENT * (left + explained) {
            own.fill(0.0);
            continue;
        }
        let size = left.sqrt();
        triangle[i][i] = size;
        own.iter_mut().for_each(|x| *x /= size);
        for (j, other) in rest.iter_mut().enumerate() {
            let share = dot(own, other);
            triangle[i][i + 1 + j] = share;
            other.iter_mut().zip(own.iter()).for_each(|(x, q)| *x -= share * q);
        }
        projections[i] = dot(own, &target);
        let share = projections[i];
        target.iter_mut().zip(own.iter()).for_each(|(x, q)| *x -= share * q);
    }
    let mut beta = vec![0.0; k];
    for i in (0..k).rev() {
        if triangle[i][i] > 0.0 {
            let known: f64 = (i + 1..k).map(|j| triangle[i][j] * beta[j]).sum();
            beta[i] = (projections[i] - known) / triangle[i][i];
        }
    }
    Solved { residuals: target, beta, triangle, orthonormal: columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependent_column_gets_no_coefficient() {
        let one = vec![1.0; 5];
        let line: Vec<f64> = (0..5).map(f64::from).collect();
        let twice: Vec<f64> = line.iter().map(|x| 2.0 * x).collect();
        let target = line.iter().map(|x| 3.0 + 0.5 * x).collect();
        let solved = least_squares(target, vec![one, line, twice]);
        assert!((solved.beta[0] - 3.0).abs() < 1e-12 && (solved.beta[1] - 0.5).abs() < 1e-12);
        assert_eq!(solved.beta[2], 0.0);
        assert!(solved.residuals.iter().all(|e| e.abs() < 1e-12));
        let mut vector = vec![1.0, 2.0, 3.0, 4.0, 5.0];
        solved.project_out(&mut vector);
        assert!(vector.iter().all(|x| x.abs() < 1e-12), "{vector:?}");
    }
}

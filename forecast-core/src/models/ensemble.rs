//! Ensemble: the plain mean of the quantiles of several models.
//!
//! Averaging quantiles instead of probabilities keeps the shape of the members' distributions (Vincent averaging;
//! Lichtendahl, Grushka-Cockayne & Winkler 2013, Management Science 59, 1594-1611).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::forecast::{Forecast, Level, Paths};
use crate::model::{
    Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, Member, Needs, RestoreError, UpdateError,
};
use crate::series::Series;

/// Several models with equal weights; `auto` learns the weights instead.
#[derive(Debug)]
pub struct Ensemble {
    /// The models, at least one.
    pub members: Vec<Box<dyn Forecaster>>,
}

impl Forecaster for Ensemble {
    fn name(&self) -> String {
        name_of(self.members.iter().map(|m| m.name()))
    }

    fn needs(&self) -> Needs {
        let needs = self.members.iter().map(|m| m.needs());
        needs.fold(Needs::default(), |all, one| Needs {
            observations: all.observations.max(one.observations),
            positive: all.positive || one.positive,
        })
    }

    fn supports_missing(&self) -> bool {
        self.members.iter().all(|m| m.supports_missing())
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        if self.members.is_empty() {
            return Err(FitError::NoFit { model: self.name(), reason: "it has no member".into() });
        }
        let members = self.members.iter().map(|m| m.fit(y)).collect::<Result<Vec<_>, _>>()?;
        let mut fitted = FittedEnsemble { members, residuals: Vec::new() };
        fitted.average_residuals();
        Ok(Box::new(fitted))
    }
}

fn name_of(members: impl Iterator<Item = String>) -> String {
    format!("ensemble({})", members.collect::<Vec<_>>().join(", "))
}

/// Fits with equal weights.
#[derive(Debug)]
struct FittedEnsemble {
    members: Vec<Box<dyn Fitted>>,
    residuals: Vec<f64>,
}

/// What is stored of it.
#[derive(Serialize, Deserialize)]
struct Stored {
    members: Vec<FittedState>,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let stored: Stored = state.read()?;
    if stored.members.is_empty() {
        return Err(RestoreError::State { model: state.model.clone(), reason: "it has no member".into() });
    }
    let members = stored.members.iter().map(FittedState::restore).collect::<Result<Vec<_>, _>>()?;
    let mut fitted = FittedEnsemble { members, residuals: Vec::new() };
    fitted.average_residuals();
    Ok(Box::new(fitted))
}

impl FittedEnsemble {
    fn share(&self) -> f64 {
        1.0 / self.members.len() as f64
    }

    fn average_residuals(&mut self) {
        let share = self.share();
        let mut sum = vec![0.0; self.members[0].residuals().len()];
        for member in &self.members {
            for (sum, e) in sum.iter_mut().zip(member.residuals()) {
                *sum += share * e;
            }
        }
        self.residuals = sum;
    }
}

impl Fitted for FittedEnsemble {
    fn name(&self) -> String {
        name_of(self.members.iter().map(|m| m.name()))
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let all = self.members.iter().map(|m| m.forecast(ahead, levels)).collect::<Result<Vec<_>, _>>()?;
        let share = self.share();
        let mut mean = all[0].clone();
        mean.point.fill(0.0);
        mean.quantiles.fill(0.0);
        for one in &all {
            for (sum, point) in mean.point.iter_mut().zip(&one.point) {
                *sum += share * point;
            }
            mean.quantiles.scaled_add(share, &one.quantiles);
        }
        let quantiles = std::mem::take(&mut mean.quantiles);
        let column = |p: f64| mean.levels.iter().position(|l| l.probability() == p);
        let (start, step, point) = (mean.start, mean.step, mean.point.clone());
        Ok(Forecast::from_quantiles(start, step, point, &mean.levels, |k, p| {
            column(p).map_or(mean.point[k], |c| quantiles[(k, c)])
        }))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let all = self.members.iter().map(|m| m.paths(ahead, n, seed)).collect::<Result<Vec<_>, _>>()?;
        let mut mean = all[0].clone();
        mean.values.fill(0.0);
        for one in &all {
            mean.values.scaled_add(self.share(), &one.values);
        }
        Ok(mean)
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        for member in &mut self.members {
            member.update(new)?;
        }
        self.average_residuals();
        Ok(())
    }

    fn state(&self) -> FittedState {
        FittedState::new(self.name(), &Stored { members: self.members.iter().map(|m| m.state()).collect() })
    }

    fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("members".into(), self.members.len() as f64)])
    }

    fn members(&self) -> Vec<Member> {
        let reason = "every member has the same share";
        let member = |m: &dyn Fitted| Member {
            name: m.name(),
            weights: vec![self.share()],
            until_lead: vec![usize::MAX],
            reason: reason.into(),
        };
        self.members.iter().map(|m| member(&**m)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, check_point, hourly};
    use super::super::{Mean, Naive};
    use super::*;

    fn both() -> Ensemble {
        Ensemble { members: vec![Box::new(Naive), Box::new(Mean::default())] }
    }

    #[test]
    fn members_count_alike() {
        check_point(&both(), &hourly(&[1.0, 2.0, 9.0]), &[6.5, 6.5]);
    }

    #[test]
    fn an_ensemble_is_a_model_like_any_other() {
        let y = hourly(&(0..40).map(|t| f64::from(t % 7)).collect::<Vec<_>>());
        check_fitted_traits(&both(), &y);
    }

    #[test]
    fn an_empty_ensemble_is_refused() {
        assert!(Ensemble { members: Vec::new() }.fit(&hourly(&[1.0])).is_err());
    }
}

//! The one list of models: what they are called, what they are for, how a name becomes one, how a stored fit comes back.

use super::{
    Arima, Croston, CrostonKind, Drift, Ensemble, Ets, Form, Harmonic, HoltWinters, Mean, Mstl, Naive, Order, Profile,
    ProfileSeason, Prophet, Seasonal, SeasonalNaive, SeasonalNaiveLevelled, Structural, Theta, ThetaKind, arima,
    croston, ensemble, ets, harmonic, holt_winters, mstl, prophet, rule, structural, theta,
};
use crate::auto::Auto;
use crate::grammar::{self, Call, GrammarError};
use crate::model::{Fitted, FittedState, Forecaster, RestoreError};

/// Most terms or differences of an ARIMA model that a name may ask for.
const MOST_TERMS: usize = 20;
/// Most seasonal ones.
const MOST_SEASONAL_TERMS: usize = 5;

/// Most Fourier terms of a season that a name may ask for.
const MOST_HARMONICS: usize = 100;

/// A model as the command, the provider and the docs list it.
#[derive(Debug)]
pub struct Entry {
    /// Its name, without arguments.
    pub name: &'static str,
    /// How it is written.
    pub form: &'static str,
    /// What it is and when to use it, in a sentence.
    pub summary: &'static str,
    pub(crate) build: fn(&Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError>,
    restore: fn(&FittedState) -> Result<Box<dyn Fitted>, RestoreError>,
}

/// All models, in the order in which they are listed and ties go.
pub const CATALOGUE: &[Entry] = &[
    Entry {
        name: "auto",
        form: "auto",
        summary: "Mixes naive methods, profiles, smoothing, regressions and MSTL online, by how well each has done; the default.",
        build: |call| plain(call, Auto::default()),
        restore: crate::auto::restore,
    },
    Entry {
        name: "naive",
        form: "naive",
        summary: "The last value goes on; hard to beat a few minutes ahead.",
        build: |call| plain(call, Naive),
        restore: rule::restore::<Naive>,
    },
    Entry {
        name: "mean",
        form: "mean or mean[steps]",
        summary: "The mean of all values, or of the last ones; for load without season or trend.",
        build: |call| Ok(Box::new(Mean { window: call.at_most_groups(0)?.window()? })),
        restore: rule::restore::<Mean>,
    },
    Entry {
        name: "drift",
        form: "drift",
        summary: "The last value plus the mean step; for steady growth without a season.",
        build: |call| plain(call, Drift),
        restore: rule::restore::<Drift>,
    },
    Entry {
        name: "seasonal_naive",
        form: "seasonal_naive or seasonal_naive[season]",
        summary: "The value a season ago; a week by default, a day where less than two weeks were seen.",
        build: |call| Ok(Box::new(SeasonalNaive { season_length: call.at_most_groups(0)?.season(1)? })),
        restore: rule::restore::<SeasonalNaive>,
    },
    Entry {
        name: "seasonal_naive_levelled",
        form: "seasonal_naive_levelled or seasonal_naive_levelled[season]",
        summary: "The value a season ago, scaled to the level of the last three hours; strong on most load.",
        build: |call| Ok(Box::new(SeasonalNaiveLevelled { season_length: call.at_most_groups(0)?.season(1)? })),
        restore: rule::restore::<SeasonalNaiveLevelled>,
    },
    Entry {
        name: "profile",
        form: "profile, profile(daily), profile(weekly) or profile[season]",
        summary: "The median of the last days or weeks at this time; ignores what happened only once.",
        build: profile,
        restore: rule::restore::<Profile>,
    },
    Entry {
        name: "ses",
        form: "ses",
        summary: "Simple exponential smoothing: a level that follows the data; for load without season or trend.",
        build: |call| plain(call, HoltWinters::simple()),
        restore: holt_winters::restore,
    },
    Entry {
        name: "holt",
        form: "holt or holt(damped)",
        summary: "Holt's smoothing of level and trend; damped is safer further ahead.",
        build: |call| {
            call.seasons(0, 1)?;
            Ok(Box::new(HoltWinters::holt(call.at_most_groups(1)?.words(&["damped"])?.contains(&"damped"))))
        },
        restore: holt_winters::restore,
    },
    Entry {
        name: "holt_winters",
        form: "holt_winters(additive or multiplicative, damped?, no_trend?)[season]",
        summary: "Smoothing of level, trend and one season; multiplicative where the season grows with the level.",
        build: holt_winters,
        restore: holt_winters::restore,
    },
    Entry {
        name: "ets",
        form: "ets or ets(error, trend, season)[season], for example ets(A,Ad,M)[24]",
        summary: "Exponential smoothing in state space form; without letters the best form by AICc.",
        build: ets,
        restore: ets::restore,
    },
    Entry {
        name: "arima",
        form: "arima[season] or arima(p,d,q)(P,D,Q)[season], for example arima(1,0,1)(0,1,1)[24]",
        summary: "Seasonal ARIMA by exact maximum likelihood; without orders those of least AICc.",
        build: arima,
        restore: arima::restore,
    },
    Entry {
        name: "theta",
        form: "theta, theta(optimized), theta(dynamic) or theta(auto), each with [season]",
        summary: "Smoothing plus half of the trend; quick and strong on short series.",
        build: theta,
        restore: theta::restore,
    },
    Entry {
        name: "local_level",
        form: "local_level",
        summary: "A level that wanders, by exact likelihood: no trend, no season, gaps are no trouble.",
        build: |call| plain(call, Structural { slope: false }),
        restore: structural::restore,
    },
    Entry {
        name: "local_linear_trend",
        form: "local_linear_trend",
        summary: "A level and a slope that wander, by exact likelihood: growth that changes its pace.",
        build: |call| plain(call, Structural { slope: true }),
        restore: structural::restore,
    },
    Entry {
        name: "mstl",
        form: "mstl(robust?, model?)[season, ...], for example mstl[24,168] or mstl(robust, drift)[24]",
        summary: "Seasons taken out by local regression, a model for the rest; for several seasons at once.",
        build: mstl,
        restore: mstl::restore,
    },
    Entry {
        name: "harmonic",
        form: "harmonic[season, ...] or harmonic(terms, ...)[season, ...], for example harmonic(8,4)[24,168]",
        summary: "Fourier terms for long and several seasons, ARMA errors; numbers of terms by AICc.",
        build: harmonic,
        restore: harmonic::restore,
    },
    Entry {
        name: "prophet",
        form: "prophet(multiplicative?)[season, ...]",
        summary: "A line that bends, seasons, events and regressors, by the mode of a posterior; for days and years.",
        build: prophet,
        restore: prophet::restore,
    },
    Entry {
        name: "croston",
        form: "croston, croston(sba) or croston(tsb)",
        summary: "For load that is mostly zero: sizes and intervals of the demands are smoothed apart.",
        build: croston,
        restore: croston::restore,
    },
    Entry {
        name: "ensemble",
        form: "ensemble(model, model, ...)",
        summary: "The plain mean of several models.",
        build: |call| {
            call.seasons(0, 1)?;
            Ok(Box::new(Ensemble { members: call.at_most_groups(1)?.models()? }))
        },
        restore: ensemble::restore,
    },
];

/// A stored fit, by its model's name.
pub(crate) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let name = grammar::head(&state.model);
    match CATALOGUE.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.restore)(state),
        None => Err(RestoreError::Model { model: state.model.clone() }),
    }
}

/// A model that takes neither arguments nor a season.
fn plain(call: &Call<'_>, model: impl Forecaster + 'static) -> Result<Box<dyn Forecaster>, GrammarError> {
    call.at_most_groups(0)?.seasons(0, 1)?;
    Ok(Box::new(model))
}

fn profile(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let words = call.at_most_groups(1)?.words(&["daily", "weekly"])?;
    call.one_of(&words, &["daily", "weekly"])?;
    let season = match (words.first().copied(), call.window()?) {
        (Some("daily"), _) => ProfileSeason::Daily,
        (Some(_), _) => ProfileSeason::Weekly,
        (None, Some(steps)) => ProfileSeason::Steps(steps),
        (None, None) => call.season(1)?.map_or(ProfileSeason::Usual, ProfileSeason::Steps),
    };
    if !words.is_empty() {
        call.seasons(0, 1)?;
    }
    Ok(Box::new(Profile { season }))
}

fn holt_winters(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let words = call.at_most_groups(1)?.words(&["additive", "multiplicative", "damped", "no_trend"])?;
    call.one_of(&words, &["additive", "multiplicative"])?;
    call.one_of(&words, &["damped", "no_trend"])?;
    let seasonal = if words.contains(&"multiplicative") { Seasonal::Multiplicative } else { Seasonal::Additive };
    Ok(Box::new(HoltWinters {
        seasonal,
        trend: !words.contains(&"no_trend"),
        damped: words.contains(&"damped"),
        season_length: call.season(2)?,
        ..HoltWinters::default()
    }))
}

fn arima(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let call = call.at_most_groups(2)?;
    let Some([p, d, q]) = call.numbers(0, MOST_TERMS)? else {
        return Ok(Box::new(Arima { season_length: call.season(1)?, ..Arima::default() }));
    };
    let order = Order::new(p, d, q);
    let Some([seasonal_p, seasonal_d, seasonal_q]) = call.numbers(1, MOST_SEASONAL_TERMS)? else {
        call.season(1)?;
        return Ok(Box::new(Arima::new(order)));
    };
    match call.season(2)? {
        Some(season_length) => {
            Ok(Box::new(Arima::new(order.seasonal(seasonal_p, seasonal_d, seasonal_q, season_length))))
        }
        None if seasonal_p + seasonal_d + seasonal_q == 0 => Ok(Box::new(Arima::new(order))),
        None => Err(call.wrong_argument(0, "seasonal orders need a season, for example `arima(1,0,1)(0,1,1)[24]`")),
    }
}

fn mstl(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let (robust, rest) = call.at_most_groups(1)?.word_and_model("robust")?;
    Ok(Box::new(Mstl { seasons: call.seasons_or_default(4, 2)?, robust, rest }))
}

fn harmonic(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let seasons = call.at_most_groups(1)?.seasons_or_default(4, 2)?;
    let harmonics = call.counts(0, MOST_HARMONICS)?;
    if let Some(harmonics) = &harmonics {
        if harmonics.len() != seasons.len() {
            let last = harmonics.len().saturating_sub(1);
            return Err(call.wrong_argument(last, "expected as many seasons in brackets as numbers of terms"));
        }
        if let Some(at) = harmonics.iter().zip(&seasons).position(|(k, m)| *k > m / 2) {
            return Err(call.wrong_argument(at, "expected at most half the steps of the season"));
        }
    }
    Ok(Box::new(Harmonic { seasons, harmonics, errors: None }))
}

fn prophet(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let multiplicative = call.at_most_groups(1)?.words(&["multiplicative"])?.contains(&"multiplicative");
    Ok(Box::new(Prophet { seasons: call.seasons_or_default(4, 2)?, multiplicative, ..Prophet::default() }))
}

fn theta(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let words = call.at_most_groups(1)?.words(&["standard", "optimized", "dynamic", "auto"])?;
    call.one_of(&words, &["standard", "optimized", "dynamic", "auto"])?;
    let kind = match words.first().copied() {
        Some("optimized") => ThetaKind::Optimized,
        Some("dynamic") => ThetaKind::Dynamic,
        Some("auto") => ThetaKind::Auto,
        _ => ThetaKind::Standard,
    };
    Ok(Box::new(Theta { kind, season_length: call.season(1)? }))
}

fn croston(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    call.seasons(0, 1)?;
    let words = call.at_most_groups(1)?.words(&["sba", "tsb"])?;
    call.one_of(&words, &["sba", "tsb"])?;
    let kind = match words.first().copied() {
        Some("sba") => CrostonKind::Sba,
        Some(_) => CrostonKind::Tsb,
        None => CrostonKind::Plain,
    };
    Ok(Box::new(Croston { kind, ..Croston::default() }))
}

fn ets(call: &Call<'_>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let season_length = call.season(2)?;
    let form = match call.at_most_groups(1)?.letters::<3>()? {
        None => None,
        Some(letters @ [error, trend, season]) => match Form::from_letters(error, trend, season) {
            Some(form) => Some(form),
            None => {
                let right = [["a", "m"].contains(&error), ["n", "a", "ad", "m", "md"].contains(&trend)];
                let at = right.iter().position(|right| !right).unwrap_or(2);
                let expected =
                    ["A or M for the error", "N, A, Ad, M or Md for the trend", "N, A or M for the season"][at];
                return Err(call.wrong_argument(at, &format!("`{}`: expected {expected}", letters[at])));
            }
        },
    };
    Ok(Box::new(Ets { form, season_length, ..Ets::default() }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, hourly};
    use super::*;

    #[test]
    fn every_entry_is_a_name_of_its_own() {
        for (i, entry) in CATALOGUE.iter().enumerate() {
            assert!(CATALOGUE[..i].iter().all(|other| other.name != entry.name), "{} is there twice", entry.name);
            assert!(entry.form.starts_with(entry.name) && entry.summary.ends_with('.'), "{}", entry.name);
        }
    }

    #[test]
    fn the_rules_hold_to_what_every_fit_holds_to() {
        let mut dice = crate::paths::Dice::new(1);
        let y = hourly(&(0..60).map(|t| f64::from(t % 8) + dice.unit()).collect::<Vec<_>>());
        for name in
            ["naive", "mean", "mean[5]", "drift", "seasonal_naive[8]", "seasonal_naive_levelled[8]", "profile[8]"]
        {
            check_fitted_traits(&*grammar::parse(name).unwrap(), &y);
        }
    }

    #[test]
    fn only_a_model_that_learned_regressors_asks_for_them_in_an_update() {
        let mut dice = crate::paths::Dice::new(2);
        let y = hourly(&(0..200).map(|t| f64::from(t % 24) + dice.unit()).collect::<Vec<_>>());
        let names = vec!["speed".to_owned()];
        let values = ndarray::Array2::from_shape_fn((200, 1), |(t, _)| f64::from(u8::from(t % 7 == 0)));
        let with = y.clone().with_regressors(crate::Regressors { names, values }).unwrap();
        for entry in CATALOGUE {
            let name = if entry.name == "ensemble" { "ensemble(naive, mean)" } else { entry.name };
            let mut fitted = grammar::parse(name).unwrap().fit(&with.slice(0, 190).unwrap()).unwrap();
            let learns = ["arima", "harmonic", "prophet"].contains(&entry.name);
            assert_eq!(fitted.update(&y.span(190, 195).unwrap()).is_err(), learns, "{name} without them");
            let next = if learns { 190..195 } else { 195..200 };
            fitted.update(&with.span(next.start, next.end).unwrap()).unwrap();
        }
    }

    #[test]
    fn an_unknown_stored_fit_is_refused() {
        let state = |version, model: &str| FittedState { version, model: model.into(), state: serde_json::json!(3) };
        assert!(matches!(state(1, "crystal_ball[3]").restore(), Err(RestoreError::Model { .. })));
        assert!(matches!(state(99, "naive").restore(), Err(RestoreError::Version { got: 99, .. })));
        assert!(matches!(state(1, "naive").restore(), Err(RestoreError::State { .. })));
    }
}

//! Box-Cox parameters, autocorrelations and numbers of differences against R.

use forecast_core::{box_cox, diagnostics};

use super::{check_all_close, check_close, data, number, numbers, reference, series};

const TRANSFORMED: [&str; 4] = ["AirPassengers", "lynx", "wineind", "UKgas"];
const DIFFERENCED: [&str; 8] = ["AirPassengers", "USAccDeaths", "WWWusage", "lynx", "wineind", "nottem", "co2", "Nile"];

/// Every entry that is compared.
pub(super) fn entries() -> impl Iterator<Item = String> {
    let transformed = TRANSFORMED.into_iter().map(|name| format!("boxcox_lambda_{name}"));
    transformed.chain(DIFFERENCED.into_iter().map(|name| format!("ndiffs_{name}")))
}

fn season_length(name: &str) -> usize {
    data(&format!("data_{name}.json"))["frequency"].as_f64().unwrap() as usize
}

#[test]
fn box_cox_parameters() {
    for name in TRANSFORMED {
        let entry = reference(&format!("boxcox_lambda_{name}"));
        let (y, m) = (series(name), season_length(name));
        // R's search for the least stops 1e-4 short of it.
        let found = box_cox::guerrero(y.values(), m).unwrap();
        assert!((found - number(&entry["guerrero"])).abs() < 5e-4, "{name}: {found}, R {}", entry["guerrero"]);
        // R looks at a grid of 0.05 only.
        let found = box_cox::maximum_likelihood(y.values(), m).unwrap();
        assert!((found - number(&entry["loglik"])).abs() < 0.05, "{name}: {found}, R {}", entry["loglik"]);
    }
}

#[test]
fn memory_and_differences() {
    for name in DIFFERENCED {
        let entry = reference(&format!("ndiffs_{name}"));
        let (y, m) = (series(name), season_length(name));
        let y = y.values();
        check_all_close(&format!("{name}, acf"), &diagnostics::autocorrelations(y, 10), &numbers(&entry["acf"]), 1e-12);
        let partial = diagnostics::partial_autocorrelations(y, 10);
        check_all_close(&format!("{name}, pacf"), &partial, &numbers(&entry["pacf"]), 1e-11);
        check_close(&format!("{name}, Ljung-Box"), diagnostics::ljung_box(y, 10), number(&entry["ljung_box10"]), 1e-12);
        assert_eq!(diagnostics::differences(y), number(&entry["ndiffs_kpss"]) as usize, "{name}, KPSS");
        let by_dickey_fuller = diagnostics::differences_by_dickey_fuller(y, Some(1));
        assert_eq!(by_dickey_fuller, number(&entry["ndiffs_adf"]) as usize, "{name}, ADF");
        if m > 1 {
            let expected = number(&entry["nsdiffs_seas"]) as usize;
            assert_eq!(diagnostics::seasonal_differences(y, m), expected, "{name}, season");
        }
    }
}

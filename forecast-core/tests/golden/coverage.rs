//! Every entry of R's reference is compared, or stands in `tests/data/README.md` with the reason why not.

use std::collections::BTreeSet;

use super::{arima, data, diagnostics, ets, harmonic, holt_winters, naive, stl, structural, theta};

/// Entries of models that are not here.
const NOT_HERE: [&str; 3] = ["tbats_USAccDeaths", "StructTS_BSM_log10_UKgas", "HoltWinters_uspop_holt"];
/// Entries of what is here that are not compared.
const EXCEPTIONS: [&str; 4] =
    ["stl_s7_robust_nottem", "stl_s7_robust_AirPassengers", "na_interp_gold_head", "tsoutliers_gold"];

/// The entries that the tests of the other modules go through.
pub(super) fn compared() -> BTreeSet<String> {
    let single = [harmonic::ENTRY, structural::ENTRY].into_iter().chain(naive::ENTRIES).chain(holt_winters::ENTRIES);
    let all = arima::entries().chain(diagnostics::entries()).chain(ets::entries()).chain(stl::entries());
    all.chain(theta::entries()).chain(single.map(str::to_owned)).collect()
}

#[test]
fn every_entry_is_compared_or_an_exception_with_its_reason() {
    let compared = compared();
    let left_out: BTreeSet<String> = NOT_HERE.into_iter().chain(EXCEPTIONS).map(str::to_owned).collect();
    let known: BTreeSet<String> = data("reference.json")["references"].as_object().unwrap().keys().cloned().collect();
    let listed: BTreeSet<String> = compared.union(&left_out).cloned().collect();
    assert_eq!(known.difference(&listed).collect::<Vec<_>>(), [""; 0], "neither compared nor left out");
    assert_eq!(listed.difference(&known).collect::<Vec<_>>(), [""; 0], "not in the reference");
    assert_eq!(compared.intersection(&left_out).collect::<Vec<_>>(), [""; 0], "compared and left out");
    let readme = include_str!("../data/README.md");
    assert!(readme.contains(&format!("compare with {} of the others", compared.len())), "{} compared", compared.len());
    for entry in &left_out {
        assert!(readme.contains(&format!("`{entry}`")), "the page names no reason for `{entry}`");
    }
}

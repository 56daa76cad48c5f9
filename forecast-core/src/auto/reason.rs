//! Why a member of the mixture has its weight, in words.

use super::engine::Standing;
use crate::model::Member;

/// Members as they are shown to people.
pub(super) fn members(standing: &[Standing], until_lead: &[usize]) -> Vec<Member> {
    let loss = |s: &Standing| s.losses.iter().sum::<f64>();
    let best = standing.iter().filter(|s| s.awake).map(loss).fold(f64::INFINITY, f64::min);
    standing
        .iter()
        .map(|s| Member {
            name: s.name.clone(),
            weights: s.weights.clone(),
            until_lead: until_lead.to_vec(),
            reason: reason(s, loss(s), best),
        })
        .collect()
}

fn reason(standing: &Standing, loss: f64, best: f64) -> String {
    let share = standing.weights.iter().sum::<f64>() / standing.weights.len() as f64;
    if !standing.awake {
        return "waits for a longer history".into();
    }
    if !(best > 0.0 && loss.is_finite()) {
        return "nothing told the members apart yet".into();
    }
    let more = 100.0 * (loss / best - 1.0);
    let error =
        if more < 0.5 { "lowest error of late".into() } else { format!("{more:.0} % more error than the best") };
    let early = standing.weights.first().copied().unwrap_or(share);
    let late = standing.weights.last().copied().unwrap_or(share);
    let use_of_it = if share < 0.05 && early < 0.1 && late < 0.1 {
        "adds little to the others"
    } else if early > 2.0 * late {
        "used for the first leads"
    } else if late > 2.0 * early {
        "used for the later leads"
    } else if more >= 10.0 {
        "errs at other times than they do"
    } else {
        "used for all leads"
    };
    format!("{error}; {use_of_it}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_reason(weights: &[f64], losses: &[f64], awake: bool, expected: &str) {
        let other =
            Standing { name: "other".into(), awake: true, weights: vec![0.5; weights.len()], losses: vec![1.0; 2] };
        let one = Standing { name: "one".into(), awake, weights: weights.to_vec(), losses: losses.to_vec() };
        let members = members(&[other, one], &[1, 2]);
        assert_eq!(members[1].reason, expected);
        assert_eq!(members[1].until_lead, [1, 2]);
    }

    #[test]
    fn reasons_are_read_off_weights_and_losses() {
        check_reason(&[0.5, 0.5], &[1.0, 1.0], true, "lowest error of late; used for all leads");
        check_reason(&[0.5, 0.1], &[1.0, 1.2], true, "10 % more error than the best; used for the first leads");
        check_reason(&[0.1, 0.5], &[1.0, 1.2], true, "10 % more error than the best; used for the later leads");
        check_reason(&[0.3, 0.3], &[1.0, 2.0], true, "50 % more error than the best; errs at other times than they do");
        check_reason(&[0.0, 0.0], &[3.0, 3.0], true, "200 % more error than the best; adds little to the others");
        check_reason(&[0.0, 0.0], &[1.0, 1.0], false, "waits for a longer history");
    }
}

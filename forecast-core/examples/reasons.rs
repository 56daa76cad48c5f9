//! What `auto` relies on, and why: `cargo run --release -p forecast-core --example reasons`.
//!
//! `auto` mixes several methods; the shares differ by how far ahead a step is. The fit is stored as text, too, and goes on
//! from there with new measurements, without learning anew.

mod load;

use std::error::Error;

use forecast_core::{Ahead, Auto, FittedState, Forecaster};

fn main() -> Result<(), Box<dyn Error>> {
    let y = load::shop(24 * 28, 1)?;
    let (known, new) = (y.span(0, 24 * 27), y.span(24 * 27, 24 * 28));
    let (Some(known), Some(new)) = (known, new) else { return Err("the series is shorter than four weeks".into()) };
    let fitted = Auto::for_horizon(24).fit(&known)?;
    println!("{:>6} {:>6} {:>6}  member", "1 h", "12 h", "24 h");
    for member in fitted.members() {
        let share = |lead: usize| {
            let group = member.until_lead.iter().position(|until| lead <= *until);
            100.0 * group.map_or(0.0, |group| member.weights[group])
        };
        println!("{:5.0}% {:5.0}% {:5.0}%  {}: {}", share(1), share(12), share(24), member.name, member.reason);
    }
    let text = serde_json::to_string(&fitted.state())?;
    let mut restored = serde_json::from_str::<FittedState>(&text)?.restore()?;
    restored.update(&new)?;
    let next = restored.forecast(&Ahead::steps(1), &[])?;
    println!("stored in {} KB; the hour after the new day: {:.1}", text.len() / 1024, next.point[0]);
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}

//! Writes a sample report from generated data: `cargo run -p stormglass-report --example sample > sample.html`.

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(stormglass_report::render(&sample::report()).as_bytes())
}

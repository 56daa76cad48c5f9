//! Journals of experiments: any bytes give lines and a count of what could not be read, and each undo that is found stands there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stormglass_chaos::engine::journal::Contents;

fuzz_target!(|data: &[u8]| {
    let contents = Contents::parse(data);
    let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    assert_eq!(contents.entries.len() + contents.damaged, lines);
    for standing in contents.standings() {
        assert!(!standing.open() || standing.holder.is_some());
    }
    let _ = (contents.title(), contents.runner(), contents.finished());
});

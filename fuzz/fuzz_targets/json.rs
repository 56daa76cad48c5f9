//! Values as state holds them, in JSON: any text gives a value or an error, and a value is written and read back as it
//! was.
//!
//! Input: a type in JSON notation on the first line, then the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tfplugin::Type;
use tfplugin::value::json;

fuzz_target!(|data: &str| {
    let Some((line, text)) = data.split_once('\n') else { return };
    let Ok(of) = Type::from_json_bytes(line.as_bytes()) else { return };
    if let Ok(value) = json::decode(text, &of) {
        assert_eq!(json::decode(&json::encode(&value, &of), &of).as_ref(), Ok(&value));
    }
});

//! Values as Terraform sends them, in MessagePack: any bytes give a value or an error, and a value is written and read
//! back as it was.
//!
//! Input: a type in JSON notation on the first line, then the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tfplugin::Type;
use tfplugin::value::msgpack;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(of) = Type::from_json_bytes(&data[..end]) else { return };
    if let Ok(value) = msgpack::decode(&data[end + 1..], &of) {
        let bytes = msgpack::encode(&value, &of).expect("a value that was read has the shape of its type");
        assert_eq!(msgpack::decode(&bytes, &of).as_ref(), Ok(&value));
    }
});

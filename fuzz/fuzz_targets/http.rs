//! HTTP/1 as the fault `tcp_proxy` reads it: any bytes give a head or none, and bodies end at the same place however reads
//! cut them.
//!
//! Input: where the body's bytes are cut, one byte, then what a client or a server sends.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use stormglass_integrations::faults::tcp_proxy::http::body::Body;
use stormglass_integrations::faults::tcp_proxy::http::head::{self, Edit, Found, Framing};

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    if let Found::Whole(request) = head::request(bytes) {
        assert!(request.length <= bytes.len());
        body(request.framing, &bytes[request.length..], usize::from(*cut));
    }
    for method in ["GET", "HEAD"] {
        let Found::Whole(answer) = head::answer(bytes, method) else { continue };
        assert!(answer.length <= bytes.len());
        body(answer.framing, &bytes[answer.length..], usize::from(*cut));
        let set = BTreeMap::from([("server".to_owned(), "other".to_owned())]);
        let edit = Edit { set: &set, remove: &["date".to_owned()], length: None };
        let edited = head::edited(&bytes[..answer.length], edit).expect("a head that was read can be changed");
        // Other headers do not move the end of the body; a connection is kept as before.
        match head::answer(&edited, method) {
            Found::Whole(again) => {
                assert_eq!(again.length, edited.len());
                assert_eq!((again.status, again.framing, again.keeps), (answer.status, answer.framing, answer.keeps));
            }
            // One header more can be one too many.
            _ => assert!(edited.len() > answer.length),
        }
    }
    body(Framing::Chunked, bytes, usize::from(*cut));
});

/// Takes the bytes in one and in two reads.
fn body(framing: Framing, bytes: &[u8], cut: usize) {
    let mut whole = Body::new(framing);
    let taken = whole.take(bytes);
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let mut parts = Body::new(framing);
    let n = parts.take(first);
    let both = n.and_then(|n| if parts.is_over() { Ok(n) } else { parts.take(second).map(|m| n + m) });
    assert_eq!(taken, both);
    assert_eq!(whole, parts);
    if let Ok(n) = taken {
        assert!(n == bytes.len() || whole.is_over());
    }
}

//! Heads of requests and answers: what they say about the body that follows. Source: RFC 9112, sections 2 to 6 and 9.

use std::collections::BTreeMap;

use httparse::{EMPTY_HEADER, Header, Status};

/// Largest head that is understood, in bytes; a longer one passes as it is.
pub const LARGEST: usize = 64 * 1024;
/// Most headers that are understood.
const HEADERS: usize = 128;

/// What the bytes so far are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// A head.
    Whole(T),
    /// The beginning of a head, or nothing.
    Partial,
    /// No head of HTTP/1, whatever follows.
    Other,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After a chunk of length nought and the trailers.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What the head of a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Length of the head, in bytes.
    pub length: usize,
    /// Method.
    pub method: String,
    /// Path without scheme, host and query.
    pub path: String,
    /// How its body ends.
    pub framing: Framing,
    /// The connection may serve another request.
    pub keeps: bool,
    /// The body comes only after an interim answer (`Expect: 100-continue`).
    pub waits: bool,
}

/// What the head of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Length of the head, in bytes.
    pub length: usize,
    /// Status.
    pub status: u16,
    /// How its body ends.
    pub framing: Framing,
    /// It has no body, whatever its headers say: an answer to `HEAD`, 1xx, 204, 304.
    pub bodiless: bool,
    /// The connection may serve another request.
    pub keeps: bool,
}

/// What an answer is given in place of its own.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// Headers to set.
    pub set: &'a BTreeMap<String, String>,
    /// Headers to remove.
    pub remove: &'a [String],
    /// Length of another body.
    pub length: Option<usize>,
}

/// Reads the head of a request.
pub fn request(bytes: &[u8]) -> Found<Request> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() < LARGEST => return Found::Partial,
        _ => return Found::Other,
    };
    let (Some(method), Some(target)) = (head.method, head.path) else { return Found::Other };
    // A body that ends in a way that is not understood cannot be told from the next request.
    let framing = match framing(head.headers) {
        Some(Framing::UntilClose) if values(head.headers, "transfer-encoding").next().is_some() => return Found::Other,
        Some(Framing::UntilClose) => Framing::Length(0),
        Some(framing) => framing,
        None => return Found::Other,
    };
    Found::Whole(Request {
        length,
        method: method.to_owned(),
        path: path(target).to_owned(),
        framing,
        keeps: keeps(head.version, head.headers),
        waits: has_token(head.headers, "expect", "100-continue"),
    })
}

/// Reads the head of an answer to a request with this method.
pub fn answer(bytes: &[u8], method: &str) -> Found<Answer> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() < LARGEST => return Found::Partial,
        _ => return Found::Other,
    };
    let (Some(status), Some(framing)) = (head.code, framing(head.headers)) else { return Found::Other };
    let bodiless = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
    let framing = if bodiless { Framing::Length(0) } else { framing };
    Found::Whole(Answer { length, status, framing, bodiless, keeps: keeps(head.version, head.headers) })
}

/// The head of an answer with other headers; `None` where it is none.
pub fn edited(bytes: &[u8], edit: Edit<'_>) -> Option<Vec<u8>> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    head.parse(bytes).ok()?.is_complete().then_some(())?;
    let (version, status) = (head.version?, head.code?);
    let mut text = format!("HTTP/1.{version} {status:03} {}\r\n", head.reason.unwrap_or_default()).into_bytes();
    // What describes the body that is replaced.
    let of_body = ["content-length", "transfer-encoding", "content-encoding", "trailer", "content-md5", "digest"];
    for header in head.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let replaced = edit.set.keys().any(|name| is(name)) || edit.remove.iter().any(|name| is(name));
        let of_old_body = edit.length.is_some() && of_body.into_iter().any(is);
        if !replaced && !of_old_body {
            line(&mut text, header.name, header.value);
        }
    }
    for (name, value) in edit.set {
        line(&mut text, name, value.as_bytes());
    }
    if let Some(length) = edit.length {
        line(&mut text, "content-length", length.to_string().as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    Some(text)
}

fn line(text: &mut Vec<u8>, name: &str, value: &[u8]) {
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}

/// How the body ends; `None` where the headers contradict each other (RFC 9112, section 6.3).
fn framing(headers: &[Header<'_>]) -> Option<Framing> {
    if let Some(last) = values(headers, "transfer-encoding").last() {
        return Some(if last.eq_ignore_ascii_case("chunked") { Framing::Chunked } else { Framing::UntilClose });
    }
    let mut lengths = values(headers, "content-length");
    let Some(first) = lengths.next() else { return Some(Framing::UntilClose) };
    let digits = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
    let length = first.parse().ok().filter(|_| digits)?;
    lengths.all(|other| other == first).then_some(Framing::Length(length))
}

fn keeps(version: Option<u8>, headers: &[Header<'_>]) -> bool {
    if version == Some(1) {
        !has_token(headers, "connection", "close")
    } else {
        has_token(headers, "connection", "keep-alive")
    }
}

fn has_token(headers: &[Header<'_>], name: &str, token: &str) -> bool {
    values(headers, name).any(|value| value.eq_ignore_ascii_case(token))
}

/// All values of a header, those of a list one by one; one that is no text counts as empty.
fn values<'a>(headers: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |h| h.name.eq_ignore_ascii_case(name))
        .flat_map(|h| std::str::from_utf8(h.value).unwrap_or_default().split(','))
        .map(str::trim)
}

fn path(target: &str) -> &str {
    let origin = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    origin.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole<T>(found: Found<T>) -> T {
        match found {
            Found::Whole(head) => head,
            _ => panic!("no head"),
        }
    }

    #[test]
    fn requests_say_how_they_end() {
        let head = b"POST http://shop.example/orders/7?x=/y HTTP/1.1\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\nbody";
        let found = whole(request(head));
        let expected = Request {
            length: head.len() - 4,
            method: "POST".into(),
            path: "/orders/7".into(),
            framing: Framing::Length(12),
            keeps: true,
            waits: true,
        };
        assert_eq!(found, expected);
        for (text, framing, keeps) in [
            ("GET / HTTP/1.1\r\n\r\n", Framing::Length(0), true),
            ("GET / HTTP/1.1\r\nConnection: keep-alive, Close\r\n\r\n", Framing::Length(0), false),
            ("GET / HTTP/1.0\r\n\r\n", Framing::Length(0), false),
            ("PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Framing::Chunked, true),
            ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", Framing::Chunked, true),
            ("PUT / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n", Framing::Length(3), true),
        ] {
            let found = whole(request(text.as_bytes()));
            assert_eq!((found.framing, found.keeps), (framing, keeps), "{text}");
        }
    }

    #[test]
    fn what_is_no_http_is_told_at_once() {
        for bytes in [
            &b"\x16\x03\x01\x02\x00"[..],
            b"PRI * HTTP/2.0\r\n\r\n",
            b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
            b"PUT / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            b"PUT / HTTP/1.1\r\nContent-Length: +3\r\n\r\n",
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        ] {
            assert_eq!(request(bytes), Found::Other, "{bytes:?}");
        }
        assert_eq!(request(b"GET / HT"), Found::Partial);
        assert_eq!(request(&[b'a'; LARGEST]), Found::Other);
    }

    #[test]
    fn answers_end_as_the_request_and_the_status_say() {
        let length = |text: &str, method| {
            let found = whole(answer(text.as_bytes(), method));
            (found.framing, found.bodiless)
        };
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(length(plain, "GET"), (Framing::Length(5), false));
        assert_eq!(length(plain, "HEAD"), (Framing::Length(0), true));
        assert_eq!(length("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET"), (Framing::Length(0), true));
        assert_eq!(length("HTTP/1.0 200 OK\r\n\r\n", "GET"), (Framing::UntilClose, false));
    }

    #[test]
    fn edited_heads_have_the_new_headers_only() {
        let head =
            b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nETag: \"1\"\r\ncontent-encoding: gzip\r\n\r\n";
        let set = BTreeMap::from([("server".to_owned(), "y".to_owned())]);
        let edit = Edit { set: &set, remove: &["etag".to_owned()], length: None };
        let expected = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-encoding: gzip\r\nserver: y\r\n\r\n";
        assert_eq!(String::from_utf8(edited(head, edit).unwrap()).unwrap(), expected);
        // A status keeps its three digits: without them it is no head any more.
        let edit = Edit { set: &BTreeMap::new(), remove: &[], length: None };
        assert_eq!(edited(b"HTTP/1.1 004 Odd\r\n\r\n", edit).unwrap(), b"HTTP/1.1 004 Odd\r\n\r\n");
        let edit = Edit { set: &BTreeMap::new(), remove: &[], length: Some(2) };
        let expected = "HTTP/1.1 200 OK\r\nServer: x\r\nETag: \"1\"\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(String::from_utf8(edited(head, edit).unwrap()).unwrap(), expected);
    }
}

//! Bodies: how many of the next bytes belong to them. Source: RFC 9112, sections 6 and 7.1.

use super::head::Framing;

/// Most bytes of a line in a chunked body (a chunk's length with extensions, a trailer).
const LONGEST_LINE: u32 = 16 * 1024;

/// A body that is passed on; it has no bytes, only the place that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(State);

/// A chunked body whose chunks cannot be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not chunked as it says: expected a length in hexadecimal digits and that many bytes")]
pub struct Malformed;

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// So many bytes are left.
    Left(u64),
    /// All that comes.
    UntilClose,
    /// In a chunk's length: its digits so far, and how many.
    Size { size: u64, digits: u8 },
    /// Behind a chunk's length, up to the line's end.
    Extension { size: u64, line: u32 },
    /// In a chunk: so many bytes are left.
    Chunk(u64),
    /// Behind a chunk, up to the line's end.
    AfterChunk,
    /// In the trailers: length of the line so far, without its end.
    Trailer { line: u32 },
}

impl Body {
    /// A body before its first byte.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Length(length) => State::Left(length),
            Framing::Chunked => State::Size { size: 0, digits: 0 },
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether all of it was seen; a body that ends with the connection never says so.
    pub fn is_over(&self) -> bool {
        self.0 == State::Left(0)
    }

    /// Whether the connection's end is its end.
    pub fn ends_with_connection(&self) -> bool {
        self.0 == State::UntilClose
    }

    /// How many of these bytes, from the first on, belong to it; fewer than all only where it is over.
    ///
    /// # Errors
    /// A chunked body that is malformed; nothing is known about what follows.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_over() {
            taken += match &mut self.0 {
                State::UntilClose => bytes.len() - taken,
                State::Left(left) => advance(left, bytes.len() - taken),
                State::Chunk(left) => {
                    let n = advance(left, bytes.len() - taken);
                    if *left == 0 {
                        self.0 = State::AfterChunk;
                    }
                    n
                }
                _ => {
                    self.0 = self.after(bytes[taken])?;
                    1
                }
            };
        }
        Ok(taken)
    }

    /// The state behind one byte of a line.
    fn after(&self, byte: u8) -> Result<State, Malformed> {
        Ok(match (&self.0, byte) {
            (&State::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                // Sixteen digits are all that 64 bits hold.
                if digits == 16 {
                    return Err(Malformed);
                }
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                State::Size { size: size << 4 | digit, digits: digits + 1 }
            }
            (State::Size { digits: 0, .. }, _) => return Err(Malformed),
            (&State::Size { size, .. } | &State::Extension { size, .. }, b'\n') if size == 0 => {
                State::Trailer { line: 0 }
            }
            (&State::Size { size, .. } | &State::Extension { size, .. }, b'\n') => State::Chunk(size),
            (&State::Size { size, .. }, b'\r' | b';' | b' ' | b'\t') => State::Extension { size, line: 0 },
            (&State::Extension { size, line }, _) if line < LONGEST_LINE => State::Extension { size, line: line + 1 },
            (State::AfterChunk, b'\r') => State::AfterChunk,
            (State::AfterChunk, b'\n') => State::Size { size: 0, digits: 0 },
            (State::Trailer { line: 0 }, b'\n') => State::Left(0),
            (State::Trailer { .. }, b'\n') => State::Trailer { line: 0 },
            (State::Trailer { line: 0 }, b'\r') => State::Trailer { line: 0 },
            (&State::Trailer { line }, _) if line < LONGEST_LINE => State::Trailer { line: line + 1 },
            _ => return Err(Malformed),
        })
    }
}

/// Takes up to `available` of what is left.
fn advance(left: &mut u64, available: usize) -> usize {
    let n = usize::try_from(*left).map_or(available, |left| left.min(available));
    *left -= n as u64;
    n
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(framing: Framing, bytes: &[u8]) -> (Result<usize, Malformed>, bool) {
        let mut body = Body::new(framing);
        (body.take(bytes), body.is_over())
    }

    #[test]
    fn bodies_end_where_they_say() {
        let next = "GET / HTTP/1.1\r\n";
        for (framing, text, over) in [
            (Framing::Length(5), "hello", true),
            (Framing::Length(0), "", true),
            (Framing::Chunked, "5\r\nhello\r\n0\r\n\r\n", true),
            (Framing::Chunked, "A;ext=1\r\n0123456789\r\n1 \r\nx\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", true),
            (Framing::Chunked, "1\nx\n0\n\n", true),
        ] {
            let found = taken(framing, format!("{text}{next}").as_bytes());
            assert_eq!(found, (Ok(text.len()), over), "{text}");
        }
        assert_eq!(taken(Framing::UntilClose, b"all"), (Ok(3), false));
        assert_eq!(taken(Framing::Length(9), b"half"), (Ok(4), false));
    }

    #[test]
    fn what_is_not_chunked_is_told() {
        for text in ["\r\n", "x\r\n", "5hello", "1\r\nxy\r\n", "11111111111111111\r\n", "-1\r\n"] {
            assert_eq!(taken(Framing::Chunked, text.as_bytes()).0, Err(Malformed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_reads_end(bytes in "[0-9a-f\r\n; x]{0,64}", at in 0_usize..64) {
            let bytes = bytes.as_bytes();
            let at = at.min(bytes.len());
            let whole = taken(Framing::Chunked, bytes);
            let mut body = Body::new(Framing::Chunked);
            let parts = body.take(&bytes[..at]).and_then(|n| {
                if body.is_over() { Ok(n) } else { body.take(&bytes[at..]).map(|m| n + m) }
            });
            prop_assert_eq!(whole, (parts, body.is_over()));
        }
    }
}

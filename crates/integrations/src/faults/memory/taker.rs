//! Pages that are taken and given back.

use std::io;

use serde_json::json;
use stormglass_chaos::{Class, Fault, FaultError, Injected, Target, Touch};

use super::room::scopes;
use super::{Memory, NAME};
use crate::faults::fill::{Filling, Scope, Store, plan};

/// Size of one allocation: above the largest size that glibc serves from a heap that it keeps (32 MiB on 64 bits), so that
/// what is given back reaches the kernel.
const CHUNK: usize = 64 << 20;
/// Bytes touched between two looks at what is left.
const STEP: usize = 16 << 20;
/// What pages are filled with: not nought, which the kernel could share.
const FILL: u8 = 0xa5;

impl Fault for Memory {
    fn class(&self) -> Class {
        Class::Reversible
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        let scopes = scopes().map_err(seeing)?;
        let plan = plan(&self.asked, &scopes, "memory")?;
        Ok(Touch { targets: vec![Target::Host], plan, undo: json!({}) })
    }

    fn inject(&self, _: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        std::fs::write("/proc/self/oom_score_adj", "1000").map_err(|e| FaultError::System {
            step: "making this process the first to end when memory runs out (/proc/self/oom_score_adj)".to_owned(),
            reason: e.to_string(),
        })?;
        Filling::start(NAME, Pages::default(), self.asked)
    }
}

fn seeing(error: io::Error) -> FaultError {
    FaultError::System { step: "reading how much memory is left".to_owned(), reason: error.to_string() }
}

/// Touched pages, in chunks.
#[derive(Default)]
struct Pages {
    chunks: Vec<Vec<u8>>,
}

impl Store for Pages {
    fn scopes(&self) -> io::Result<Vec<Scope>> {
        scopes()
    }

    fn held(&self) -> u64 {
        self.chunks.iter().map(|c| c.len() as u64).sum()
    }

    fn resize(&mut self, bytes: u64) -> io::Result<()> {
        let held = self.held();
        if bytes > held {
            return self.grow((bytes - held).min(STEP as u64) as usize);
        }
        let mut excess = held - bytes;
        while let Some(last) = self.chunks.last_mut().filter(|_| excess > 0) {
            if last.len() as u64 <= excess {
                excess -= last.len() as u64;
                self.chunks.pop();
            } else {
                last.truncate(last.len() - excess as usize);
                last.shrink_to_fit();
                excess = 0;
            }
        }
        Ok(())
    }
}

impl Pages {
    fn grow(&mut self, bytes: usize) -> io::Result<()> {
        let room = |chunk: &Vec<u8>| chunk.capacity() - chunk.len();
        if self.chunks.last().is_none_or(|c| room(c) == 0) {
            let mut chunk = Vec::new();
            chunk.try_reserve_exact(CHUNK).map_err(io::Error::other)?;
            self.chunks.push(chunk);
        }
        if let Some(last) = self.chunks.last_mut() {
            last.resize(last.len() + bytes.min(room(last)), FILL);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_and_go_by_the_byte() {
        let mut pages = Pages::default();
        let mut to = |bytes: u64| {
            for _ in 0..20 {
                pages.resize(bytes).unwrap();
            }
            assert_eq!(pages.held(), bytes);
            assert!(pages.chunks.iter().all(|chunk| chunk.iter().step_by(4096).all(|b| *b == FILL)));
        };
        for bytes in [1, 100 << 20, (100 << 20) - 1, 70 << 20, 90 << 20, 3, 0, 5] {
            to(bytes);
        }
    }
}

//! Units as they are asked for, start, serve and are given back; the same for every way to scale.

use std::collections::VecDeque;

/// Ready units and those that start; starting ones are given back first, the youngest ahead.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fleet {
    ready: u32,
    /// When they are ready, and how many.
    starting: VecDeque<(usize, u32)>,
    start_up: usize,
}

impl Fleet {
    /// A fleet of ready units whose next ones take `start_up` ticks.
    pub(crate) fn new(ready: u32, start_up: usize) -> Self {
        Self { ready, starting: VecDeque::new(), start_up }
    }

    /// Units whose time has come are ready from here on.
    pub(crate) fn advance(&mut self, tick: usize) {
        while self.starting.front().is_some_and(|(at, _)| *at <= tick) {
            self.ready += self.starting.pop_front().map_or(0, |(_, count)| count);
        }
    }

    pub(crate) fn ready(&self) -> u32 {
        self.ready
    }

    /// Units that start.
    pub(crate) fn pending(&self) -> u32 {
        self.starting.iter().map(|(_, count)| count).sum()
    }

    /// All that is asked for and paid for.
    pub(crate) fn size(&self) -> u32 {
        self.ready + self.pending()
    }

    /// Asks for a size.
    pub(crate) fn want(&mut self, tick: usize, units: u32) {
        let size = self.size();
        if units > size && self.start_up == 0 {
            self.ready += units - size;
        } else if units > size {
            self.starting.push_back((tick + self.start_up, units - size));
        }
        let mut drop = size.saturating_sub(units);
        while drop > 0 {
            match self.starting.back_mut() {
                Some((_, count)) if *count > drop => {
                    *count -= drop;
                    drop = 0;
                }
                Some((_, count)) => {
                    drop -= *count;
                    self.starting.pop_back();
                }
                None => {
                    self.ready -= drop.min(self.ready);
                    drop = 0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_units_are_given_back_first() {
        let mut fleet = Fleet::new(4, 3);
        fleet.want(0, 6);
        fleet.want(1, 9);
        assert_eq!((fleet.ready(), fleet.pending(), fleet.size()), (4, 5, 9));
        fleet.want(2, 5);
        assert_eq!((fleet.ready(), fleet.pending()), (4, 1));
        fleet.advance(3);
        assert_eq!((fleet.ready(), fleet.pending()), (5, 0));
        fleet.want(4, 2);
        assert_eq!((fleet.ready(), fleet.size()), (2, 2));
    }
}

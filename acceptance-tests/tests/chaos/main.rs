//! Experiments through the built command: processes are killed, and what is left is looked for from outside.

#![cfg(target_os = "linux")]

mod checkout;
mod command;
mod faults;
mod journal;
mod lab;
mod places;
mod runs;
mod storm;
mod terraform;
mod wrong;

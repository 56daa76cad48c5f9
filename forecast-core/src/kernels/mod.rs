//! Inner loops, each written once over lanes and compiled for what the machine has.
//!
//! Lanes are vertical (a lane is a candidate, a derivative or a series), operations come in one order, and nothing is
//! fused: each path gives the same bits. [`force`] picks a path by hand, so that a test can compare them.

use std::sync::atomic::{AtomicU8, Ordering};

pub(crate) mod arma;
pub(crate) mod css;
pub(crate) mod ets;
pub(crate) mod ets_linear;
pub(crate) mod ets_tangent;
pub(crate) mod ets_wide;
pub(crate) mod holt_winters;
pub(crate) mod matrix;
#[doc(hidden)]
pub mod measure;
pub(crate) mod shifts;
pub(crate) mod theta;
pub(crate) mod wide;

/// Instructions that a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// What every machine of the architecture has.
    Portable,
    /// 256-bit vectors on x86-64.
    Avx2,
}

/// 0: not looked yet, 1: portable, 2: AVX2.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The path that kernels take.
pub fn dispatch() -> Dispatch {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Dispatch::Portable,
        2 => Dispatch::Avx2,
        _ => force(Dispatch::Avx2),
    }
}

/// Makes kernels take a path from now on, and says which one they take: a path that the machine lacks is not taken.
pub fn force(wanted: Dispatch) -> Dispatch {
    let found = if wanted == Dispatch::Avx2 && has_avx2() { Dispatch::Avx2 } else { Dispatch::Portable };
    CHOSEN.store(if found == Dispatch::Avx2 { 2 } else { 1 }, Ordering::Relaxed);
    found
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// Stands in a loop over entries whose lanes are vectors already: the compiler would otherwise turn several entries around,
/// so that a vector has one lane of each, which takes twice as long.
#[inline(always)]
pub(crate) fn keep_lanes() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: no instruction at all; it neither reads nor writes anything.
    unsafe {
        std::arch::asm!("", options(nomem, nostack, preserves_flags));
    }
}

/// Compiles a function twice and calls the one for the chosen path.
///
/// `dispatched!(name = inner, (argument: Type, ...) -> Result)`; `inner` has to be `#[inline(always)]`.
macro_rules! dispatched {
    ($(#[$meta:meta])* $name:ident = $inner:ident, ($($arg:ident: $type:ty),* $(,)?) -> $out:ty) => {
        $(#[$meta])*
        pub(crate) fn $name($($arg: $type),*) -> $out {
            #[cfg(target_arch = "x86_64")]
            if $crate::kernels::dispatch() == $crate::kernels::Dispatch::Avx2 {
                #[target_feature(enable = "avx2")]
                fn fast($($arg: $type),*) -> $out {
                    $inner($($arg),*)
                }
                // SAFETY: this path is only chosen where the processor has AVX2.
                return unsafe { fast($($arg),*) };
            }
            $inner($($arg),*)
        }
    };
}
pub(crate) use dispatched;

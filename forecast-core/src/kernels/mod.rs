//! Inner loops, each written once over lanes and compiled for what the machine has.
//!
//! Lanes are vertical (a lane is a candidate, a derivative or a series), operations come in one order, and nothing is
//! fused: each path that is chosen by itself gives the same bits. [`force`] picks a path by hand: so that a test can
//! compare them, or for [`Dispatch::Fused`], which rounds a product and its sum once where a kernel has that variant.

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
    /// The same, and products fused with the sums they go into, in the likelihoods of additive Holt-Winters and of
    /// conditional ARMA. Never taken unless forced: last bits differ from those of machines that lack it.
    Fused,
}

/// 0: not looked yet, 1: portable, 2: AVX2, 3: fused.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The path that kernels take.
pub fn dispatch() -> Dispatch {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Dispatch::Portable,
        2 => Dispatch::Avx2,
        3 => Dispatch::Fused,
        _ => force(Dispatch::Avx2),
    }
}

/// Makes kernels take a path from now on, and says which one they take: of a path that the machine lacks the best one
/// that it has, without fusing.
pub fn force(wanted: Dispatch) -> Dispatch {
    let (avx2, fma) = features();
    let (found, code) = match wanted {
        Dispatch::Fused if avx2 && fma => (Dispatch::Fused, 3),
        Dispatch::Avx2 | Dispatch::Fused if avx2 => (Dispatch::Avx2, 2),
        _ => (Dispatch::Portable, 1),
    };
    CHOSEN.store(code, Ordering::Relaxed);
    found
}

/// Whether the machine has AVX2, and FMA.
#[cfg(target_arch = "x86_64")]
fn features() -> (bool, bool) {
    (std::arch::is_x86_feature_detected!("avx2"), std::arch::is_x86_feature_detected!("fma"))
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> (bool, bool) {
    (false, false)
}

/// How a product and a sum are rounded.
pub(crate) trait Arithmetic: Copy {
    /// Whether both are rounded at once.
    const FUSED: bool;
    /// a b + c.
    fn plus(self, a: f64, b: f64, c: f64) -> f64;
    /// c - a b.
    fn minus(self, a: f64, b: f64, c: f64) -> f64;
}

/// Both apart, the same on each machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apart;

/// Once: only in functions that are compiled for machines with FMA, elsewhere it is a call of a library.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Once;

impl Arithmetic for Apart {
    const FUSED: bool = false;

    #[inline(always)]
    fn plus(self, a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }

    #[inline(always)]
    fn minus(self, a: f64, b: f64, c: f64) -> f64 {
        c - a * b
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that fuses, for those who ask for it")]
impl Arithmetic for Once {
    const FUSED: bool = true;

    #[inline(always)]
    fn plus(self, a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn minus(self, a: f64, b: f64, c: f64) -> f64 {
        (-a).mul_add(b, c)
    }
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
/// `dispatched!(name = inner, (argument: Type, ...) -> Result)`; `inner` has to be `#[inline(always)]`. After `fused inner` it takes
/// an [`Arithmetic`] first, and is compiled a third time with FMA.
macro_rules! dispatched {
    ($(#[$meta:meta])* $name:ident = fused $inner:ident, ($($arg:ident: $type:ty),* $(,)?) -> $out:ty) => {
        $(#[$meta])*
        pub(crate) fn $name($($arg: $type),*) -> $out {
            #[cfg(target_arch = "x86_64")]
            match $crate::kernels::dispatch() {
                $crate::kernels::Dispatch::Portable => {}
                $crate::kernels::Dispatch::Avx2 => {
                    #[target_feature(enable = "avx2")]
                    fn fast($($arg: $type),*) -> $out {
                        $inner($crate::kernels::Apart, $($arg),*)
                    }
                    // SAFETY: this path is only chosen where the processor has AVX2.
                    return unsafe { fast($($arg),*) };
                }
                $crate::kernels::Dispatch::Fused => {
                    #[target_feature(enable = "avx2,fma")]
                    fn fused($($arg: $type),*) -> $out {
                        $inner($crate::kernels::Once, $($arg),*)
                    }
                    // SAFETY: this path is only taken where the processor has AVX2 and FMA.
                    return unsafe { fused($($arg),*) };
                }
            }
            $inner($crate::kernels::Apart, $($arg),*)
        }
    };
    ($(#[$meta:meta])* $name:ident = $inner:ident, ($($arg:ident: $type:ty),* $(,)?) -> $out:ty) => {
        $(#[$meta])*
        pub(crate) fn $name($($arg: $type),*) -> $out {
            #[cfg(target_arch = "x86_64")]
            if $crate::kernels::dispatch() != $crate::kernels::Dispatch::Portable {
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

use std::env;
use std::sync::OnceLock;

/// The environment variable that chooses: with `plain`, everything is computed in plain Rust,
/// also the networks that are else left to autograd then; so tests can go both ways on one
/// machine. It is read once, before the first use.
const VARIABLE: &str = "LABBOOK_INSTRUCTIONS";
const PLAIN: &str = "plain";

/// The instructions that the loops of this module use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// Registers of 16 numbers.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// Whatever the compiler makes of plain Rust for any processor.
    Plain,
}

/// Exists only where the processor has AVX-512F, DQ, BW and VL, and `popcnt`.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512(());

impl Instructions {
    /// The fastest of this processor, unless the variable says otherwise.
    pub(crate) fn best() -> Self {
        Self::that_pay().unwrap_or(Self::Plain)
    }

    /// Those with which a network of our own is faster than autograd, if there are any. Plain Rust
    /// is not, and used only if the variable asks for it.
    pub(crate) fn that_pay() -> Option<Self> {
        static CHOICE: OnceLock<Option<Instructions>> = OnceLock::new();
        *CHOICE.get_or_init(|| {
            let wanted = env::var(VARIABLE).unwrap_or_default();
            Self::choose(&wanted, Self::special())
        })
    }

    fn choose(wanted: &str, special: Option<Self>) -> Option<Self> {
        match wanted {
            PLAIN => Some(Self::Plain),
            _ => special,
        }
    }

    /// Those beyond plain Rust that this processor has.
    fn special() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("popcnt")
        {
            return Some(Self::Avx512(Avx512(())));
        }
        None
    }

    /// All that this processor has, whatever the variable says.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Plain).chain(Self::special())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_rust_is_used_for_networks_only_where_it_is_asked_for() {
        assert_eq!(Instructions::choose("", None), None);
        let plain = Some(Instructions::Plain);
        assert_eq!(Instructions::choose("plain", None), plain);
        let special = Instructions::special();
        assert_eq!(Instructions::choose("", special), special);
        assert_eq!(Instructions::choose("plain", special), plain);
    }

    #[test]
    fn the_variable_says_nothing_that_would_be_ignored() {
        let wanted = env::var(VARIABLE).unwrap_or_default();
        assert!(wanted.is_empty() || wanted == PLAIN, "{VARIABLE}={wanted}");
        let forced = wanted == PLAIN;
        assert_eq!(Instructions::best() == Instructions::Plain, {
            forced || Instructions::special().is_none()
        });
    }
}

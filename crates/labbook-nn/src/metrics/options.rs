//! What many metrics have in common, written once.

/// Keras's builder method for the key in the history.
macro_rules! name_option {
    ($default:literal) => {
        #[doc = concat!("Sets the key in the history; the default is `", $default, "`.")]
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn name(mut self, name: impl Into<String>) -> Self {
            self.name = Some(name.into());
            self
        }
    };
}
pub(super) use name_option;

/// What a metric says about itself: class name, key, whether more is better.
macro_rules! described {
    ($class_name:literal, $key:literal, higher_is_better: $higher:literal) => {
        fn name(&self) -> &str {
            self.name.as_deref().unwrap_or($key)
        }

        fn config(&self) -> Option<$crate::metrics::MetricConfig> {
            $crate::metrics::MetricConfig::of($class_name, self)
        }

        fn higher_is_better(&self) -> Option<bool> {
            Some($higher)
        }
    };
}
pub(super) use described;

/// The result of a metric that is the weighted mean of its examples.
macro_rules! mean_of_examples {
    () => {
        fn result(&self) -> $crate::Result<f64> {
            self.mean.result()
        }

        fn reset(&mut self) {
            self.mean.reset();
        }
    };
}
pub(super) use mean_of_examples;

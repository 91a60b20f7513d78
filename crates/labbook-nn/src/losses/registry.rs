//! The losses by class name and by Keras's short names: one line for each.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::LossConfig;
use super::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge, Huber, KLDivergence,
    LogCosh, Loss, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge,
};
use crate::{Error, Result, custom};

/// Makes a loss from its options.
type Make = fn(&Value) -> serde_json::Result<Box<dyn Loss>>;

/// A line for each class: its name, the names that `compile` takes, how to make it.
macro_rules! lines {
    ($($class:ident: $($name:literal),+;)+) => {
        &[$((stringify!($class), &[$($name),+], make::<$class>)),+]
    };
}

/// The class and Keras's names for it.
const LOSSES: &[(&str, &[&str], Make)] = lines! {
    SparseCategoricalCrossentropy: "sparse_categorical_crossentropy";
    CategoricalCrossentropy: "categorical_crossentropy";
    BinaryCrossentropy: "binary_crossentropy", "bce", "BCE";
    CategoricalFocalCrossentropy: "categorical_focal_crossentropy";
    BinaryFocalCrossentropy: "binary_focal_crossentropy";
    MeanSquaredError: "mean_squared_error", "mse", "MSE";
    MeanAbsoluteError: "mean_absolute_error", "mae", "MAE";
    MeanAbsolutePercentageError: "mean_absolute_percentage_error", "mape", "MAPE";
    MeanSquaredLogarithmicError: "mean_squared_logarithmic_error", "msle", "MSLE";
    Huber: "huber";
    LogCosh: "log_cosh";
    KLDivergence: "kl_divergence", "kld", "KLD";
    Poisson: "poisson";
    Hinge: "hinge";
    SquaredHinge: "squared_hinge";
    CategoricalHinge: "categorical_hinge";
    CosineSimilarity: "cosine_similarity";
    CTC: "ctc";
};

fn make<L: Loss + DeserializeOwned + 'static>(config: &Value) -> serde_json::Result<Box<dyn Loss>> {
    Ok(Box::new(serde_json::from_value::<L>(config.clone())?))
}

/// The loss of this name with its default options: `"mse"`, `"mean_squared_error"` or
/// `"MeanSquaredError"`.
pub(crate) fn by_name(name: &str) -> Result<Box<dyn Loss>> {
    let found = LOSSES
        .iter()
        .find(|(class, names, _)| *class == name || names.contains(&name));
    let unknown = || {
        let known: Vec<&str> = LOSSES
            .iter()
            .filter_map(|(_, names, _)| names.first().copied())
            .collect();
        Error::option(
            "loss",
            format!("one of {}", known.join(", ")),
            name,
            "or pass a loss of your own: LossFn::new(\"name\", |y_true, y_pred| ..)",
        )
    };
    let Some((_, _, make)) = found else {
        return custom::loss(name, &Value::Object(serde_json::Map::new()))
            .unwrap_or_else(|| Err(unknown()));
    };
    make(&Value::Object(serde_json::Map::new())).map_err(|_| unknown())
}

/// The loss with these options.
pub(crate) fn from_config(config: &LossConfig) -> Result<Box<dyn Loss>> {
    let found = LOSSES
        .iter()
        .find(|(class, ..)| *class == config.class_name);
    let Some((_, _, make)) = found else {
        let made = custom::loss(&config.class_name, &config.config);
        return made.unwrap_or_else(|| Err(custom::unknown("loss", &config.class_name)));
    };
    make(&config.config).map_err(|_| {
        Error::option(
            "loss",
            "a loss that this version knows, with its options",
            &config.class_name,
            "load with a version that knows it, or compile the model again",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every name that Keras 3 takes, and the class of the loss that it means.
    fn names_of_keras() -> BTreeMap<String, String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/losses.json");
        let text = std::fs::read_to_string(path).unwrap();
        let mut fixture: Value = serde_json::from_str(&text).unwrap();
        serde_json::from_value(fixture["names"].take()).unwrap()
    }

    #[test]
    fn every_name_of_keras_gives_the_loss_that_it_means() -> Result<()> {
        let mut names = names_of_keras();
        for (class, ours, _) in LOSSES {
            for name in ours.iter().chain([class]) {
                assert_eq!(names.remove(*name).as_deref(), Some(*class), "{name}");
                let config = by_name(name)?.config().map(|config| config.class_name);
                assert_eq!(config.as_deref(), Some(*class), "{name}");
            }
        }
        assert!(names.is_empty(), "not here: {names:?}");
        Ok(())
    }

    #[test]
    fn default_options_are_in_range_and_a_saved_loss_is_read_again() -> Result<()> {
        for (class, ..) in LOSSES {
            let loss = by_name(class)?;
            loss.check()?;
            let config = loss.config().unwrap();
            assert_eq!(from_config(&config)?.config(), Some(config), "{class}");
        }
        Ok(())
    }

    #[test]
    fn unknown_names_and_options_are_refused_with_what_there_is() {
        let told = by_name("mean_square_error").err().unwrap().to_string();
        assert!(told.starts_with("loss: expected one of "), "{told}");
        assert!(told.contains("mean_squared_error, "), "{told}");
        let config = LossConfig {
            class_name: "Huber".to_owned(),
            config: serde_json::json!({"delta": 1.0, "epsilon": 2.0}),
        };
        assert!(from_config(&config).is_err());
    }
}

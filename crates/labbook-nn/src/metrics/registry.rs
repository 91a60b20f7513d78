//! The metrics by class name and by Keras's short names: one line for each.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::config::MetricConfig;
use super::{
    AUC, Accuracy, BinaryAccuracy, CategoricalAccuracy, CosineSimilarity, F1Score, FBetaScore,
    LossMetric, MeanAbsoluteError, MeanAbsolutePercentageError, MeanIoU, MeanSquaredError,
    MeanSquaredLogarithmicError, Metric, Perplexity, Precision, R2Score, Recall,
    RootMeanSquaredError, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
};
use crate::{Error, Result, custom, losses};

/// Makes a metric from its options.
type Make = fn(Value) -> serde_json::Result<Box<dyn Metric>>;

/// Class name, names that `compile` takes, how to make it. The name taken is the key in the
/// history, as in Keras.
#[rustfmt::skip] // a line for each
const METRICS: &[(&str, &[&str], Make)] = &[
    ("Accuracy", &["accuracy", "acc"], make::<Accuracy>),
    ("AUC", &["auc"], make::<AUC>),
    ("BinaryAccuracy", &["binary_accuracy"], make::<BinaryAccuracy>),
    ("CategoricalAccuracy", &["categorical_accuracy"], make::<CategoricalAccuracy>),
    ("CosineSimilarity", &["cosine_similarity"], make::<CosineSimilarity>),
    ("F1Score", &["f1_score"], make::<F1Score>),
    ("FBetaScore", &["f_beta_score", "fbeta_score"], make::<FBetaScore>),
    ("MeanAbsoluteError", &["mean_absolute_error", "mae", "MAE"], make::<MeanAbsoluteError>),
    ("MeanAbsolutePercentageError", &["mean_absolute_percentage_error", "mape", "MAPE"], make::<MeanAbsolutePercentageError>),
    ("MeanIoU", &["mean_io_u", "mean_iou"], make::<MeanIoU>),
    ("MeanSquaredError", &["mean_squared_error", "mse", "MSE"], make::<MeanSquaredError>),
    ("MeanSquaredLogarithmicError", &["mean_squared_logarithmic_error", "msle", "MSLE"], make::<MeanSquaredLogarithmicError>),
    ("Perplexity", &["perplexity"], make::<Perplexity>),
    ("Precision", &["precision"], make::<Precision>),
    ("R2Score", &["r2_score"], make::<R2Score>),
    ("Recall", &["recall"], make::<Recall>),
    ("RootMeanSquaredError", &["root_mean_squared_error", "rmse", "RMSE"], make::<RootMeanSquaredError>),
    ("SparseCategoricalAccuracy", &["sparse_categorical_accuracy"], make::<SparseCategoricalAccuracy>),
    ("SparseTopKCategoricalAccuracy", &["sparse_top_k_categorical_accuracy"], make::<SparseTopKCategoricalAccuracy>),
    ("TopKCategoricalAccuracy", &["top_k_categorical_accuracy"], make::<TopKCategoricalAccuracy>),
];

/// Names of Keras's metrics that are losses under another name.
const OF_LOSSES: &[(&str, &str)] = &[
    ("LogCoshError", "log_cosh"),
    ("log_cosh_error", "log_cosh"),
    ("logcosh", "log_cosh"),
];

fn make<M: Metric + DeserializeOwned + 'static>(
    config: Value,
) -> serde_json::Result<Box<dyn Metric>> {
    Ok(Box::new(serde_json::from_value::<M>(config)?))
}

/// The metric of this name with its default options; those that are losses as well included.
pub(crate) fn by_name(name: &str) -> Result<Box<dyn Metric>> {
    if let Some(metric) = of_class_or_name(name) {
        return Ok(metric);
    }
    if let Some(made) = custom::metric(name, &json!({})) {
        return made;
    }
    let loss = OF_LOSSES.iter().find(|(metric, _)| *metric == name);
    let loss = loss.map_or(name, |(_, loss)| loss);
    match losses::registry::by_name(loss) {
        Ok(loss) => Ok(Box::new(LossMetric::of(loss).name(name))),
        Err(_) => {
            let known = METRICS
                .iter()
                .filter_map(|(_, names, _)| names.first().copied());
            Err(Error::option(
                "metrics",
                format!(
                    "one of {}, or the name of a loss",
                    known.collect::<Vec<_>>().join(", ")
                ),
                name,
                "use [\"accuracy\"], or a metric of your own: \
                 MetricFn::new(\"name\", |y_true, y_pred| ..)",
            ))
        }
    }
}

/// The metric that is no loss and has this name.
pub(super) fn of_class_or_name(name: &str) -> Option<Box<dyn Metric>> {
    let (_, _, make) = METRICS
        .iter()
        .find(|(class, names, _)| *class == name || names.contains(&name))?;
    make(json!({ "name": name })).ok()
}

/// The metric with these options.
pub(crate) fn from_config(config: &MetricConfig) -> Result<Box<dyn Metric>> {
    let of_loss: Make = make::<LossMetric>;
    let found = METRICS
        .iter()
        .find(|(class, ..)| *class == config.class_name);
    let make = match found {
        Some((_, _, make)) => Some(*make),
        None => (config.class_name == "LossMetric").then_some(of_loss),
    };
    let Some(make) = make else {
        let made = custom::metric(&config.class_name, &config.config);
        return made.unwrap_or_else(|| Err(custom::unknown("metric", &config.class_name)));
    };
    make(config.config.clone()).map_err(|_| {
        Error::option(
            "metrics",
            "a metric that this version knows, with its options",
            &config.class_name,
            "load with a version that knows it, or compile the model again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_saved_and_made_again_under_every_name() -> Result<()> {
        for (class_name, names, _) in METRICS {
            for name in [*class_name].iter().chain(*names) {
                let metric = by_name(name)?;
                assert_eq!(metric.name(), *name);
                assert!(metric.higher_is_better().is_some(), "{name}");
                let config = metric.config().unwrap();
                assert_eq!(config.class_name, *class_name);
                assert_eq!(from_config(&config)?.config(), Some(config));
            }
        }
        Ok(())
    }

    #[test]
    fn options_come_back_and_unknown_ones_are_refused() -> Result<()> {
        let metrics: [Box<dyn Metric>; 10] = [
            Box::new(
                AUC::new()
                    .exact()
                    .curve("PR")
                    .multi_label(true)
                    .from_logits(true),
            ),
            Box::new(AUC::new().num_thresholds(50).name("area")),
            Box::new(BinaryAccuracy::new().threshold(0.25)),
            Box::new(CosineSimilarity::new().axis(1)),
            Box::new(F1Score::new().average("weighted").threshold(0.1)),
            Box::new(FBetaScore::new(0.5).average("micro")),
            Box::new(MeanIoU::new(7).ignore_class(255)),
            Box::new(Precision::new().thresholds(0.75).top_k(2).class_id(1)),
            Box::new(Recall::new().top_k(3)),
            Box::new(TopKCategoricalAccuracy::new(3).name("top3")),
        ];
        let defaults = |class_name: &str| by_name(class_name).map(|metric| metric.config());
        for metric in metrics {
            metric.check()?;
            let mut config = metric.config().unwrap();
            assert_ne!(Some(&config), defaults(&config.class_name)?.as_ref());
            let again = from_config(&config)?;
            assert_eq!(
                (again.name(), again.config()),
                (metric.name(), Some(config.clone()))
            );
            config.config["no_such_option"] = json!(1);
            let error = from_config(&config).err().unwrap().to_string();
            assert!(error.contains(&config.class_name), "{error}");
        }
        Ok(())
    }

    #[test]
    fn losses_are_metrics_too() -> Result<()> {
        for name in [
            "sparse_categorical_crossentropy",
            "bce",
            "Poisson",
            "huber",
            "logcosh",
        ] {
            let metric = by_name(name)?;
            assert_eq!(metric.name(), name);
            assert_eq!(metric.higher_is_better(), Some(false));
            let config = metric.config().unwrap();
            assert_eq!(config.class_name, "LossMetric");
            assert_eq!(from_config(&config)?.config(), Some(config));
        }
        // Both a loss and a metric: the metric it is.
        assert_eq!(by_name("cosine_similarity")?.higher_is_better(), Some(true));
        Ok(())
    }

    #[test]
    fn options_out_of_range_are_told() {
        let told = |metric: Box<dyn Metric>| metric.check().unwrap_err().to_string();
        let starts = |metric: Box<dyn Metric>, start: &str| {
            let error = told(metric);
            assert!(error.starts_with(start), "{error}");
        };
        starts(
            Box::new(BinaryAccuracy::new().threshold(f64::NAN)),
            "threshold: expected a finite",
        );
        starts(
            Box::new(Precision::new().thresholds(1.5)),
            "thresholds: expected a number from 0",
        );
        starts(
            Box::new(Recall::new().thresholds(f64::NAN)),
            "thresholds: expected",
        );
        starts(
            Box::new(Recall::new().top_k(0)),
            "top_k: expected at least 1, received 0",
        );
        starts(
            Box::new(Precision::new().class_id(-1)),
            "class_id: expected",
        );
        starts(
            Box::new(F1Score::new().average("mean")),
            "average: expected \"micro\"",
        );
        starts(
            Box::new(F1Score::new().threshold(0.0)),
            "threshold: expected a number above 0",
        );
        starts(
            Box::new(FBetaScore::new(0.0)),
            "beta: expected a number above 0",
        );
        starts(Box::new(FBetaScore::new(f64::NAN)), "beta: expected");
        starts(
            Box::new(TopKCategoricalAccuracy::new(0)),
            "k: expected at least 1",
        );
        starts(
            Box::new(SparseTopKCategoricalAccuracy::new(-3)),
            "k: expected at least 1",
        );
        starts(Box::new(CosineSimilarity::new().axis(0)), "axis: expected");
    }
}

//! Layers, optimizers and the like by what they are set to.

use labbook_nn::{
    ActivationLayer, Adam, Augmentation, AveragePooling2D, BatchNormalization, Conv2D, Dense,
    Dropout, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, Initializer, L1L2, Layer,
    LearningRateSchedule, Loss, MaxPooling2D, Muon, Normalization, Optimizer, RMSprop, Rescaling,
    SGD, SparseCategoricalCrossentropy, Whitening,
};
use serde::Serialize;
use serde_json::Value;

use crate::html::Line;
use crate::render::shown_as;

shown_as!(
    ActivationLayer, AveragePooling2D, BatchNormalization, Conv2D, Dense, Dropout, Flatten,
    GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D, Normalization, Rescaling, Whitening
    => |layer| told(layer.class_name(), &layer.config())
);
shown_as!(Adam, Muon, RMSprop, SGD => |optimizer| told(optimizer.name(), &optimizer.config()));
shown_as!(SparseCategoricalCrossentropy => |loss| {
    told("SparseCategoricalCrossentropy", &loss.config())
});
shown_as!(Augmentation => |changes| told("Augmentation", changes));
shown_as!(Initializer => |initializer| told("Initializer", initializer));
shown_as!(L1L2 => |regularizer| told("L1L2", regularizer));
shown_as!(LearningRateSchedule => |schedule| told("LearningRateSchedule", schedule));

/// `Dense: units 10, activation softmax`, of what a saved model's file says of it; what is null is
/// left out.
fn told(name: &str, settings: &impl Serialize) -> Line {
    let value = serde_json::to_value(settings).unwrap_or_default();
    match &value["config"] {
        Value::Null => Line(sentence(name, &value)),
        config => Line(sentence(
            value["class_name"].as_str().unwrap_or(name),
            config,
        )),
    }
}

fn sentence(name: &str, settings: &Value) -> String {
    match entries(settings) {
        nothing if nothing.is_empty() => name.to_owned(),
        entries => format!("{name}: {entries}"),
    }
}

fn entries(settings: &Value) -> String {
    let Value::Object(entries) = settings else {
        return text(settings);
    };
    let something = |value: &&Value| !value.is_null() && value.as_array() != Some(&Vec::new());
    let entries: Vec<String> = entries
        .iter()
        .filter(|(_, value)| something(value))
        .map(|(name, value)| format!("{name} {}", text(value)))
        .collect();
    entries.join(", ")
}

/// More numbers than these are counted instead of told.
const FEW: usize = 4;

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) if values.len() > FEW => format!("({} values)", values.len()),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(text).collect();
            format!("({})", values.join(", "))
        }
        Value::Object(fields) => match (value["class_name"].as_str(), fields.get("height")) {
            (Some(name), _) => format!("({})", sentence(name, &value["config"])),
            (None, Some(height)) => format!("({height}, {})", value["width"]),
            (None, None) => format!("({})", entries(value)),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use labbook_nn::Activation::Relu;

    use super::*;
    use crate::render::Render;

    #[test]
    fn a_layer_tells_its_options_and_leaves_out_what_it_has_not() {
        let text = Conv2D::new(64, (3, 3)).activation(Relu).to_plain();
        for part in [
            "Conv2D: ",
            "filters 64",
            "kernel_size (3, 3)",
            "activation relu",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("regularizer"), "{text}");
        assert_eq!(Flatten::new().to_plain(), "Flatten");
        let text = Dense::new(10)
            .kernel_regularizer(L1L2::new(0.01, 0.02))
            .to_plain();
        assert!(
            text.contains("kernel_regularizer (l1 0.01, l2 0.02)"),
            "{text}"
        );
    }

    #[test]
    fn an_optimizer_tells_its_schedule() {
        let schedule = LearningRateSchedule::polynomial_decay(0.1, 50);
        assert!(
            schedule.to_plain().starts_with("PolynomialDecay: "),
            "{}",
            schedule.to_plain()
        );
        let text = SGD::new().schedule(schedule).to_plain();
        assert!(text.starts_with("SGD: "), "{text}");
        assert!(text.contains("schedule (PolynomialDecay: "), "{text}");
        assert!(!text.contains("()"), "{text}");
    }
}

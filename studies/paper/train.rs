//! One of the paper's networks on CIFAR-10.

use std::error::Error;

use labbook::paper::{Experiment, Scale, Split};
use labbook::prelude::*;

pub fn train(hp: &Case) -> Result<Training, Box<dyn Error>> {
    let scale = Scale::named(hp.choice("scale")?)?;
    let data = datasets::cifar10::load_data()?;
    let split = Split::new(&data, &scale)?;
    let experiment = Experiment::numbered(hp.int("experiment")?.try_into()?)?;

    let mut options = Fit::new()
        .epochs(scale.epochs)
        .batch_size(scale.batch_size)
        .validation_data(&split.val_images, &split.val_labels)
        .verbose(2);
    if experiment.stops_early() {
        let stopping = EarlyStopping::new().monitor("val_accuracy").patience(2);
        options = options.callbacks(stopping);
    }
    let model = experiment.model(&scale)?;
    Ok(
        Training::new(model, &split.train_images, &split.train_labels)
            .fit(options)
            .test(&split.test_images, &split.test_labels)
            .data(data.provenance.to_string()),
    )
}

//! Three convolutions as in the paper's Experiment 16, with what the search chooses about them.

use std::error::Error;

use labbook::paper::{Scale, Split};
use labbook::prelude::*;

pub fn train(hp: &Case) -> Result<Training, Box<dyn Error>> {
    let scale = Scale::named(hp.choice("scale")?)?;
    let data = datasets::cifar10::load_data()?;
    let split = Split::new(&data, &scale)?;

    let (filters, normalised) = (hp.int("filters")?, hp.boolean("normalised")?);
    let mut model = Sequential::new();
    for (block, width) in [filters, 2 * filters, 4 * filters].into_iter().enumerate() {
        let mut convolution = Conv2D::new(width, (3, 3)).padding(Padding::Same);
        if block == 0 {
            convolution = convolution.input_shape((32, 32, 3));
        }
        model.add(convolution.use_bias(!normalised));
        if normalised {
            model.add(BatchNormalization::new());
        }
        model.add(ActivationLayer::new(Relu));
        model.add(MaxPooling2D::new((2, 2)));
        model.add(Dropout::new(hp.float("dropout")?));
    }
    match hp.boolean("pooled")? {
        true => model.add(GlobalAveragePooling2D::new()),
        false => model.add(Flatten::new()),
    }
    model.add(Dense::new(10).activation(Softmax));
    let optimizer = Adam::new().learning_rate(hp.float("learning_rate")?);
    model.compile(optimizer, SparseCategoricalCrossentropy::new(), ["accuracy"])?;

    let options = Fit::new()
        .epochs(scale.epochs)
        .batch_size(hp.int("batch_size")?)
        .validation_data(&split.val_images, &split.val_labels)
        .verbose(2);
    Ok(
        Training::new(model, &split.train_images, &split.train_labels)
            .fit(options)
            .test(&split.test_images, &split.test_labels)
            .data(data.provenance.to_string()),
    )
}

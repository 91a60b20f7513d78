use labbook::prelude::*;

pub fn train(hp: &Case) -> Result<Training, Box<dyn std::error::Error>> {
    let digits = datasets::mnist::load_data()?.train;
    let mut model = Sequential::new();
    model.add(Flatten::new().input_shape((28, 28, 1)));
    model.add(Dense::new(hp.int("units")?).activation(Relu));
    model.add(Dense::new(10).activation(Softmax));
    let optimizer = Adam::new().learning_rate(hp.float("learning_rate")?);
    model.compile(optimizer, SparseCategoricalCrossentropy::new(), ["accuracy"])?;
    let options = Fit::new().epochs(hp.int("epochs")?.try_into()?).validation_split(0.2).verbose(2);
    let images = digits.images_tensor().to_kind(tch::Kind::Float) / 255.0;
    Ok(Training::new(model, images, digits.labels_tensor()).fit(options))
}

// ---
// jupyter:
//   jupytext:
//     text_representation:
//       extension: .rs
//       format_name: percent
//   kernelspec:
//     display_name: Rust (labbook)
//     language: rust
//     name: labbook
// ---

// %% [markdown]
// # Recognising CIFAR-10 images with dense and convolutional networks
//
// CIFAR-10 is a collection of 60,000 colour photographs, 32 x 32 pixels each, in ten classes of
// 6,000: airplanes, automobiles, birds, cats, deer, dogs, frogs, horses, ships and trucks. 50,000
// are for training and 10,000 for testing. The collection was put together by Alex Krizhevsky,
// Vinod Nair and Geoffrey Hinton.
//
// This notebook follows a course paper of 2021 step by step. The paper used Keras on TensorFlow
// 2.4; here every step is Rust: libtorch through `tch` trains the networks, `ndarray` and `polars`
// hold numbers and tables, `plotters` draws.
//
// > **More technical.** Boxes like this one add detail for readers who want it. They can be skipped.

// %% [markdown]
// ## 1. Import the packages
//
// The first line makes the project's crate available, the second brings its names into scope.

// %%
// :dep labbook = { path = "../crates/labbook" }

// %%
use labbook::prelude::*;

// %% [markdown]
// ### Versions
//
// Each release of `tch` works with exactly one release of libtorch, so the check below can only
// fail where something was replaced by hand.

// %%
let versions = Versions::of_this_build();
versions

// %%
println!("This notebook needs libtorch 2.11 or newer; found {}.", versions.get("libtorch").unwrap_or("none"));
assert!(matches!(versions.get("libtorch"), Some("2.11" | "2.13")), "another libtorch than this notebook was written for");

// %% [markdown]
// ## 2. Start a session
//
// A session chooses the device (a CUDA GPU where there is one), seeds every random choice, and makes
// a folder for what this run writes. Its *scale* says how much of the paper's work to do; at `full`
// scale sizes, widths and epochs are the paper's own.

// %%
let mut session = Session::start("cifar10")?;
session

// %% [markdown]
// > **More technical.** The scale comes from the environment variable `LABBOOK_SCALE` (`smoke`,
// > `laptop` or `full`). To change it here, run `session.set_scale(Scale::full())?;` before the
// > cells below.

// %%
let scale = session.scale;
println!("{scale}");

// %% [markdown]
// ## 3. Load the data
//
// The images are read from the official binary files where they are found (`data/`, or the folder
// that `LABBOOK_DATA` names). Where they are not, a stand-in set is drawn: ten kinds of simple
// objects in the same layout, so that everything below runs all the same.

// %%
let cifar = session.load_data()?;
cifar

// %% [markdown]
// ## 4. Explore the data
//
// ### Shapes
//
// Images are unsigned bytes, one row per image: height, width, then red, green and blue. Labels are
// integers from 0 to 9.

// %%
println!("train_images: {:?}", cifar.train.images.shape());
println!("train_labels: {:?}", cifar.train.labels.shape());
println!("test_images:  {:?}", cifar.test.images.shape());
println!("test_labels:  {:?}", cifar.test.labels.shape());

// %% [markdown]
// ### Labels
//
// The first ten training labels, and what the numbers mean.

// %%
cifar.train.labels.slice(ndarray::s![..10, ..])

// %%
let class_names = cifar.class_names.clone();
let classes = polars::df![
    "label" => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    "class" => class_names.clone(),
    "training images" => cifar.train.counts(),
    "test images" => cifar.test.counts()
]?;
classes

// %% [markdown]
// ### Examples
//
// Ten random test images of the first three classes. The caption is green where the prediction is
// the true class and red where it is not; as there is no prediction yet, the truth stands in.

// %%
let preview = cifar.test.of_classes(&[0, 1, 2]);
show_random_examples(&preview, &preview.labels_tensor(), &class_names, 1)?

// %% [markdown]
// And another ten.

// %%
show_random_examples(&preview, &preview.labels_tensor(), &class_names, 2)?

// %% [markdown]
// ### Brightness
//
// How often each brightness occurs in the three colours, over 1,000 training images. `plotters` is
// used directly here: any drawing in a `draw` closure becomes a figure.

// %%
let sample = cifar.train.sample(1000, session.seed);
let mut histogram = ndarray::arr2(&[[0.0; 32]; 3]);
for pixel in sample.images.rows() {
    for (channel, value) in pixel.iter().enumerate() {
        histogram[[channel, (value / 8) as usize]] += 1.0;
    }
}
histogram /= sample.images.len() as f64 / 3.0;
println!("mean brightness {:.3}", sample.images.mapv(f64::from).mean().unwrap_or(0.0) / 255.0);

// %%
use plotters::prelude::*;
draw(720, 260, |root| {
    let top = 1.1 * histogram.iter().cloned().fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(root)
        .margin(px(10.0))
        .set_label_area_size(LabelAreaPosition::Left, px(52.0))
        .set_label_area_size(LabelAreaPosition::Bottom, px(40.0))
        .build_cartesian_2d(0.0..255.0, 0.0..top)?;
    chart.configure_mesh().disable_x_mesh().light_line_style(WHITE.mix(0.0)).x_desc("Brightness").y_desc("Share of pixels")
        .axis_desc_style(("sans-serif", px(12.0))).label_style(("sans-serif", px(11.0))).draw()?;
    for (row, colour) in histogram.rows().into_iter().zip([RGBColor(200, 50, 50), RGBColor(40, 140, 70), RGBColor(50, 90, 200)]) {
        let points = row.iter().enumerate().map(|(bin, share)| (bin as f64 * 8.0 + 4.0, *share));
        chart.draw_series(LineSeries::new(points, colour.stroke_width(4)))?;
    }
    Ok(())
})?.with_alt("Share of pixels by brightness, one line for each of red, green and blue")

// %% [markdown]
// ## 5. Prepare the data
//
// Pixels become numbers between 0 and 1. The first training images are set aside to validate on:
// the networks never learn from them, and after every epoch they show how well what was learned
// carries over. In the paper these are the first 10,000 of the 50,000.

// %%
let val = cifar.train.slice(..scale.validation_images);
let train = cifar.train.slice(scale.validation_images..scale.validation_images + scale.train_images);
let test = cifar.test.take(scale.test_images);

// %%
let train_images_norm = train.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let val_images_norm = val.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let test_images_norm = test.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let train_labels = train.labels_tensor();
let val_labels = val.labels_tensor();
let test_labels = test.labels_tensor();
println!("train {:?}, validation {:?}, test {:?}", train_images_norm.size(), val_images_norm.size(), test_images_norm.size());

// %% [markdown]
// ## 6. Build a convolutional network
//
// Three pairs of convolution and pooling find features, from edges to parts of objects; two dense
// layers turn them into a class. At full scale the convolutions have 256, 512 and 1,024 filters, and
// the network has 8,009,738 parameters.

// %%
let mut model = Sequential::new();
model.add(Conv2D::new(scale.filters(256), (3, 3)).activation(Relu).input_shape((32, 32, 3)));
model.add(MaxPooling2D::new((2, 2)).strides(2));
model.add(Conv2D::new(scale.filters(512), (3, 3)).activation(Relu));
model.add(MaxPooling2D::new((2, 2)).strides(2));
model.add(Conv2D::new(scale.filters(1024), (3, 3)).activation(Relu));
model.add(MaxPooling2D::new((2, 2)).strides(2));
model.add(Flatten::new());
model.add(Dense::new(512).activation(Relu));
model.add(Dense::new(10).activation(Softmax));
model.summary()?

// %% [markdown]
// ## 7. Compile it
//
// Three choices turn a network into something that can be trained: the optimizer that changes the
// weights (Adam), the loss that it makes smaller (cross-entropy, for labels given as integers), and
// what else to report (accuracy).

// %%
model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), ["accuracy"])?;

// %% [markdown]
// > **More technical.** The loss is computed from the last layer's outputs before the softmax, as
// > Keras does behind the scenes: the logarithm of a softmax is accurate there and overflows nowhere.

// %% [markdown]
// ## 8. Train it
//
// One line per epoch, when the epoch ends: the time it took with its validation, the loss and
// accuracy over the training images while they were learned from, and those of the validation
// images afterwards.

// %%
let history = model.fit(
    &train_images_norm,
    &train_labels,
    &Fit::new().epochs(scale.epochs).batch_size(scale.batch_size).validation_data(&val_images_norm, &val_labels),
)?;
println!("{:.1} seconds", history.seconds);

// %% [markdown]
// ## 9. Evaluate it
//
// The test images played no part so far.

// %%
let evaluation = model.evaluate(&test_images_norm, &test_labels)?;
println!("test set accuracy: {:.2} %", 100.0 * evaluation.accuracy);

// %%
let preds = model.predict(&test_images_norm)?;
println!("shape of preds: {:?}", preds.size());

// %% [markdown]
// ## 10. Plot how it learned

// %%
history.keys()

// %%
let history_df = history.to_frame()?;
history_df.tail(Some(5))

// %%
plot_history(&history)?

// %% [markdown]
// When the training curve goes on improving while the validation curve stands still or turns, the
// network has begun to memorise its images.

// %% [markdown]
// ## 11. Confusion matrix
//
// Each row is a true class, each column a predicted one; what lies off the diagonal are mistakes.
// This one is of the training images, as in the paper.

// %%
let pred_classes = model.predict_classes(&train_images_norm)?;
let conf_mx = confusion_matrix(&train_labels, &pred_classes, &class_names)?;
conf_mx

// %%
plot_confusion_matrix(&conf_mx, "Training images")?

// %% [markdown]
// ## 12. Predictions
//
// The first ten predictions, and the first twenty as a table: each row is an image, each column a
// class, the darker the more probable.

// %%
preds.slice(0, 0, 10, 1)

// %%
prediction_table(&preds.slice(0, 0, 20, 1), &class_names)?

// %%
show_random_examples(&test, &model.predict_classes(&test_images_norm)?, &class_names, 3)?

// %% [markdown]
// ## 13. Experiment 1: two dense layers
//
// Both dense layers come before the image is flattened, so they act on each pixel's three colour
// values alone, with the same weights everywhere. Only the last layer sees the whole image. That is
// how the paper built it, and it is why this network cannot do much better than judging by colours
// and where they are.

// %%
let mut model1 = Sequential::new();
model1.add(Dense::new(scale.units(64)).activation(Relu).input_shape((32, 32, 3)));
model1.add(Dense::new(scale.units(64)).activation(Relu));
model1.add(Flatten::new());
model1.add(Dense::new(10).activation(Softmax));
model1.compile(Adam::new(), SparseCategoricalCrossentropy::new(), ["accuracy"])?;
model1.summary()?

// %%
let history1 = model1.fit(
    &train_images_norm,
    &train_labels,
    &Fit::new().epochs(scale.epochs).batch_size(scale.batch_size).validation_data(&val_images_norm, &val_labels),
)?;
println!("{:.1} seconds", history1.seconds);

// %%
let evaluation1 = model1.evaluate(&test_images_norm, &test_labels)?;
println!("test set accuracy: {:.2} %", 100.0 * evaluation1.accuracy);

// %%
history1.to_frame()?.tail(Some(5))

// %%
plot_history(&history1)?

// %%
let pred_classes1 = model1.predict_classes(&train_images_norm)?;
let conf_mx1 = confusion_matrix(&train_labels, &pred_classes1, &class_names)?;
conf_mx1

// %%
plot_confusion_matrix(&conf_mx1, "Experiment 1, training images")?

// %% [markdown]
// ## 14. Experiment 3: two convolutions
//
// Convolutions look at a neighbourhood of pixels with the same weights everywhere, so that an edge
// or a corner is found wherever it lies, and pooling makes its exact place matter less. (Experiment
// 2 adds a third dense layer to Experiment 1.)

// %%
let mut model3 = Sequential::new();
model3.add(Conv2D::new(scale.filters(512), (3, 3)).activation(Relu).input_shape((32, 32, 3)));
model3.add(MaxPooling2D::new((2, 2)).strides(2));
model3.add(Conv2D::new(scale.filters(1024), (3, 3)).activation(Relu));
model3.add(MaxPooling2D::new((2, 2)).strides(2));
model3.add(Flatten::new());
model3.add(Dense::new(512).activation(Relu));
model3.add(Dense::new(10).activation(Softmax));
model3.compile(Adam::new(), SparseCategoricalCrossentropy::new(), ["accuracy"])?;
model3.summary()?

// %%
let history3 = model3.fit(
    &train_images_norm,
    &train_labels,
    &Fit::new().epochs(scale.epochs).batch_size(scale.batch_size).validation_data(&val_images_norm, &val_labels),
)?;
println!("{:.1} seconds", history3.seconds);

// %%
let evaluation3 = model3.evaluate(&test_images_norm, &test_labels)?;
println!("test set accuracy: {:.2} %", 100.0 * evaluation3.accuracy);

// %%
history3.to_frame()?.tail(Some(5))

// %%
plot_history(&history3)?

// %%
let pred_classes3 = model3.predict_classes(&train_images_norm)?;
let conf_mx3 = confusion_matrix(&train_labels, &pred_classes3, &class_names)?;
conf_mx3

// %%
plot_confusion_matrix(&conf_mx3, "Experiment 3, training images")?

// %% [markdown]
// ## 15. Results so far
//
// Beside the paper's own figures (a Colab GPU in 2021, the full data and widths, 20 epochs).

// %%
fn percent(value: f64) -> String {
    format!("{:.2} %", 100.0 * value)
}
fn last(history: &History, key: &str) -> f64 {
    history.get(key).and_then(|values| values.last().copied()).unwrap_or(f64::NAN)
}
let mut results = Table::new(&["experiment", "train", "validation", "test", "seconds", "paper: train", "validation", "test", "seconds"]).numeric();
for (name, history, evaluation, paper) in [
    ("1: two dense layers", &history1, &evaluation1, ["60.26 %", "46.50 %", "46.98 %", "52.2"]),
    ("3: two convolutions", &history3, &evaluation3, ["97 %", "72.41 %", "71.30 %", "277.33"]),
] {
    let (train, validation, test) = (last(history, "accuracy"), last(history, "val_accuracy"), evaluation.accuracy);
    let seconds = format!("{:.1}", history.seconds);
    results.push(&[name, &percent(train), &percent(validation), &percent(test), &seconds, paper[0], paper[1], paper[2], paper[3]]);
}
results

// %%
println!("Experiment 3 is {:.1} points above Experiment 1 on the test images.", 100.0 * (evaluation3.accuracy - evaluation1.accuracy));

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
// # A folder of photographs
//
// Photographs in folders, one for each kind: that is how images lie on a person's disk. This notebook learns from such
// folders, with few examples; shows what helps when examples are few; and looks at what the network looks at.
//
// | | |
// |---|---|
// | **Claims** | With 150 photographs of each kind or so, mirroring and moving them is worth some points of accuracy. |
// | **Data** | Photographs of four kinds of CIFAR-10 (Krizhevsky, 2009), written into folders as JPEG files, 32 x 32 pixels each. Without CIFAR-10, drawn objects take their place. Your own photographs do as well: name their folder in the cell of section 1. |
// | **Seeds** | 0, 1 and 2 for every accuracy that is compared; the tables have the mean and both ends. |
// | **Hardware, time** | A processor with two cores, no GPU. The report's head says which one, and how long the run took. |

// %% [markdown]
// ## 1. The folders
//
// The third cell writes a folder for each kind, so that there is something to read. With photographs of your own,
// leave it out: `let folder = "my photographs";`.

// %%
// :dep labbook = { path = "../crates/labbook" }

// %%
use labbook::prelude::*;
let mut session = Session::start("photographs")?;
let cifar = datasets::cifar10::load_data()?;
session.set_data(cifar.provenance.description())?;
let real = !cifar.provenance.is_drawn();
session

// %%
let folder = session.run_dir().join(if real { "photographs" } else { "drawn" });
for (kind, name) in cifar.class_names.iter().enumerate().filter(|(kind, _)| [0, 1, 6, 7].contains(kind)) {
    std::fs::create_dir_all(folder.join(name))?;
    let photographs = cifar.train.of_classes(&[kind as i64]).take(if real { 250 } else { 60 }).images_tensor();
    for number in 0..photographs.size()[0] {
        save_img(folder.join(name).join(format!("{number:03}.jpg")), &photographs.get(number))?;
    }
}

// %% [markdown]
// ## 2. Reading them
//
// `image_dataset_from_directory` finds kinds and files. Photographs of any size are brought to one; they stay in their
// files until they are needed. Two fifths are kept back to judge by.

// %%
let photographs = image_dataset_from_directory(&folder, (32, 32))?;
let (train, test) = photographs.clone().validation_split(0.4, 123)?;
let names = photographs.class_names();
show(&train);
test

// %% [markdown]
// There are few, so they fit into memory: one batch of all of them, with numbers from 0 to 1. (Many photographs would go to
// the training as they are: `model.fit_dataset(&train.shuffle(1000).batch(32).prefetch(2), ..)`.)

// %%
let (all, all_test) = (train.clone().batch(10_000).first()?, test.clone().batch(10_000).first()?);
let (x, y) = (&all.inputs[0] / 255.0, all.targets[0].shallow_clone());
let (x_test, y_test) = (&all_test.inputs[0] / 255.0, all_test.targets[0].shallow_clone());
println!("to learn from {:?}, to judge by {:?}", x.size(), x_test.size());

// %%
show_examples(&image_set(&x, &y, &names)?, 1)?

// %% [markdown]
// ## 3. A small network, and what few examples do to it
//
// Three convolutions find patterns, each followed by a pool that halves the image. The curves say it all: on the
// photographs that it learns from, the network soon makes no mistake, on the others it stands still. It has learned them by
// heart.

// %%
session.set_seed(0)?;
let mut model = Sequential::new();
for filters in [32, 64, 64] {
    model.add(Conv2D::new(filters, (3, 3)).padding(Padding::Same).activation(Relu));
    model.add(MaxPooling2D::new((2, 2)));
}
model.add(Flatten::new());
model.add(Dense::new(64).activation(Relu));
model.add(Dense::new(4).activation(Softmax));
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
let history = model.fit(&x, &y, &Fit::new().epochs(if real { 30 } else { 12 }).batch_size(32).validation_data(&x_test, &y_test).verbose(0))?;
plot_history(&history)?

// %% [markdown]
// ## 4. Augmentation
//
// A photograph that is mirrored, moved, turned or enlarged a little shows the same thing, and to the network it is a new
// one. Layers at the beginning of a network can do it, anew for every batch, in training only. This is what becomes of one
// photograph:

// %%
let mut augment = Sequential::new();
augment.add(RandomFlip::new(Flip::Horizontal).input_shape((32, 32, 3)));
augment.add(RandomRotation::new(0.05));
augment.add(RandomZoom::new(0.15));
let same = x.narrow(0, 0, 1).repeat([16, 1, 1, 1]);
image_grid(&augment.forward(&same, Phase::Train)?.clamp(0.0, 1.0))?.columns(8).image_size(80)

// %% [markdown]
// Photographs as small as these are blurred when they are turned and enlarged, and the ones to judge by are sharp. Mirroring
// and moving by whole pixels blurs nothing; `fit` does both by an option, `augmentation`.
//
// The same network five times: as it was; with dropout, which hides half of the last numbers in training, so that the network
// cannot rely on single ones; mirrored and moved; both of these; and with the layers of above. Three seeds each.

// %%
let mut remedies = Trials::new("Accuracy on photographs that were kept back");
let mut networks = Vec::new();
for remedy in ["as it was", "dropout", "mirrored and moved", "both", "mirrored and turned"] {
    for seed in 0..3 {
        session.set_seed(seed)?;
        let mut model = Sequential::new();
        if remedy == "mirrored and turned" {
            model.add(RandomFlip::new(Flip::Horizontal).input_shape((32, 32, 3)));
            model.add(RandomRotation::new(0.05));
            model.add(RandomZoom::new(0.15));
        }
        for filters in [32, 64, 64] {
            model.add(Conv2D::new(filters, (3, 3)).padding(Padding::Same).activation(Relu));
            model.add(MaxPooling2D::new((2, 2)));
        }
        model.add(Flatten::new());
        if ["dropout", "both"].contains(&remedy) {
            model.add(Dropout::new(0.5));
        }
        model.add(Dense::new(64).activation(Relu));
        model.add(Dense::new(4).activation(Softmax));
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
        let mut options = Fit::new().epochs(if real { 120 } else { 12 }).batch_size(32).verbose(0);
        if ["mirrored and moved", "both"].contains(&remedy) {
            options = options.augmentation(Augmentation::new().flip().shift(3));
        }
        let history = model.fit(&x, &y, &options)?;
        let evaluation = model.evaluate_with(&x_test, &y_test, &Evaluate::new().verbose(0))?;
        session.record(&format!("{remedy}, seed {seed}"), &model, &history, &evaluation)?;
        remedies.add(remedy, &history, &evaluation);
        if remedy == "both" {
            networks.push(model);
        }
    }
    println!("{remedy}: {:.1} %", 100.0 * remedies.mean(remedy)?);
}
remedies

// %%
remedies.plot()?

// %%
let gain = remedies.mean("mirrored and moved")? - remedies.mean("as it was")?;
println!("mirroring and moving is worth {:+.1} points", 100.0 * gain);
assert!(!real || gain > 0.0, "mirroring and moving should help");

// %% [markdown]
// ## 5. Mistakes
//
// A network with both remedies, on the photographs that were kept back.

// %%
let mut best = networks.pop().unwrap();
let predicted = best.predict(&x_test)?;
let matrix = confusion_matrix(&y_test, &predicted.argmax(-1, false), &names)?;
plot_confusion_matrix(&matrix, "Photographs that were kept back")?

// %% [markdown]
// The mistakes that it was most sure of.

// %%
show_largest_losses(&image_set(&x_test, &y_test, &names)?, &predicted, &names, 12)?

// %% [markdown]
// ## 6. Where does it look?
//
// *Grad-CAM* asks the last convolution which places in the photograph speak for the answer: the brighter, the more.

// %%
let convolution = best.layers()?.into_iter().filter(|layer| layer.class_name == "Conv2D").last().unwrap().name;
show_grad_cam(&best, &x_test.narrow(0, 0, 12), &y_test.narrow(0, 0, 12), &names, &convolution)?

// %% [markdown]
// ## 7. One photograph
//
// A file of any size goes in, a probability for each kind comes out.

// %%
let one = test.file_paths()[0].clone();
let photograph = photographs.load(&one)? / 255.0;
show(&image_grid(&photograph)?.image_size(128).figure()?);
println!("{}", one.file_name().unwrap().display());
prediction_table(&best.predict(&photograph)?, &names)?

// %% [markdown]
// ## 8. With a network that others have trained
//
// What helps most with few examples is a network that has seen millions of photographs: its lower layers know edges, fur and
// wheels already. It is frozen, and only a new last layer learns. The weights are not part of this project: where
// `LABBOOK_WEIGHTS` names a file of MobileNetV2's (PyTorch's or Keras's), this cell uses it; where not, it says so and
// does nothing.

// %%
match std::env::var("LABBOOK_WEIGHTS") {
    Err(_) => println!("No weights file is named, so this part is left out."),
    Ok(file) => {
        let known = applications::MobileNetV2::new().include_top(false).pooling("avg").weights(&file);
        let mut base = known.build()?;
        base.set_trainable(false)?;
        let larger = Resizing::new(96, 96);
        let mut shrunk = Sequential::new();
        shrunk.add(larger.input_shape((32, 32, 3)));
        let (seen, seen_test) = (shrunk.predict(&(&x * 255.0))?, shrunk.predict(&(&x_test * 255.0))?);
        let features = base.predict(&known.preprocess_input(&seen)?)?;
        let features_test = base.predict(&known.preprocess_input(&seen_test)?)?;
        let mut head = Sequential::new();
        head.add(Dense::new(4).activation(Softmax));
        head.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
        head.fit(&features, &y, &Fit::new().epochs(20).verbose(0))?;
        println!("a new head on MobileNetV2: {:.1} %", 100.0 * head.evaluate(&features_test, &y_test)?.accuracy);
    }
}

// %% [markdown]
// ## 9. What to take home
//
// - With few examples a network learns by heart; the two curves show when.
// - Augmentation makes many of few, and costs a line, as long as what it makes looks like what is judged.
// - Look at mistakes and at Grad-CAM before you trust an accuracy.

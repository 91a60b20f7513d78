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
// # Clothes that nobody has sewn: networks that draw
//
// Two kinds of networks that make new images of the kind that they have seen. A *variational autoencoder* (VAE) squeezes an
// image into two numbers and draws it again from them; then any two numbers become an image. A *generative adversarial
// network* (GAN) is two networks: one draws, the other tells drawings from real images, and both get better. Neither fits
// into `fit` as it is, so both have a training step of their own here.
//
// | | |
// |---|---|
// | **Claims** | The VAE's loss falls to the end, on images that it has not seen, too (266 to 259); kinds of clothes lie together in its plane, shirts, coats and pullovers mixed. Among the GAN's images, rough as they are, a network that was trained on real images finds at least seven of the ten kinds; it has to choose one even for a blot. |
// | **Data** | Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 60,000 images of ten kinds of clothes, shoes and bags. Without the files, letters are drawn in their place. |
// | **Seeds** | 0 for all that is shown. |
// | **Hardware, time** | A processor, no GPU: five and a half minutes with one thread. The report's head says which one, and how long the run took. |

// %% [markdown]
// ## 1. The images
//
// The signs of Rust in the cells: `?` means: if this fails, stop and say why. `&x` lends a value, so that it can be used
// again; `let mut` is a variable that changes. `|x| ..` is Python's `lambda x: ..`; `.unwrap()` takes out a value that is
// there for sure. `real` is true where the data were found: in `if real { 5 } else { 3 }`, change the number before `else`.
// The notebook `own_task` has a table of such signs.

// %%
// :dep labbook = { path = "../crates/labbook" }

// %%
use labbook::prelude::*;
use tch::{Device, Kind, Tensor};
let mut session = Session::start("generate")?;
let clothes = datasets::fashion_mnist::load_data()?;
session.set_data(clothes.provenance.description())?;
session

// %%
let real = !clothes.provenance.is_drawn();
let clothes = if real { clothes } else { clothes.take(1500, 300) };
let names = clothes.class_names.clone();
let x = clothes.train.images_tensor().to_kind(Kind::Float) / 255.0;
let x_test = clothes.test.images_tensor().to_kind(Kind::Float) / 255.0;
let (y, y_test) = (clothes.train.labels_tensor(), clothes.test.labels_tensor());
show_examples(&clothes.train, 1)?

// %% [markdown]
// ## 2. A variational autoencoder
//
// The *encoder* gives two numbers for an image, with an uncertainty for each; the *decoder* draws an image from two numbers.

// %%
let inputs = Input::new((28, 28, 1));
let hidden = Dense::new(256).activation(Relu).call(&Flatten::new().call(&inputs));
let hidden = Dense::new(64).activation(Relu).call(&hidden);
let mean = Dense::new(2).name("mean").call(&hidden);
let log_variance = Dense::new(2).name("log_variance").call(&hidden);
let mut encoder = Model::new(&inputs, [&mean, &log_variance])?.named("encoder");
encoder.summary()?

// %%
let mut decoder = Sequential::new().named("decoder");
decoder.add(Dense::new(64).activation(Relu).input_shape(2));
decoder.add(Dense::new(256).activation(Relu));
decoder.add(Dense::new(784).activation(Sigmoid));
decoder.add(Reshape::new((28, 28, 1)));
decoder.summary()?

// %% [markdown]
// ### Its training step
//
// Two things are made small together: how much the drawing differs from the image (`reconstruction`), and how far the codes
// lie from a round cloud at the middle (`kl`), without which the plane would have holes that decode to nothing. The codes
// are shaken by their uncertainty, so that neighbouring codes have to mean similar images.
//
// What stands in `|step| { .. }` runs for every batch, as `train_step` in Keras; its last line has no `;`, as it is the
// result. `(), []`: no loss and no metrics of `compile`'s own. `forward_all` gives all outputs, `forward` the first one.
// `* 784.0` turns the mean over the pixels into their sum; `sum_dim_intlist(-1, ..)` is `sum(axis=-1)`.
//
// The training has four rounds, whose lines count their epochs from 1. After each round images are drawn from the same
// thirty codes. Here there are clothes after five epochs already; bags get their handles later.

// %%
let mut vae = Model::joined((&encoder, &decoder))?.named("vae");
vae.compile(Adam::new().learning_rate(0.001), (), [])?;
let codes = Tensor::randn([30, 2], (Kind::Float, Device::Cpu));
let epochs = if real { 5 } else { 3 };
let options = Fit::new().epochs(epochs).batch_size(128).validation_data(&x_test, ()).verbose(2);
let mut histories = Vec::new();
for round in 1..=4 {
    histories.push(vae.fit_with_step(&x, (), &options, |step| {
        let outputs = encoder.forward_all(step.x(), step.phase())?;
        let (mean, log_variance) = (&outputs[0], &outputs[1]);
        let z = mean + (log_variance * 0.5).exp() * mean.randn_like();
        let drawn = decoder.forward(&z, step.phase())?;
        let reconstruction = BinaryCrossentropy::new().call(step.x(), &drawn)? * 784.0;
        let kl = (log_variance - mean.square() - log_variance.exp() + 1.0).sum_dim_intlist(-1, false, Kind::Float);
        let kl = kl.mean(Kind::Float) * -0.5;
        step.minimize(&(&reconstruction + &kl))?;
        step.log("reconstruction", &reconstruction)?;
        step.log("kl", &kl)
    })?);
    let title = format!("After {} epochs", epochs * round);
    show(&image_grid(&decoder.predict(&codes)?)?.columns(10).image_size(60).title(title).figure()?);
}

// %% [markdown]
// The loss on images that it did not learn from, both parts together, at the end of each quarter of the training:

// %%
let mut losses = Vec::new();
for history in &histories {
    losses.push(history.get("val_reconstruction").unwrap().last().unwrap() + history.get("val_kl").unwrap().last().unwrap());
}
println!("loss on test images: {losses:.1?}");
assert!(losses.last() < losses.first(), "the loss should fall");
assert!(!real || losses.is_sorted_by(|before, after| before > after), "the loss should fall to the end");
LineChart::new("Loss on test images").series("test", &losses).x_label("quarter of the training")

// %% [markdown]
// ### The plane of codes
//
// Every test image at the place of its code; `predict` gives the first output, the mean. Nobody told the encoder what is a
// shoe and what is a bag. Here shoes, bags and trousers have regions of their own all the same; shirts, coats and pullovers
// lie over each other, as they look alike.

// %%
let places = array_of(&encoder.predict(&x_test)?)?;
scatter(&places, &y_test, &names)?.title("Codes of the test images").x_label("first number").y_label("second number")
    .palette(Palette::Tab10).marker_size(4.0).alpha(0.6).size(820, 600)

// %% [markdown]
// The *silhouette* is 1 where kinds lie far apart, 0 where they touch or mix, as kinds do that were shuffled. Here 0.10 is
// little: shoes, bags and trousers lie apart from the rest, shirts, coats and pullovers do not.

// %%
let apart = silhouette_score(&places, &clothes.test.labels)?;
let mixed = silhouette_score(&places, &clothes.test.shuffled(0).labels)?;
println!("silhouette of the kinds {apart:.2}; of kinds that were shuffled {mixed:.2}");
assert!(apart > mixed, "kinds should lie together");

// %% [markdown]
// ### A walk through the plane
//
// Codes on a grid, each drawn by the decoder. The grid lies as the figure above: the first number grows to the right, the
// second upwards.

// %%
let steps = Tensor::linspace(-2.0, 2.0, 14, (Kind::Float, Device::Cpu));
let plane = Tensor::cartesian_prod(&[&steps.flip([0]), &steps]).flip([1]);
image_grid(&decoder.predict(&plane)?)?.columns(14).image_size(40)

// %% [markdown]
// Here boots and sneakers are at the top, bags and pullovers below them on the left, trousers at the bottom on the right.
// Some change into each other step by step, as boots into sneakers; between clothes and shoes the images fade.
//
// Next, images as they are, and below what two numbers remember of them.

// %%
let few = x_test.narrow(0, 0, 12);
let remembered = decoder.predict(&encoder.predict(&few)?)?;
image_grid(&Tensor::cat(&[&few, &remembered], 0))?.columns(12).image_size(52)

// %% [markdown]
// ## 3. Two networks against each other
//
// The *generator* draws from 32 random numbers: it begins with 7 x 7 places and doubles them twice. The *discriminator* looks
// at an image and says whether it is real.

// %%
let mut generator = Sequential::new().named("generator");
generator.add(Dense::new(7 * 7 * 64).input_shape(32));
generator.add(BatchNormalization::new());
generator.add(ActivationLayer::new(Relu));
generator.add(Reshape::new((7, 7, 64)));
generator.add(Conv2DTranspose::new(32, (4, 4)).strides(2).padding(Padding::Same));
generator.add(BatchNormalization::new());
generator.add(ActivationLayer::new(Relu));
generator.add(Conv2DTranspose::new(1, (4, 4)).strides(2).padding(Padding::Same).activation(Sigmoid));
generator.summary()?

// %%
let mut discriminator = Sequential::new().named("discriminator");
discriminator.add(Conv2D::new(32, (4, 4)).strides(2).padding(Padding::Same).input_shape((28, 28, 1)));
discriminator.add(LeakyReLU::new());
discriminator.add(Conv2D::new(64, (4, 4)).strides(2).padding(Padding::Same));
discriminator.add(LeakyReLU::new());
discriminator.add(Flatten::new());
discriminator.add(Dropout::new(0.3));
discriminator.add(Dense::new(1));
discriminator.summary()?

// %% [markdown]
// ### Their training step
//
// First the discriminator: real images should get 1, drawn ones 0. Then the generator: its images should get 1. Each has an
// optimizer of its own, and `minimize_part` changes the weights of one of them only. `detach` keeps the discriminator's
// step from the generator; `from_logits`: the discriminator ends without sigmoid. The images below are drawn from the same
// thirty rows of random numbers.
//
// Here, after twelve epochs over 20,000 images, there are outlines of clothes, with a grid of dots. More epochs may give
// better ones: raise the 3 in `let epochs`.

// %%
let mut gan = Model::joined((&generator, &discriminator))?.named("gan");
let of_generator = Adam::new().learning_rate(0.0004).beta_1(0.5);
let of_discriminator = Adam::new().learning_rate(0.0004).beta_1(0.5);
gan.compile(MultiOptimizer::new(of_generator).part("discriminator", of_discriminator), (), [])?;
let noise = Tensor::randn([30, 32], (Kind::Float, Device::Cpu));
let epochs = if real { 3 } else { 2 };
let options = Fit::new().epochs(epochs).batch_size(128).verbose(2);
let judge = BinaryCrossentropy::new().from_logits(true);
let some = x.narrow(0, 0, if real { 20_000 } else { 1500 });
for round in 1..=4 {
    gan.fit_with_step(&some, (), &options, |step| {
        let random = Tensor::randn([step.batch_size(), 32], (Kind::Float, Device::Cpu));
        let drawn = generator.forward(&random, step.phase())?;
        let (of_real, of_drawn) = (discriminator.forward(step.x(), step.phase())?, discriminator.forward(&drawn.detach(), step.phase())?);
        let told_apart = judge.call(&of_real.ones_like(), &of_real)? + judge.call(&of_drawn.zeros_like(), &of_drawn)?;
        step.minimize_part(&discriminator, &told_apart)?;
        let of_drawn = discriminator.forward(&drawn, step.phase())?;
        let fooled = judge.call(&of_drawn.ones_like(), &of_drawn)?;
        step.minimize_part(&generator, &fooled)?;
        step.log("discriminator", &told_apart)?;
        step.log("generator", &fooled)
    })?;
    let title = format!("After {} epochs", epochs * round);
    show(&image_grid(&generator.predict(&noise)?)?.columns(10).image_size(60).title(title).figure()?);
}

// %% [markdown]
// ## 4. What kinds have they drawn?
//
// An *expert*, a network that was trained on real images, looks at a thousand images of each. It has to choose one of ten
// kinds, even for a blot, so that a kind that it finds need not be well drawn. A generator may forget kinds: then they are
// missing here.

// %%
session.set_seed(0)?;
let mut expert = Sequential::new();
expert.add(Conv2D::new(32, (3, 3)).activation(Relu).input_shape((28, 28, 1)));
expert.add(MaxPooling2D::new((2, 2)));
expert.add(Flatten::new());
expert.add(Dense::new(10).activation(Softmax));
expert.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
let history = expert.fit(&x, &y, &Fit::new().epochs(if real { 3 } else { 5 }).batch_size(128).verbose(0))?;
let evaluation = expert.evaluate_with(&x_test, &y_test, &Evaluate::new().verbose(0))?;
session.record("expert", &expert, &history, &evaluation)?

// %%
let by_vae = decoder.predict(&Tensor::randn([1000, 2], (Kind::Float, Device::Cpu)))?;
let by_gan = generator.predict(&Tensor::randn([1000, 32], (Kind::Float, Device::Cpu)))?;
let mut chart = BarChart::new("Kinds among a thousand images, as the expert sees them").names(&names).percent();
let mut kinds = 0;
for (name, images) in [("VAE", &by_vae), ("GAN", &by_gan)] {
    let mut shares = Vec::new();
    kinds = 0;
    for count in image_set(images, &expert.predict_classes(images)?, &names)?.counts() {
        shares.push(f64::from(count) / 1000.0);
        if count >= 10 {
            kinds += 1;
        }
    }
    println!("{name}: {kinds} of ten kinds make at least one percent");
    chart = chart.series(name, &shares);
}
assert!(!real || kinds >= 7, "the expert should find at least seven kinds among the GAN's images");
chart

// %% [markdown]
// ## 5. What to take home
//
// - A VAE's plane can be walked through; its images are soft, because a mean of many possible images is.
// - Here the GAN's images have hard edges, the VAE's soft ones; neither is a photograph yet. A GAN's losses say little about
//   how good its images are, so look at images as training goes.
// - Both need a training step of their own, a dozen lines each; all else of `fit` stays.

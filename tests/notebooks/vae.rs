// A variational autoencoder with a training step of its own, cell by cell beside vae.py.

// %%
use tch::{Device, Kind, Tensor};
set_random_seed(0);

// %%
let digits = datasets::mnist::drawn(1500, 100, 0)?.train;
let x = digits.images_tensor().to_kind(Kind::Float) / 255.0;

// %%
let inputs = Input::new((28, 28, 1));
let hidden = Dense::new(128).activation(Relu).call(&Flatten::new().call(&inputs));
let mean = Dense::new(2).name("mean").call(&hidden);
let log_variance = Dense::new(2).name("log_variance").call(&hidden);
let mut encoder = Model::new(&inputs, [&mean, &log_variance])?.named("encoder");
let mut decoder = Sequential::new().named("decoder");
decoder.add(Dense::new(128).activation(Relu).input_shape(2));
decoder.add(Dense::new(784).activation(Sigmoid));
decoder.add(Reshape::new((28, 28, 1)));

// %%
let mut vae = Model::joined((&encoder, &decoder))?.named("vae");
vae.compile(Adam::new().learning_rate(0.002), (), [])?;
let options = Fit::new().epochs(8).batch_size(64).verbose(2).callbacks(LivePlot::new());
let history = vae.fit_with_step(&x, (), &options, |step| {
    let codes = encoder.forward_all(step.x(), step.phase())?;
    let (mean, log_variance) = (&codes[0], &codes[1]);
    let z = mean + (log_variance * 0.5).exp() * mean.randn_like();
    let drawn = decoder.forward(&z, step.phase())?;
    let reconstruction = BinaryCrossentropy::new().call(step.x(), &drawn)? * 784.0;
    let kl = (log_variance - mean.square() - log_variance.exp() + 1.0).sum_dim_intlist(-1, false, Kind::Float);
    let kl = kl.mean(Kind::Float) * -0.5;
    let loss = reconstruction + &kl;
    step.minimize(&loss)?;
    step.log("loss", &loss)?;
    step.log("kl", &kl)
})?;

// %%
let codes = array_of(&encoder.predict(&x)?)?;
scatter(&codes, &digits.labels_tensor(), &digits.class_names)?.title("Codes of the digits")

// %%
let steps = Tensor::linspace(-1.5, 1.5, 10, (Kind::Float, Device::Cpu));
let plane = Tensor::cartesian_prod(&[&steps, &steps]);
image_grid(&decoder.predict(&plane)?)?.columns(10).image_size(32)

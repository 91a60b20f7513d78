// Two inputs, two outputs and a skip connection, cell by cell beside branches.py, its twin in Keras.

// %%
use tch::{Device, Kind, Tensor};
set_random_seed(3);

// %%
let size = Tensor::rand([500, 3], (Kind::Float, Device::Cpu));
let place = Tensor::rand([500, 2], (Kind::Float, Device::Cpu));
let price = size.sum_dim_intlist(-1, false, Kind::Float) + place.select(1, 0);
let sold = price.lt(2.0).to_kind(Kind::Float);

// %%
let inputs = [Input::named("size", 3), Input::named("place", 2)];
let joined = Concatenate::new().call(&inputs);
let hidden = Dense::new(16).activation(Relu).call(&joined);
let deeper = Dense::new(16).activation(Relu).call(&hidden);
let skipped = Add::new().call([&hidden, &deeper]);
let outputs = [
    Dense::new(1).name("price").call(&skipped),
    Dense::new(1).activation(Sigmoid).name("sold").call(&skipped),
];
let mut model = Model::new(&inputs, &outputs)?;
model.summary()?

// %%
plot_model(&model, true)?

// %%
let losses = Compile::new(Adam::new().learning_rate(0.01), ["mse", "binary_crossentropy"]);
model.compile_with(losses.loss_weights([1.0, 0.5]).output_metrics("sold", ["accuracy"]))?;
let history = model.fit([&size, &place], [&price, &sold], &Fit::new().epochs(20).verbose(0))?;
plot_history(&history)?

// %%
let scores = model.evaluate([&size, &place], [&price, &sold])?;
println!("price {:.3}, sold {:.3}", scores.get("price_loss").unwrap(), scores.get("sold_accuracy").unwrap());

// A regression on a table, cell by cell beside table.py, its twin in Keras.

// %%
use tch::{Device, Kind, Tensor};
set_random_seed(1);

// %%
let x = Tensor::rand([600, 3], (Kind::Float, Device::Cpu));
let law = Tensor::from_slice(&[3.0_f32, -2.0, 0.5]);
let y = x.matmul(&law) + 1.0 + Tensor::randn([600], (Kind::Float, Device::Cpu)) * 0.05;

// %%
let mut model = Sequential::new();
model.add(Dense::new(32).activation(Relu).input_shape(3));
model.add(Dense::new(1));
model.compile(Adam::new().learning_rate(0.01), "mse", ["mae", "r2_score"])?;
model.summary()?

// %%
let history = model.fit(&x, &y, &Fit::new().epochs(30).validation_split(0.2).verbose(0))?;
plot_history(&history)?

// %%
let scores = model.evaluate(&x, &y)?;
println!("R2 {:.3}", scores.get("r2_score").unwrap());

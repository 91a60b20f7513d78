// A yes/no question with few yeses, cell by cell beside yes_no.py, its twin in Keras.

// %%
use tch::{Device, Kind, Tensor};
set_random_seed(2);

// %%
let x = Tensor::randn([1000, 2], (Kind::Float, Device::Cpu));
let y = x.sum_dim_intlist(-1, false, Kind::Float).gt(1.5).to_kind(Kind::Int64);

// %%
let mut model = Sequential::new();
model.add(Dense::new(16).activation(Relu).input_shape(2));
model.add(Dense::new(1).activation(Sigmoid));
model.compile("adam", "binary_crossentropy", ("accuracy", AUC::new(), "recall"))?;

// %%
let stop = EarlyStopping::new().monitor("val_auc").patience(5);
let options = Fit::new().epochs(40).validation_split(0.25).callbacks(stop).verbose(0);
let history = model.fit(&x, &y, &options.class_weight([(0, 1.0), (1, 5.0)]))?;
plot_history(&history)?

// %%
let scores = model.evaluate(&x, &y)?;
println!("AUC {:.3}, recall {:.3}", scores.get("auc").unwrap(), scores.get("recall").unwrap());

// %%
confusion_matrix(&y, &model.predict_classes(&x)?, &["no", "yes"])?

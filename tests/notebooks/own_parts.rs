// A layer, a loss, a metric and a schedule of one's own, saved, cell by cell beside own_parts.py.

// %%
use tch::{Kind, Tensor};
set_random_seed(1);

// %%
#[derive(Debug)]
pub struct Gate { units: i64, options: LayerOptions, kernel: Option<Tensor> }

impl Gate {
    pub fn new(units: i64) -> Self { Self { units, options: LayerOptions::default(), kernel: None } }
}

impl Layer for Gate {
    fn class_name(&self) -> &'static str { "Gate" }
    fn options(&self) -> &LayerOptions { &self.options }
    fn config(&self) -> Option<LayerConfig> {
        Some(CustomConfig::new("Gate").with("units", self.units).into())
    }
    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> nn::Result<Shape> {
        let inputs = *input.dims().last().ok_or_else(|| context.error("rows", input, "use Flatten"))?;
        self.kernel = Some(context.dense_kernel(Initializer::HeNormal, [inputs, 2 * self.units])?);
        Ok(Shape::from(self.units))
    }
    fn forward(&self, x: &Tensor, _: Phase, _: Activation) -> nn::Result<Tensor> {
        let halves = x.matmul(self.kernel.as_ref().unwrap()).chunk(2, -1);
        Ok(&halves[0] * halves[1].sigmoid())
    }
    fn parameters(&self) -> Vec<Parameter> {
        self.kernel.iter().map(|kernel| Parameter::new("kernel", kernel)).collect()
    }
}

// %%
register_layer("Gate", |config| Ok(Gate::new(config.get("units")?)));
register_loss("quartic", |_| Ok(LossFn::new("quartic", |y, p| (y - p).pow_tensor_scalar(4))));
register_metric("close", |_| Ok(MetricFn::new("close", |y, p| (y - p).abs().lt(0.5))));
let halving = LearningRateSchedule::custom("halving", |step| 0.02 * 0.5_f64.powi(step as i32 / 200));

// %%
let x = Tensor::linspace(-1.0, 1.0, 600, (Kind::Float, tch::Device::Cpu)).reshape([200, 3]);
let y = x.square().sum_dim_intlist(-1, true, Kind::Float);
let mut model = Sequential::new();
model.add(Gate::new(16));
model.add(Dense::new(1));
model.compile(Adam::new().schedule(halving), "quartic", ["close"])?;
let history = model.fit(&x, &y, &Fit::new().epochs(80).verbose(0))?;
model.save("own_parts")?;
println!("close {:.4}", model.evaluate(&x, &y)?.get("close").unwrap());

"""The fifty cells that bench_kernel.py times, in their order: what each uses, and its code.

They are a notebook in small: numbers and tables by the libraries themselves, then a network that is
built, trained on 200 drawn images, judged and drawn. "ours" marks cells that only call labbook's API.
"""

CELLS = [
    ("rust", "let numbers = vec![0.9, 0.6, 0.5];"),
    ("rust", "numbers.iter().sum::<f64>()"),
    ("rust", 'println!("{:.3} of {}", numbers[0], numbers.len());'),
    ("rust", "let words = \"one two three\".split(' ').map(String::from).collect::<Vec<String>>();"),
    ("rust", "fn half(x: f64) -> f64 { x / 2.0 }"),
    ("rust", "half(numbers[1])"),
    ("ndarray", "let square = ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]);"),
    ("ndarray", "square.sum()"),
    ("ndarray", "let product = square.dot(&square.t());"),
    ("ndarray", "product"),
    ("ndarray", "let means = product.mean_axis(ndarray::Axis(0)).unwrap_or_default();"),
    ("ndarray", 'println!("{:.3}", square.mapv(f64::sqrt));'),
    ("tch", "let range = tch::Tensor::arange(12, tch::kind::FLOAT_CPU).reshape([3, 4]);"),
    ("tch", "let gram = range.matmul(&range.transpose(0, 1));"),
    ("tch", "gram"),
    ("tch", "gram.size()"),
    ("tch", "let shares = gram.softmax(-1, tch::Kind::Float);"),
    ("tch", 'println!("{:.3}", shares.sum(tch::Kind::Float).double_value(&[]));'),
    ("tch", "let best = shares.argmax(-1, false);"),
    ("polars", 'let frame = polars::df!["epoch" => [1, 2, 3], "loss" => numbers.clone()]?;'),
    ("polars", "frame"),
    ("polars", "frame.shape()"),
    ("polars", "let sorted = frame.sort([\"loss\"], Default::default())?;"),
    ("polars", "sorted.head(Some(2))"),
    ("polars", 'println!("{:?}", frame.column("loss")?.as_materialized_series().mean());'),
    ("plotters", "use plotters::prelude::*;"),
    ("plotters", "let colours = [RGBColor(200, 50, 50), RGBColor(50, 90, 200)];"),
    (
        "plotters",
        """\
let mut svg = String::new();
{
    let root = SVGBackend::with_string(&mut svg, (320, 200)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Circle::new((160, 100), 40, colours[0].filled()))?;
    root.present()?;
}
svg.len()""",
    ),
    (
        "plotters",
        """\
draw(480, 240, |root| {
    let mut chart = ChartBuilder::on(root).margin(px(10.0)).build_cartesian_2d(0.0..2.0, 0.0..1.0)?;
    chart.configure_mesh().draw()?;
    let points = numbers.iter().enumerate().map(|(epoch, loss)| (epoch as f64, *loss));
    chart.draw_series(LineSeries::new(points, colours[1].stroke_width(3)))?;
    Ok(())
})?""",
    ),
    ("ours", "let cifar = datasets::cifar10::drawn(200, 60, 0);"),
    ("ours", "cifar"),
    ("ours", "let class_names = cifar.class_names.clone();"),
    (
        "tch",
        """\
let images = cifar.train.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let labels = cifar.train.labels_tensor();""",
    ),
    (
        "ours",
        """\
let mut model = Sequential::new();
model.add(Conv2D::new(4, (3, 3)).activation(Relu).input_shape((32, 32, 3)));
model.add(MaxPooling2D::new((2, 2)).strides(2));
model.add(Flatten::new());
model.add(Dense::new(10).activation(Softmax));
model.summary()?""",
    ),
    ("ours", "plot_model(&model, true)?"),
    ("ours", 'model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), ["accuracy"])?;'),
    (
        "ours",
        """\
let history = model.fit(
    &images,
    &labels,
    &Fit::new().epochs(2).batch_size(50).callbacks(EarlyStopping::new().monitor("accuracy").patience(2)),
)?;""",
    ),
    ("ours", "history.keys()"),
    ("ours", "history.to_frame()?.tail(Some(5))"),
    ("ours", "plot_history(&history)?"),
    ("ours", 'println!("{:.2} %", 100.0 * model.evaluate(&images, &labels)?.accuracy);'),
    ("ours", "let predictions = model.predict(&images)?;"),
    (
        "ours",
        """\
let classes = model.predict_classes(&images)?;
let confusion = confusion_matrix(&labels, &classes, &class_names)?;
confusion""",
    ),
    ("ours", 'plot_confusion_matrix(&confusion, "Training images")?'),
    ("ours", "confusion.classification_report()"),
    ("ours", "prediction_table(&predictions.slice(0, 0, 10, 1), &class_names)?"),
    ("ours", "show_random_examples(&cifar.test, &cifar.test.labels_tensor(), &class_names, 1)?"),
    ("ours", 'LineChart::new("Loss").series("training", &numbers).figure()?'),
    (
        "ours",
        """\
let mut table = Table::new(&["layer", "units"]);
table.push(&["dense", "10"]);
table""",
    ),
    (
        "ours",
        """\
let pca = Pca::new(2).fit(&predictions)?;
scatter(&pca.transform(&predictions)?, &classes, &class_names)?.figure()?""",
    ),
]

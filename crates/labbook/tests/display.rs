//! Every type that a cell may end in shows itself, in HTML and in plain text.
#![allow(missing_docs, clippy::unwrap_used)]

use std::error::Error;

use labbook::analysis::ConfusedPair;
use labbook::paper::prelude::*;
use labbook::paper::{
    Comparison, Experiment, ExperimentFacts, ExperimentRecord, ExperimentRuns, FinishedSpeedRun,
};
use labbook::polars::df;
use labbook::polars::prelude::Column;
use labbook::prelude::*;
use ndarray::{Array4, arr2};
use tch::{Device, Kind, Tensor};

/// A name that would break HTML that does not escape it.
const NAME: &str = "<i>cat</i> & \"dog\"";

/// Names of the prelude that no cell ends in, by why.
const NO_VALUES: &[(&str, &[&str])] = &[
    (
        "a trait",
        &[
            "Callback",
            "Dataset",
            "HistoryFrame",
            "Layer",
            "Loss",
            "Metric",
            "NotebookDisplay",
            "Optimizer",
            "Render",
            "Rows",
            "StudyFrame",
            "ToNumpy",
        ],
    ),
    ("lent to callbacks", &["Control", "Logs"]),
    ("lent to charts", &["Columns"]),
    (
        "part of what a model is compiled with",
        &[
            "AUC",
            "Accuracy",
            "Adadelta",
            "Adagrad",
            "AdamW",
            "Adamax",
            "BinaryAccuracy",
            "BinaryCrossentropy",
            "BinaryFocalCrossentropy",
            "CTC",
            "CategoricalAccuracy",
            "CategoricalCrossentropy",
            "CategoricalFocalCrossentropy",
            "CategoricalHinge",
            "CosineSimilarity",
            "F1Score",
            "FBetaScore",
            "Ftrl",
            "Hinge",
            "Huber",
            "KLDivergence",
            "Lion",
            "LogCosh",
            "LossFn",
            "MeanAbsoluteError",
            "MeanAbsolutePercentageError",
            "MeanIoU",
            "MeanSquaredError",
            "MeanSquaredLogarithmicError",
            "MetricFn",
            "Metrics",
            "MultiOptimizer",
            "Nadam",
            "Perplexity",
            "Poisson",
            "Precision",
            "R2Score",
            "Recall",
            "RootMeanSquaredError",
            "SparseCategoricalAccuracy",
            "SparseTopKCategoricalAccuracy",
            "SquaredHinge",
            "TopKCategoricalAccuracy",
        ],
    ),
    (
        "made to turn texts and series into tensors",
        &[
            "Bleu",
            "PadSequences",
            "RougeScore",
            "Side",
            "Split",
            "Standardize",
            "StringLookup",
            "TextOutput",
            "TextVectorization",
            "TimeseriesWindows",
            "Tokenizer",
            "TrainTokenizer",
            "WordVectors",
        ],
    ),
    (
        "part of a model, shown in its summary",
        &[
            "ActivityRegularization",
            "Add",
            "AlphaDropout",
            "AverageLayer",
            "AveragePooling1D",
            "AveragePooling3D",
            "CategoryEncoding",
            "CenterCrop",
            "Concatenate",
            "Conv1D",
            "Conv1DTranspose",
            "Conv2DTranspose",
            "Conv3D",
            "ConvLSTM1D",
            "Cropping1D",
            "Cropping2D",
            "DepthwiseConv2D",
            "Discretization",
            "Dot",
            "ELU",
            "GaussianDropout",
            "GaussianNoise",
            "GlobalAveragePooling1D",
            "GlobalAveragePooling3D",
            "GlobalMaxPooling1D",
            "GlobalMaxPooling3D",
            "GroupNormalization",
            "IntegerLookup",
            "LayerNormalization",
            "AdditiveAttention",
            "Attention",
            "MultiHeadAttention",
            "PositionEmbedding",
            "SinePositionEncoding",
            "TransformerDecoder",
            "TransformerEncoder",
            "ScoreMode",
            "Bidirectional",
            "Embedding",
            "FeatureSlice",
            "GRU",
            "GRUCell",
            "LSTM",
            "LSTMCell",
            "Masking",
            "RNN",
            "RecurrentCell",
            "SimpleRNN",
            "SimpleRNNCell",
            "TimeDistributed",
            "MergeMode",
            "RecurrentLayer",
            "LeakyReLU",
            "MaxPooling1D",
            "MaxPooling3D",
            "Maximum",
            "Minimum",
            "Multiply",
            "PReLU",
            "Permute",
            "RandomBrightness",
            "RandomContrast",
            "RandomFlip",
            "RandomRotation",
            "RandomTranslation",
            "RandomZoom",
            "ReLU",
            "RepeatVector",
            "Reshape",
            "Resizing",
            "SeparableConv2D",
            "SharedLayer",
            "SoftmaxLayer",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "StackedRNNCells",
            "StochasticDepth",
            "Subtract",
            "UnitNormalization",
            "UpSampling1D",
            "UpSampling2D",
            "ZeroPadding1D",
            "ZeroPadding2D",
        ],
    ),
    ("options, taken by compile", &["Compile"]),
    ("options, taken by generate", &["Generate"]),
    ("lent to fit", &["GeneratorDataset", "TensorDataset"]),
    ("makes symbolic tensors", &["Input"]),
    ("shown as Sequential is, by its summary", &["Model"]),
    (
        "an option of layers",
        &[
            "Constraint",
            "Distribution",
            "Factor",
            "FanMode",
            "FillMode",
            "Flip",
            "Interpolation",
            "OrthogonalRegularizer",
            "OutputMode",
            "Regularizer",
        ],
    ),
    (
        "for layers, losses and metrics of one's own",
        &[
            "BuildContext",
            "CustomConfig",
            "LayerConfig",
            "LayerOptions",
            "LossConfig",
            "MetricConfig",
            "Output",
            "Parameter",
            "Phase",
            "Shape",
            "Targets",
        ],
    ),
    ("lent to a training step", &["TrainStep"]),
    ("made by a study's program", &["Training"]),
    ("options of find_learning_rate", &["LearningRateFinder"]),
];

type Shown = Vec<(&'static str, Box<dyn Render>)>;

fn small_model() -> Sequential {
    let mut model = Sequential::on(Device::Cpu).seeded(0).named(NAME);
    model.add(Flatten::new().input_shape((32, 32, 3)));
    model.add(Dense::new(10).activation(Softmax));
    model
}

/// A study with one case on record.
fn study(record: RunRecord) -> Result<(Study, StudyResults), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("STUDY.toml");
    let text = "name = 'a < b'\nprogram = 'train.rs'\nmetric = 'test_loss'\ndirection = 'min'\n\
        [settings]\nkind = ['<i>cat</i> & \"dog\"', 'plain']\n";
    std::fs::write(&path, text)?;
    let study = Study::open(&path)?;
    let case = study.case(0)?;
    let record = record
        .fact("study", study.name())?
        .fact("case", case.number())?
        .fact("trial", case.trial())?
        .fact("settings", case.settings())?;
    record.write(study.record_path(0))?;
    let results = study.results()?;
    Ok((study, results))
}

/// One value of each type.
fn values() -> Result<Shown, Box<dyn Error>> {
    let data = datasets::cifar10::drawn(20, 20, 0);
    let (images, labels) = (data.test.images_tensor(), data.test.labels_tensor());
    let images = images.to_kind(Kind::Float) / 255.0;
    let names: Vec<String> = (0..10).map(|class| format!("{NAME} {class}")).collect();
    let mut model = small_model();
    model.compile(
        Adam::new(),
        SparseCategoricalCrossentropy::new(),
        ["accuracy"],
    )?;
    let fit = Fit::new().epochs(1).verbose(0);
    let history = model.fit(&images, &labels, &fit)?;
    let evaluation = model.evaluate_with(&images, &labels, &Evaluate::new().verbose(0))?;
    let predictions = model.predict(&images)?;
    let matrix = confusion_matrix(&labels, &model.predict_classes(&images)?, &names)?;
    let calibration = calibration_curve(&labels, &predictions)?;
    let facts = ExperimentFacts::new(Scale::smoke(), 0, &data.provenance, Device::Cpu, NAME);
    let record = ExperimentRecord::new(&facts, 1, &model, &history, &evaluation)?.named(NAME);
    let general = record.to_record()?;
    let (study, studied) = study(general.clone())?;
    let results = Results {
        comparison: Comparison::of(std::slice::from_ref(&record)),
    };
    let mut trials = Trials::new(NAME);
    trials.add(NAME, &history, &evaluation);
    let mut table = Table::new(&[NAME]).caption(NAME);
    table.push(&[NAME]);
    let points = arr2(&[[0.0, 1.0], [1.0, 0.0], [2.0, 2.5]]);
    let pictures = Array4::<u8>::zeros((3, 8, 8, 3));
    let kernel = Array4::<f32>::zeros((3, 3, 3, 4));
    let frame = df![NAME => [NAME, NAME], "loss" => [0.5, 0.25]]?;
    let finished = FinishedSpeedRun {
        model: small_model(),
        history: history.clone(),
        test: evaluation.clone(),
    };
    let pair = ConfusedPair {
        true_class: 0,
        predicted_class: 1,
        true_name: NAME.to_owned(),
        predicted_name: NAME.to_owned(),
        count: 3,
        share: 0.1,
    };
    let mut shown: Shown = vec![
        ("Activation", Box::new(Relu)),
        ("ActivationLayer", Box::new(ActivationLayer::new(Relu))),
        ("Adam", Box::new(Adam::new())),
        ("Array", Box::new(points.clone())),
        (
            "Augmentation",
            Box::new(Augmentation::new().flip().shift(2)),
        ),
        ("Average", Box::new(Average::Macro)),
        ("AveragePooling2D", Box::new(AveragePooling2D::new(2))),
        (
            "AttentionMap",
            Box::new(AttentionMap::new(&arr2(&[[1.0]]), [NAME], [NAME]).title(NAME)),
        ),
        (
            "BarChart",
            Box::new(BarChart::new(NAME).bars(&[NAME], &[1.0])),
        ),
        (
            "BarPlot",
            Box::new(barplot(&frame, "loss").x(NAME).title(NAME)),
        ),
        (
            "BoxPlot",
            Box::new(boxplot(&frame, "loss").x(NAME).title(NAME)),
        ),
        ("BatchNormalization", Box::new(BatchNormalization::new())),
        ("Beyond", Box::new(Beyond::of(vec![record.clone()], &facts))),
        ("Calibration", Box::new(calibration.clone())),
        (
            "ClassificationReport",
            Box::new(matrix.classification_report()),
        ),
        (
            "LearningRateCurve",
            Box::new(LearningRateCurve {
                learning_rates: vec![0.1, 0.2],
                losses: vec![2.0, 1.0],
                stopped: false,
            }),
        ),
        ("LivePlot", Box::new(LivePlot::new())),
        (
            "XyChart",
            Box::new(XyChart::new(NAME).curve(NAME, &[1.0, 2.0], &[1.0, 2.0])),
        ),
        ("ColorMap", Box::new(ColorMap::Blues)),
        ("Column", Box::new(Column::new(NAME.into(), [NAME]))),
        (
            "ColumnScatter",
            Box::new(scatterplot(&frame, "loss", "loss").hue(NAME)),
        ),
        ("CountPlot", Box::new(countplot(&frame, NAME).title(NAME))),
        (
            "HeatMap",
            Box::new(HeatMap::new(&arr2(&[[1.0]]), [NAME], [NAME]).title(NAME)),
        ),
        ("Histogram", Box::new(histplot(&frame, "loss").hue(NAME))),
        ("PairPlot", Box::new(pairplot(&frame).hue(NAME))),
        ("ViolinPlot", Box::new(violinplot(&frame, "loss").x(NAME))),
        ("Comparison", Box::new(results.comparison.clone())),
        ("ConfusedPair", Box::new(pair)),
        ("ConfusionMatrix", Box::new(matrix.clone())),
        ("Conv2D", Box::new(Conv2D::new(64, (3, 3)).activation(Relu))),
        ("CsvLogger", Box::new(CsvLogger::new(NAME))),
        ("Case", Box::new(study.case(0)?)),
        (
            "PairedComparison",
            Box::new(PairedComparison::of(&[0.5, 0.25]).unwrap()),
        ),
        ("TrialResult", Box::new(studied.best().unwrap())),
        ("StudyResults", Box::new(studied)),
        ("Study", Box::new(study)),
        (
            "SettingImportances",
            Box::new(SettingImportances {
                metric: NAME.to_owned(),
                trials: 5,
                settings: vec![(NAME.to_owned(), 0.75)],
                together: 0.25,
            }),
        ),
        ("JsonLogger", Box::new(JsonLogger::new(NAME))),
        ("MlFlow", Box::new(MlFlow::new(NAME))),
        ("TensorBoard", Box::new(TensorBoard::new(NAME))),
        ("DataFrame", Box::new(frame.clone())),
        (
            "Dense",
            Box::new(Dense::new(10).kernel_regularizer(L1L2::new(0.1, 0.2))),
        ),
        ("Dropout", Box::new(Dropout::new(0.5))),
        ("DtypePolicy", Box::new(DtypePolicy::default())),
        ("EarlyStopping", Box::new(EarlyStopping::new())),
        ("Evaluate", Box::new(Evaluate::new())),
        ("Evaluation", Box::new(evaluation)),
        ("Experiment", Box::new(*Experiment::numbered(16)?)),
        ("ExperimentRecord", Box::new(record)),
        ("ExperimentRuns", Box::new(ExperimentRuns::at(NAME))),
        ("Explanation", Box::new(model.saliency(&images, None)?)),
        (
            "FeatureMaps",
            Box::new(FeatureMaps::new(&kernel).title(NAME)),
        ),
        (
            "Figure",
            Box::new(LineChart::new(NAME).series(NAME, &[1.0]).figure()?),
        ),
        ("FilterGrid", Box::new(FilterGrid::new(&kernel).title(NAME))),
        ("FinishedSpeedRun", Box::new(finished)),
        ("Fit", Box::new(fit)),
        ("FittedPca", Box::new(Pca::new(2).fit(&points)?)),
        ("Flatten", Box::new(Flatten::new())),
        (
            "GlobalAveragePooling2D",
            Box::new(GlobalAveragePooling2D::new()),
        ),
        ("GlobalMaxPooling2D", Box::new(GlobalMaxPooling2D::new())),
        ("History", Box::new(history)),
        ("ImageGrid", Box::new(ImageGrid::new(&pictures).title(NAME))),
        ("ImageSet", Box::new(data.test.clone())),
        ("ImageSets", Box::new(data.clone())),
        ("IncrementalPca", Box::new(IncrementalPca::new(2))),
        ("Initializer", Box::new(Initializer::HeNormal)),
        ("L1L2", Box::new(L1L2::new(0.1, 0.2))),
        (
            "LabelledScatter",
            Box::new(LabelledScatter::new(NAME).series(NAME, &[1.0], &[2.0], &[NAME])),
        ),
        (
            "LearningRateSchedule",
            Box::new(LearningRateSchedule::polynomial_decay(0.1, 9)),
        ),
        (
            "LearningRateScheduler",
            Box::new(LearningRateScheduler::new(|_, rate| rate)),
        ),
        (
            "LineChart",
            Box::new(LineChart::new(NAME).series(NAME, &[1.0, 2.0])),
        ),
        ("Lookahead", Box::new(Lookahead::new(5))),
        ("MatrixPlot", Box::new(MatrixPlot::new(&matrix).title(NAME))),
        (
            "MaxPooling2D",
            Box::new(MaxPooling2D::new((2, 2)).strides(2)),
        ),
        ("ModelCheckpoint", Box::new(ModelCheckpoint::new(NAME))),
        (
            "ModelPlot",
            Box::new(ModelPlot::new().layer(NAME, NAME, NAME, NAME)),
        ),
        ("MonitorMode", Box::new(MonitorMode::Auto)),
        ("Muon", Box::new(Muon::new())),
        ("Normalization", Box::new(Normalization::new())),
        ("Normalize", Box::new(Normalize::True)),
        ("Padding", Box::new(Padding::Same)),
        ("Palette", Box::new(Palette::Muted)),
        (
            "ParallelCoordinates",
            Box::new(ParallelCoordinates::new(NAME, &[1.0]).axis(NAME, &[2.0])),
        ),
        ("Pacmap", Box::new(Pacmap::new())),
        ("Pca", Box::new(Pca::new(2))),
        ("Hdbscan", Box::new(Hdbscan::new())),
        ("KMeans", Box::new(KMeans::new(2))),
        (
            "KNeighborsClassifier",
            Box::new(KNeighborsClassifier::new(3)),
        ),
        ("KNeighborsRegressor", Box::new(KNeighborsRegressor::new(3))),
        ("LinearRegression", Box::new(LinearRegression::new())),
        ("LogisticRegression", Box::new(LogisticRegression::new())),
        (
            "RandomForestClassifier",
            Box::new(RandomForestClassifier::new()),
        ),
        (
            "RandomForestRegressor",
            Box::new(RandomForestRegressor::new()),
        ),
        (
            "PermutationImportance",
            Box::new(PermutationImportance {
                columns: vec![NAME.to_owned()],
                baseline: 0.5,
                importances: vec![vec![0.25, 0.5]],
            }),
        ),
        ("Predict", Box::new(Predict::new())),
        ("Provenance", Box::new(data.provenance.clone())),
        ("RMSprop", Box::new(RMSprop::new())),
        ("ReduceLROnPlateau", Box::new(ReduceLROnPlateau::new())),
        (
            "ReliabilityDiagram",
            Box::new(ReliabilityDiagram::new(&calibration).title(NAME)),
        ),
        ("Rescaling", Box::new(Rescaling::new(0.5))),
        ("Result", Box::new(Err::<i32, _>(NAME))),
        ("Row", Box::new(row(&[&table, &table]))),
        ("RunRecord", Box::new(general)),
        ("Runs", Box::new(Runs::at(NAME))),
        ("SGD", Box::new(SGD::new())),
        ("Scale", Box::new(Scale::laptop())),
        (
            "ScatterPlot",
            Box::new(ScatterPlot::new(&points).title(NAME)),
        ),
        ("Sequential", Box::new(model)),
        (
            "Series",
            Box::new(frame.column(NAME)?.as_materialized_series().clone()),
        ),
        (
            "SparseCategoricalCrossentropy",
            Box::new(SparseCategoricalCrossentropy::new()),
        ),
        (
            "SpeedRun",
            Box::new(SpeedRun::numbered(20)?.without(Trick::Muon)),
        ),
        ("Stack", Box::new(stack(&[&table, &table]))),
        ("Summary", Box::new(small_model().summary()?)),
        ("Table", Box::new(table)),
        ("Tensor", Box::new(Tensor::from_slice(&[1.0_f32, 2.0]))),
        ("TestTimeAugmentation", Box::new(TestTimeAugmentation::Flip)),
        (
            "ThumbnailMap",
            Box::new(ThumbnailMap::new(&pictures, &points).title(NAME)),
        ),
        ("Trials", Box::new(trials)),
        ("Trick", Box::new(Trick::Muon)),
        ("Tsne", Box::new(Tsne::new())),
        ("Umap", Box::new(Umap::new())),
        ("Versions", Box::new(Versions::of_this_build())),
        ("Whitening", Box::new(Whitening::new(2))),
    ];
    let (labels, scores) = ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]);
    let roc = RocCurve::new(&labels, &scores)?;
    let precision = PrecisionRecallCurve::new(&labels, &scores)?;
    let interval = bootstrap_interval(9, 100, 0.95, 0, |rows| rows[0] as f64)?;
    shown.extend([
        ("BootstrapInterval", Box::new(interval) as Box<dyn Render>),
        ("Fill", Box::new(Fill::Mean)),
        ("KFold", Box::new(KFold::new(5))),
        ("KappaWeights", Box::new(KappaWeights::Linear)),
        (
            "McNemar",
            Box::new(McNemar::new(&labels, &labels, &[1, 0, 1, 0])?),
        ),
        (
            "PrecisionRecallPlot",
            Box::new(PrecisionRecallPlot::new().curve(NAME, &precision)),
        ),
        ("PrecisionRecallCurve", Box::new(precision)),
        ("ReadCsv", Box::new(ReadCsv::new())),
        ("RocPlot", Box::new(RocPlot::new().curve(NAME, &roc))),
        ("RocCurve", Box::new(roc)),
        ("StratifiedKFold", Box::new(StratifiedKFold::new(5))),
        (
            "TablePreprocessor",
            Box::new(TablePreprocessor::new().standard(&[NAME])),
        ),
        ("TrainTestSplit", Box::new(TrainTestSplit::new())),
    ]);
    shown.extend(own_data()?);
    shown.push(("Conclusions", Box::new(results.conclusions())));
    shown.push(("Diagnoses", Box::new(results.diagnosis())));
    shown.push(("Recommendation", Box::new(results.recommendation())));
    shown.push(("Results", Box::new(results)));
    Ok(shown)
}

/// What brings a person's own data and weights in and out.
fn own_data() -> Result<Shown, Box<dyn Error>> {
    fn build() -> labbook::nn::Result<Sequential> {
        let mut model = small_model();
        model.compile("sgd", "mse", [])?;
        Ok(model)
    }
    let x = Tensor::zeros([2, 32, 32, 3], (Kind::Float, Device::Cpu));
    let y = Tensor::zeros([2, 10], (Kind::Float, Device::Cpu));
    let folds = [(vec![0], vec![1])];
    let scores = cross_val_score(build, &x, &y, folds, &Fit::new().verbose(0))?;
    let texts = TextSet::new(vec![NAME, "b"], vec![0, 1], &[NAME, "z"])?;
    let sets = TextSets::new(texts.clone(), texts.clone(), Provenance::drawn(NAME));
    let path = std::env::temp_dir().join(format!(
        "labbook-display-{}-{:?}.npz",
        std::process::id(),
        std::thread::current().id()
    ));
    write_npz(&path, [(NAME, &vec![NAME])])?;
    let arrays = read_npz(&path);
    std::fs::remove_file(&path)?;
    let arrays = arrays?;
    let mut model = small_model();
    model.compile("sgd", "mse", [])?;
    Ok(vec![
        ("AspectRatio", Box::new(AspectRatio::Crop)),
        ("ColorMode", Box::new(ColorMode::Rgb)),
        ("CrossValidation", Box::new(scores)),
        ("DataCard", Box::new(data_card(&sets)?)),
        (
            "ImageFolder",
            Box::new(image_dataset_from_files([NAME], [NAME], 4)?),
        ),
        ("ImageInterpolation", Box::new(ImageInterpolation::Area)),
        ("ImportedWeights", Box::new(ImportedWeights::default())),
        ("LabelMode", Box::new(LabelMode::Int)),
        ("NumpyArray", Box::new(arrays.get(NAME)?.clone())),
        ("NumpyArrays", Box::new(arrays)),
        ("TableSet", Box::new(datasets::penguins::generated(5, 0)?)),
        ("TextSet", Box::new(texts)),
        ("TextSets", Box::new(sets)),
        ("WeightLayout", Box::new(WeightLayout::PyTorch)),
        (
            "WeightMap",
            Box::new(model.weight_map(WeightLayout::Keras)?),
        ),
    ])
}

#[test]
fn every_value_shows_itself_in_sound_html_and_in_plain_text() {
    for (name, value) in values().unwrap() {
        let (html, plain) = (value.to_html(), value.to_plain());
        assert!(!plain.trim().is_empty(), "{name} shows nothing");
        assert!(
            !plain.contains("&lt;") && !plain.contains("style="),
            "{name}: {plain}"
        );
        if let Err(fault) = sound(&without_ours(&html)) {
            panic!("{name}: {fault} in\n{html}");
        }
        assert!(!html.contains("<i>"), "{name} does not escape:\n{html}");
    }
}

/// A session is shown in the tests of whole notebooks.
#[test]
fn no_type_of_the_prelude_is_forgotten() {
    let shown = values().unwrap();
    let known: Vec<&str> = shown
        .iter()
        .map(|(name, _)| *name)
        .chain(
            NO_VALUES
                .iter()
                .flat_map(|(_, names)| names.iter().copied()),
        )
        .chain(["Session", "Activation"])
        .collect();
    let source = include_str!("../src/lib.rs");
    let prelude = source.split("pub mod prelude").nth(1).unwrap();
    let guest = include_str!("../../labbook-paper/src/lib.rs");
    let guest = guest.split("pub mod prelude").nth(1).unwrap();
    // Activations are imported one by one.
    let activations = prelude
        .split("Activation::{")
        .nth(1)
        .unwrap()
        .split('}')
        .next()
        .unwrap();
    let both = format!("{prelude} {guest}");
    let words = both.split(|c: char| !c.is_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with(char::is_uppercase)) {
        let activation = activations
            .split(|c: char| !c.is_alphanumeric())
            .any(|a| a == word);
        assert!(
            activation || known.contains(&word),
            "{word} of the prelude is not shown here"
        );
    }
}

/// The rule that turns charts dark with their page.
const DARK: &str = "<style>[data-jp-theme-light=false] .labbook-chart,.vscode-dark .labbook-chart\
                    {filter:invert(.9) hue-rotate(180deg)}</style>";

/// HTML without the one rule and the one script that may stand in it, each to the letter.
fn without_ours(html: &str) -> String {
    let script = include_str!("../../labbook-notebook/src/scatter.js");
    let lines = script.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    let script = lines.fold(String::new(), |text, line| text + line + "\n");
    html.replace(DARK, "")
        .replace(&format!("<script>{script}</script>"), "")
}

/// Whether tags close in order, nothing runs or is fetched, and colours come from the page or in
/// pairs, so that a theme's text colour never meets our background.
fn sound(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for piece in html.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').ok_or("a tag that does not end")?;
        if text.contains('"') {
            return Err(format!("an unescaped quote after <{tag}>"));
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
            continue;
        }
        if tag.matches('"').count() % 2 != 0 {
            return Err(format!("an attribute that does not end: {tag}"));
        }
        let name = tag.split(' ').next().unwrap_or_default();
        if ["script", "iframe", "link", "style", "object"].contains(&name)
            || tag.contains("src=\"http")
        {
            return Err(format!("<{name}>"));
        }
        if name == "img" {
            continue;
        }
        let style = tag.split("style=\"").nth(1).unwrap_or_default();
        let has = |property: &str| {
            style
                .split(';')
                .any(|entry| entry.trim().starts_with(property))
        };
        if has("background") != has("color") {
            return Err(format!("half a pair of colours: {tag}"));
        }
        open.push(name);
    }
    match open.pop() {
        Some(name) => Err(format!("<{name}> stays open")),
        None => Ok(()),
    }
}

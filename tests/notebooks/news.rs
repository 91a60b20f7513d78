// Labelled texts from a vocabulary to a confusion matrix, cell by cell beside news.py.

// %%
set_random_seed(0);

// %%
let news = datasets::ag_news::generated(1200, 300, 0)?;
let (y, y_test) = (news.train.labels_tensor(), news.test.labels_tensor());

// %%
let mut vectorize = TextVectorization::new().max_tokens(1000).output_sequence_length(40);
vectorize.adapt(&news.train.texts)?;
let (x, x_test) = (vectorize.call(&news.train.texts)?, vectorize.call(&news.test.texts)?);

// %%
let mut model = Sequential::new();
model.add(Embedding::new(1000, 16).mask_zero(true).input_shape(40));
model.add(Bidirectional::new(LSTM::new(16)));
model.add(Dense::new(news.train.class_names.len() as i64).activation(Softmax));
model.summary()?

// %%
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
let history = model.fit(&x, &y, &Fit::new().epochs(8).validation_split(0.1).verbose(2))?;
plot_history(&history)?

// %%
println!("accuracy {:.3}", model.evaluate(&x_test, &y_test)?.accuracy);
let predicted = model.predict_classes(&x_test)?;
let matrix = confusion_matrix(&y_test, &predicted, &news.test.class_names)?;
plot_confusion_matrix(&matrix, "News")?

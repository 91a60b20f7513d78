// Which digit is on the picture, cell by cell beside images.py, its twin in Keras.

// %%
set_random_seed(3);
let digits = datasets::mnist::load_data()?.take(2000, 500);
println!("{}", digits.provenance);
let x = digits.train.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let y = digits.train.labels_tensor();
let x_test = digits.test.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let y_test = digits.test.labels_tensor();

// %%
show_random_examples(&digits.train, &y, &digits.class_names, 1)?

// %%
let mut model = Sequential::new();
model.add(Conv2D::new(16, (3, 3)).activation(Relu).input_shape((28, 28, 1)));
model.add(MaxPooling2D::new((2, 2)));
model.add(Conv2D::new(32, (3, 3)).activation(Relu));
model.add(MaxPooling2D::new((2, 2)));
model.add(Flatten::new());
model.add(Dense::new(10).activation(Softmax));
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
model.summary()?

// %%
let history = model.fit(&x, &y, &Fit::new().epochs(6).batch_size(64).validation_split(0.1))?;
plot_history(&history)?

// %%
println!("accuracy {:.3}", model.evaluate(&x_test, &y_test)?.accuracy);
let predicted = model.predict_classes(&x_test)?;
let matrix = confusion_matrix(&y_test, &predicted, &digits.class_names)?;
plot_confusion_matrix(&matrix, "Digits")?

// %%
show_largest_losses(&digits.test, &model.predict(&x_test)?, &digits.class_names, 12)?

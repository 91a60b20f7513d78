// A network that writes news letter by letter, cell by cell beside letters.py.

// %%
set_random_seed(0);

// %%
let text = datasets::ag_news::generated(400, 10, 0)?.train.texts.join("\n");
let mut letters = TextVectorization::new().standardize(Standardize::None).split(Split::Character);
letters.adapt(&[&text])?;
let windows = tch::Tensor::from_slice(&letters.places(&text)?).unfold(0, 65, 16);
let (x, y) = (windows.narrow(1, 0, 64), windows.narrow(1, 1, 64));

// %%
let vocabulary = letters.vocabulary_size();
let mut model = Sequential::new();
model.add(Embedding::new(vocabulary, 32).input_shape(64));
model.add(GRU::new(128).return_sequences(true));
model.add(Dense::new(vocabulary).activation(Softmax));
model.summary()?

// %%
model.compile(Adam::new().learning_rate(0.01), "sparse_categorical_crossentropy", ["perplexity"])?;
let history = model.fit(&x, &y, &Fit::new().epochs(3).batch_size(64).verbose(2))?;

// %%
let options = Generate::new().max_new_tokens(200).temperature(0.5).seed(1);
let written = model.generate(letters.places("The ")?, &options)?;
println!("{}", letters.detokenize(&written));

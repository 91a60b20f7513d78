// ---
// jupyter:
//   jupytext:
//     text_representation:
//       extension: .rs
//       format_name: percent
//   kernelspec:
//     display_name: Rust (labbook)
//     language: rust
//     name: labbook
// ---

// %% [markdown]
// # What is this news about?
//
// Ten topics of news, and eight ways to read: from which words occur to networks that read word by word, in one
// direction or both, look at a few words at a time, or look at all of them at once.
//
// | | |
// |---|---|
// | **Claims** | Which words occur tells the topic at least as well as their order: 97.8 % against 97.1 % on articles held back. A larger vocabulary helps up to some 5,000 words. A GRU from the front does better with 30 words of an article than with 60 or 120. |
// | **Data** | Reuters-21578 (Lewis, 1997): articles of 1987 with exactly one of the ten most frequent topics, a fifth of them for the test. Without the file, short made-up reports are generated in their place; the figures then say nothing about Reuters. |
// | **Seeds** | 0, 1 and 2 for every accuracy; the tables have the mean and both ends. |
// | **Hardware, time** | A processor, no GPU. The report's head says which one, and how long the run took. |

// %% [markdown]
// ## 1. The texts
//
// Some signs of Rust: `?` means: if this fails, stop and say why. `&x` lends a value, so that it can be used
// again; `let mut` is a variable that changes. `|x| ..` is Python's `lambda x: ..`; `.unwrap()` takes out a value
// that is there for sure. `real` is true where the data were found: to try another number, change the one before
// `else`. The notebook `own_task` has a table of such signs.

// %%
// :dep labbook = { path = "../crates/labbook" }

// %%
use labbook::prelude::*;
let mut session = Session::start("news")?;
let news = datasets::reuters::load_data()?;
session.set_data(news.provenance.description())?;
session

// %%
let real = !news.provenance.is_drawn();
let news = if real { news } else { datasets::reuters::generated(700, 200, 0)? };
let (train, val) = train_test_split(&news.train, 0.1, 0)?;
let topics = news.class_names.clone();
data_card(&news.train)?

// %% [markdown]
// The topics: *acq*: companies that are bought; *coffee*; *crude*: oil; *earn*: profits and losses of companies;
// *gold*; *interest*: interest rates; *money-fx*: currencies and money markets; *ship*: ships and ports; *sugar*;
// *trade*: trade between countries. The first headline of three of them, and how many words an article has:

// %%
for topic in ["acq", "crude", "trade"] {
    let label = topics.iter().position(|name| name == topic).unwrap() as i64;
    let place = train.labels.iter().position(|found| *found == label).unwrap();
    println!("{topic}: {}", train.texts[place].lines().next().unwrap_or(""));
}

// %%
let mut lengths = Vec::new();
for text in &train.texts {
    lengths.push(text.split_whitespace().count() as f64);
}
Histogram::of("words", &lengths).bins(60).title("Words in an article")

// %% [markdown]
// ## 2. Texts as numbers
//
// `TextVectorization` learns a vocabulary from the articles for learning, most frequent words first, and looks words up
// in it. Two forms matter here:
//
// - **multi-hot**: for each word of the vocabulary, 1 if it occurs in the article, else 0. Order is lost.
// - **places**: the numbers of the article's words, one after the other. Articles are cut or filled up (with 0) to one
//   length.
//
// The first two places are not those of words: 0 fills up, and 1 stands for a word that is not in the vocabulary
// (`[2..12]` leaves them out). `places` looks words up; `call` also cuts and fills up, here to twelve.

// %%
let mut example = TextVectorization::new().max_tokens(1000).output_sequence_length(12);
example.adapt(&train.texts)?;
println!("the most frequent words: {:?}", &example.vocabulary()[2..12]);
let headline = train.texts[0].lines().next().unwrap_or("").to_owned();
println!("{headline}\n  becomes {:?}; cut or filled up to twelve:", example.places(&headline)?);
example.call(&[&headline])?

// %% [markdown]
// ## 3. Words as a set
//
// A dense network over multi-hot vectors, with vocabularies of different sizes. The answers `y` are the topics'
// numbers, from 0 for *acq* to 9 for *trade*. In the table, *against the first* is the difference to the first row, in
// points, and *in training* the accuracy in the last epoch, with dropout. The networks with 5,000 words are kept for
// section 6.

// %%
let (y, y_val, y_test) = (train.labels_tensor(), val.labels_tensor(), news.test.labels_tensor());
let quiet = Evaluate::new().verbose(0);
let options = Fit::new().epochs(6).batch_size(if real { 64 } else { 16 }).verbose(0);
let mut sets = Trials::new("Words as a set: accuracy on articles held back");
let mut set_networks = Vec::new();
for size in [200, 1000, 5000, 20_000] {
    let mut vectorize = TextVectorization::new().max_tokens(size).output_mode(TextOutput::MultiHot);
    vectorize.adapt(&train.texts)?;
    let (x, x_val) = (vectorize.call(&train.texts)?, vectorize.call(&val.texts)?);
    for seed in 0..3 {
        session.set_seed(seed)?;
        let mut model = Sequential::new();
        model.add(Dense::new(64).activation(Relu));
        model.add(Dropout::new(0.5));
        model.add(Dense::new(10).activation(Softmax));
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
        let history = model.fit(&x, &y, &options)?;
        sets.add(&format!("{size} words"), &history, &model.evaluate_with(&x_val, &y_val, &quiet)?);
        if size == 5000 {
            set_networks.push(model);
        }
    }
}
sets

// %%
sets.plot()?

// %% [markdown]
// ## 4. Seven ways to read
//
// The same words in their order, as places in a vocabulary of 5,000, the first 100 of each article. Each network begins
// with an *embedding*, which gives every word 32 numbers that are learned, and ends with the ten topics. Between them
// stands one of seven:
//
// - **average**: the mean of the words' numbers; order is lost here, too
// - **SimpleRNN, LSTM, GRU**: word after word, with a memory
// - **Bidirectional**: an LSTM from the front and one from the back
// - **Conv1D**: patterns of five words, wherever they are
// - **transformer**: each word looks at all others

// %%
let mut vectorize = TextVectorization::new().max_tokens(5000).output_sequence_length(if real { 100 } else { 20 });
vectorize.adapt(&train.texts)?;
let (x, x_val, x_test) = (vectorize.call(&train.texts)?, vectorize.call(&val.texts)?, vectorize.call(&news.test.texts)?);
let (vocabulary, length) = (vectorize.vocabulary_size(), x.size()[1]);
println!("{} articles of {length} words, a vocabulary of {vocabulary}", x.size()[0]);

// %%
let mut readers = Trials::new("Words in their order: accuracy on articles held back");
let mut networks = Vec::new();
for reader in ["average", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "Conv1D", "transformer"] {
    for seed in 0..3 {
        session.set_seed(seed)?;
        let words = Input::new(length);
        let embedded = Embedding::new(vocabulary, 32).mask_zero(true).call(&words);
        let read = match reader {
            "average" => GlobalAveragePooling1D::new().call(&embedded),
            "SimpleRNN" => SimpleRNN::new(32).call(&embedded),
            "LSTM" => LSTM::new(32).call(&embedded),
            "GRU" => GRU::new(32).call(&embedded),
            "Bidirectional" => Bidirectional::new(LSTM::new(32)).call(&embedded),
            "Conv1D" => GlobalMaxPooling1D::new().call(&Conv1D::new(64, 5).activation(Relu).call(&embedded)),
            _ => {
                let placed = Add::new().call([&embedded, &PositionEmbedding::new(length).call(&embedded)]);
                GlobalAveragePooling1D::new().call(&TransformerEncoder::new(64, 2).call(&placed))
            }
        };
        let kept = Dropout::new(0.3).call(&read);
        let mut model = Model::new(&words, &Dense::new(10).activation(Softmax).call(&kept))?;
        model.compile(Adam::new().learning_rate(0.003), "sparse_categorical_crossentropy", ["accuracy"])?;
        let history = model.fit(&x, &y, &options)?;
        let evaluation = model.evaluate_with(&x_val, &y_val, &quiet)?;
        session.record(&format!("{reader}, seed {seed}"), &model, &history, &evaluation)?;
        readers.add(reader, &history, &evaluation);
        networks.push((reader, model));
    }
    println!("{reader}: {:.1} %", 100.0 * readers.mean(reader)?);
}
readers

// %%
readers.plot()?

// %% [markdown]
// Here LSTM and GRU are not done after six epochs: even in training they reach 77 and 89 % only. SimpleRNN learned by
// heart: 94 % in training, 74 % on articles held back. Reading from the back, too, brings the LSTM sixteen points. Try
// `.epochs(12)` in section 3.
//
// What the head claims, asked of both tables: the best over words as a set beside the best that reads them in order.
// (The set sees whole articles and up to 20,000 words, the others the first hundred words of each and 5,000.)

// %%
let mut best_set = f64::NEG_INFINITY;
for size in [200, 1000, 5000, 20_000] {
    best_set = best_set.max(sets.mean(&format!("{size} words"))?);
}
let mut best_reader = ("", f64::NEG_INFINITY);
for reader in ["SimpleRNN", "LSTM", "GRU", "Bidirectional", "Conv1D", "transformer"] {
    let found = readers.mean(reader)?;
    if found > best_reader.1 {
        best_reader = (reader, found);
    }
}
println!("as a set {:.1} %; in their order {:.1} % ({})", 100.0 * best_set, 100.0 * best_reader.1, best_reader.0);
assert!(!real || best_set >= best_reader.1, "which words occur should tell at least as much as their order");
assert!(!real || sets.mean("5000 words")? > sets.mean("1000 words")?, "a larger vocabulary should help");

// %% [markdown]
// ## 5. How much of an article is needed?
//
// The GRU again, with the first 15, 30, 60 and 120 words.

// %%
let mut pieces = Trials::new("GRU over the first words of an article: accuracy on articles held back");
for words in if real { [15, 30, 60, 120] } else { [3, 5, 8, 12] } {
    let mut cut = TextVectorization::new().max_tokens(5000).output_sequence_length(words);
    cut.adapt(&train.texts)?;
    let (x, x_val) = (cut.call(&train.texts)?, cut.call(&val.texts)?);
    for seed in 0..3 {
        session.set_seed(seed)?;
        let mut model = Sequential::new();
        model.add(Embedding::new(cut.vocabulary_size(), 32).mask_zero(true).input_shape(words as i64));
        model.add(GRU::new(32));
        model.add(Dropout::new(0.3));
        model.add(Dense::new(10).activation(Softmax));
        model.compile(Adam::new().learning_rate(0.003), "sparse_categorical_crossentropy", ["accuracy"])?;
        let history = model.fit(&x, &y, &options)?;
        pieces.add(&format!("{words} words"), &history, &model.evaluate_with(&x_val, &y_val, &quiet)?);
    }
}
assert!(!real || pieces.mean("30 words")? > pieces.mean("60 words")?, "30 words should do better than 60");
assert!(!real || pieces.mean("30 words")? > pieces.mean("120 words")?, "30 words should do better than 120");
pieces

// %%
pieces.plot()?

// %% [markdown]
// Here fifteen words are enough for 91 %. With 60 and 120 words, this GRU gets worse, in training, too (97 % with
// fifteen words, 90 % with 120): after six epochs it has not learned what to keep in mind.

// %% [markdown]
// ## 6. The judgement
//
// Until here, articles that were held back have judged. Now the seven of section 4 meet the test articles, which none
// has seen, and before them in the table stands the set of 5,000 words.

// %%
let mut judged = Trials::new("Accuracy on test articles");
let mut multi_hot = TextVectorization::new().max_tokens(5000).output_mode(TextOutput::MultiHot);
multi_hot.adapt(&train.texts)?;
let x_set = multi_hot.call(&news.test.texts)?;
for model in &mut set_networks {
    let evaluation = model.evaluate_with(&x_set, &y_test, &quiet)?;
    judged.add("set of 5000 words", model.history().unwrap(), &evaluation);
}
for (reader, model) in &mut networks {
    let evaluation = model.evaluate_with(&x_test, &y_test, &quiet)?;
    judged.add(reader, model.history().unwrap(), &evaluation);
}
judged

// %% [markdown]
// Which topics does the bidirectional network mix up? (It is not the best here, but the best of those that read word
// after word, and makes mistakes enough to look at. Of its three seeds, the first is taken.)

// %%
let chosen = networks.iter().position(|(reader, _)| *reader == "Bidirectional").unwrap();
let matrix = confusion_matrix(&y_test, &networks[chosen].1.predict_classes(&x_test)?, &topics)?;
plot_confusion_matrix(&matrix, "Bidirectional LSTM, test articles")?

// %%
matrix.classification_report()

// %% [markdown]
// ## 7. Telling words
//
// Take one word out of an article after the other, and see how much less probable the network's answer becomes (the
// word is replaced by "unknown"): the words that cost most are those that it goes by. First the beginning of a test
// article about oil, and its words:

// %%
let crude = topics.iter().position(|name| name == "crude").unwrap() as i64;
let article = news.test.labels.iter().position(|label| *label == crude).unwrap();
println!("{:.600}", news.test.texts[article]);
plot_telling_words(&mut networks[chosen].1, &x_test.get(article as i64), vectorize.vocabulary(), &topics)?

// %% [markdown]
// The same of an article about trade:

// %%
let trade = topics.iter().position(|name| name == "trade").unwrap() as i64;
let article = news.test.labels.iter().position(|label| *label == trade).unwrap();
println!("{:.600}", news.test.texts[article]);
plot_telling_words(&mut networks[chosen].1, &x_test.get(article as i64), vectorize.vocabulary(), &topics)?

// %% [markdown]
// The title says which answer the network gives. Would a reader go by the longest bars' words, too, or do they only
// happen to stand there? Where all bars are short, no single word decides: without it, the others still tell the topic.

// %% [markdown]
// Thirty frequent words (after the very first, such as *the* and *of*) at the places that their embeddings have; PCA
// turns 32 numbers into two. Here *profit*, *stock* and *shr* (for share) lie on one side, *oil* and *trade* on the
// other; words of every topic, such as *will*, *has* and *which*, are heaped in the middle.

// %%
let table = networks[chosen].1.layer_weights("embedding")?[0].narrow(0, 24, 30);
let (_, map) = Pca::new(2).fit_transform(&table)?;
plot_words(&map, &vectorize.vocabulary()[24..54], "Thirty frequent words")?

// %% [markdown]
// ## 8. What to take home
//
// - Begin with words as a set: it trains in seconds, and is hard to beat where topics have words of their own.
// - Here no network that reads in order beat the set of words on articles held back; LSTM and GRU were not done
//   after six epochs.
// - Here the first fifteen words tell the topic of nine articles of ten; this GRU could hardly use more.
// - Look at the words that a network goes by before believing it.

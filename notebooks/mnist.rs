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
// # Handwritten digits: what hidden nodes see, and how to read 99.5 % of them
//
// A network with one hidden layer reads digits well with surprisingly few nodes. This notebook starts
// with a single one, looks at what it has learned to see, and adds more; then it asks how much of an
// image is needed at all, and ends with convolutional networks, which look for strokes wherever they are.
//
// | | |
// |---|---|
// | **Claims** | More hidden nodes help, and from 4 nodes on each doubling helps less than the one before. 154 numbers in place of 784 are enough for the same accuracy within a point. Three small convolutional networks that vote read at least 99.5 % of the test images. |
// | **Data** | MNIST (LeCun, Cortes and Burges, 1998): 60,000 images of digits to learn from, of which 5,000 are kept to compare networks by, and 10,000 to test with. Without the files, digits of a typeface are drawn in their place, fewer and easier ones, and the figures say nothing about MNIST. |
// | **Seeds** | 0, 1 and 2 for every accuracy that is compared; the tables have the mean and both ends. |
// | **Hardware, time** | A processor, one thread, no GPU. Half an hour to an hour, most of it section 8. |

// %% [markdown]
// ## 1. The images
//
// `real` is true where the files were found. The small run without them differs in numbers alone, such as those of
// images and of *epochs*, passes over all images.
//
// The signs of Rust are explained at the head of `own_task`; more in the book's chapter *From Keras*.

// %%
// :dep labbook = { path = "../crates/labbook" }

// %%
use labbook::prelude::*;
let mut session = Session::start("mnist")?;
let digits = datasets::mnist::load_data()?;
session.set_data(digits.provenance.description())?;
session

// %%
let real = !digits.provenance.is_drawn();
let digits = if real { digits } else { digits.take(1500, 500) };
let names = digits.class_names.clone();
data_card(&digits.train)?

// %%
show_examples(&digits.train, 1)?

// %% [markdown]
// Pixels are bytes; a network likes numbers from 0 to 1. For the first networks, the 28 rows of an image
// are laid end to end: 784 numbers, in which nothing says any more which pixels are neighbours.

// %%
let held_back = if real { 5000 } else { 300 };
let (val, train) = (digits.train.slice(..held_back), digits.train.slice(held_back..));
let images = train.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let images_val = val.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let images_test = digits.test.images_tensor().to_kind(tch::Kind::Float) / 255.0;
let (x, x_val, x_test) = (images.flatten(1, -1), images_val.flatten(1, -1), images_test.flatten(1, -1));
let (y, y_val, y_test) = (train.labels_tensor(), val.labels_tensor(), digits.test.labels_tensor());
println!("train {:?}, validation {:?}, test {:?}", x.size(), x_val.size(), x_test.size());

// %% [markdown]
// ## 2. One hidden layer: 1, 2, 4, ... 128 nodes
//
// The same network eight times, each with twice the nodes. Everything that the last layer learns of an image has to
// pass through the hidden one: with a single node, that is a single number for each image.
//
// In the table, *against the first* is the difference to the first row in points, *in training* the accuracy on the
// images learned from, *seconds* the mean time of a training.

// %%
let quiet = Evaluate::new().verbose(0);
let options = Fit::new().epochs(if real { 8 } else { 4 }).batch_size(128).verbose(0);
let mut sizes = Trials::new("One hidden layer: accuracy on images held back");
for nodes in [1, 2, 4, 8, 16, 32, 64, 128] {
    for seed in 0..3 {
        session.set_seed(seed)?;
        let mut model = Sequential::new();
        model.add(Dense::new(nodes).activation(Sigmoid).input_shape(784));
        model.add(Dense::new(10).activation(Softmax));
        model.compile(Adam::new().learning_rate(0.005), "sparse_categorical_crossentropy", ["accuracy"])?;
        let history = model.fit(&x, &y, &options)?;
        sizes.add(&format!("{nodes} nodes"), &history, &model.evaluate_with(&x_val, &y_val, &quiet)?);
    }
    println!("{nodes} nodes: {:.1} %", 100.0 * sizes.mean(&format!("{nodes} nodes"))?);
}
sizes

// %%
sizes.plot()?

// %% [markdown]
// The claim of the head, asked of the table: what did each doubling bring?

// %%
let mut gains = Vec::new();
for nodes in [1, 2, 4, 8, 16, 32, 64] {
    let gain = sizes.mean(&format!("{} nodes", 2 * nodes))? - sizes.mean(&format!("{nodes} nodes"))?;
    println!("from {nodes} to {}: {:+.1} points", 2 * nodes, 100.0 * gain);
    gains.push(gain);
}
for place in 2..7 {
    assert!(!real || 0.0 < gains[place] && gains[place] < gains[place - 1], "from 4 nodes on, each doubling should help less");
}

// %% [markdown]
// ## 3. What a node answers to
//
// ### A single node
//
// One number from 0 to 1 for each image. Below are these numbers, with a box for each digit: it holds the middle half
// of the digit's images, and the line in it is their median. Where boxes lie apart, the number tells digits apart; where
// they cover each other, the network has to guess.

// %%
session.set_seed(0)?;
let mut one = Sequential::new();
one.add(Dense::new(1).activation(Sigmoid).name("hidden").input_shape(784));
one.add(Dense::new(10).activation(Softmax));
one.compile(Adam::new().learning_rate(0.005), "sparse_categorical_crossentropy", ["accuracy"])?;
let history1 = one.fit(&x, &y, &options)?;
plot_activations(&one.activations(&x_val, "hidden")?[0], &y_val, &names)?

// %% [markdown]
// Dots are images far from their box. Here the node makes two heaps: 0, 2, 3, 5 and 8 are high, 1, 4, 6, 7 and 9 low.

// %% [markdown]
// ### Two nodes
//
// Two numbers are a place in the plane, and each digit finds a region of its own as well as it can. A dot is an
// image.

// %%
session.set_seed(0)?;
let mut two = Sequential::new();
two.add(Dense::new(2).activation(Sigmoid).name("hidden").input_shape(784));
two.add(Dense::new(10).activation(Softmax));
two.compile(Adam::new().learning_rate(0.005), "sparse_categorical_crossentropy", ["accuracy"])?;
let history2 = two.fit(&x, &y, &options)?;
let places = array_of(&two.activations(&x_val, "hidden")?[0])?;
scatter(&places, &y_val, &names)?
    .title("Two numbers for each image").x_label("first node").y_label("second node")
    .palette(Palette::Tab10).marker_size(5.0).alpha(0.7)

// %% [markdown]
// ### Sixteen nodes, and what each looks for
//
// A node multiplies every pixel by a weight and adds up. Drawn as an image, its weights show what it looks for:
// ink on bright places speaks for the node, ink on dark ones against it, and grey pixels do not matter to it.
// `kernel_regularizer` keeps weights small that are not needed, which makes the pictures calmer.

// %%
session.set_seed(0)?;
let mut sixteen = Sequential::new();
sixteen.add(Dense::new(16).activation(Sigmoid).kernel_regularizer(L1L2::new(0.0, 0.0005)).name("hidden").input_shape(784));
sixteen.add(Dense::new(10).activation(Softmax));
sixteen.compile(Adam::new().learning_rate(0.005), "sparse_categorical_crossentropy", ["accuracy"])?;
let history16 = sixteen.fit(&x, &y, &options)?;
plot_node_weights(&sixteen, "hidden", (28, 28, 1))?

// %% [markdown]
// The four nodes whose answers differ most from image to image, with their numbers from above. A node is useful when some boxes
// are high and others low. It need not be for one digit alone: the last layer adds the votes of all nodes up.

// %%
let answers = sixteen.activations(&x_val, "hidden")?[0].shallow_clone();
let busiest = answers.std_dim(0, true, false).argsort(-1, true).narrow(0, 0, 4);
plot_activations_of(&answers, &busiest, &y_val, &names)?

// %% [markdown]
// ## 4. A network with 128 nodes on the test images
//
// Now with Relu in place of Sigmoid, and with Adam's usual learning rate. Until here only images that were held back
// have judged; the test images come in here, and again in section 8.

// %%
session.set_seed(0)?;
let mut dense = Sequential::new();
dense.add(Dense::new(128).activation(Relu).name("hidden").input_shape(784));
dense.add(Dense::new(10).activation(Softmax));
dense.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
let watched = Fit::new().epochs(if real { 8 } else { 4 }).batch_size(128).validation_data(&x_val, &y_val).verbose(0);
let history = dense.fit(&x, &y, &watched)?;
let evaluation = dense.evaluate_with(&x_test, &y_test, &quiet)?;
session.record("dense 128", &dense, &history, &evaluation)?

// %%
plot_history(&history)?

// %% [markdown]
// Each row is a digit as it was meant, each column what the network took it for.

// %%
let predicted = dense.predict_classes(&x_test)?;
let matrix = confusion_matrix(&y_test, &predicted, &names)?;
plot_confusion_matrix(&matrix, "128 nodes, test images")?

// %%
matrix.classification_report()

// %% [markdown]
// The test images that it got most wrong. With some of them, so would a person.

// %%
show_largest_losses(&digits.test, &dense.predict(&x_test)?, &names, 12)?

// %% [markdown]
// ## 5. Fewer numbers for an image: PCA
//
// Neighbouring pixels tell much the same, and the corners are always empty. *Principal components* are the directions
// in which images differ most; the first 154 of them hold 95 % of all that differs between MNIST's digits.

// %%
let components = if real { 154 } else { 40 };
let pca = Pca::new(components).fit(&x)?;
let kept = pca.explained_variance_ratio().sum();
println!("{components} numbers in place of 784 keep {:.1} % of the variance", 100.0 * kept);
assert!(!real || kept > 0.945, "154 components should hold 95 %");

// %% [markdown]
// Ten digits as they were written, and below what so few numbers remember of them.

// %%
let few = x_test.narrow(0, 0, 10);
let remembered = tensor_of(&pca.inverse_transform(&pca.transform(&few)?)?)?.clamp(0.0, 1.0);
image_grid(&tch::Tensor::cat(&[&few, &remembered], 0).reshape([20, 28, 28, 1]))?.columns(10)

// %%
let (along, along_val) = (tensor_of(&pca.transform(&x)?)?, tensor_of(&pca.transform(&x_val)?)?);
let mut inputs = Trials::new("128 nodes on pixels and on components: accuracy on images held back");
for seed in 0..3 {
    for (name, x, x_val) in [("784 pixels", &x, &x_val), ("components", &along, &along_val)] {
        session.set_seed(seed)?;
        let mut model = Sequential::new();
        model.add(Dense::new(128).activation(Relu));
        model.add(Dense::new(10).activation(Softmax));
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
        let history = model.fit(x, &y, &options)?;
        inputs.add(name, &history, &model.evaluate_with(x_val, &y_val, &quiet)?);
    }
}
inputs

// %%
let difference = inputs.mean("components")? - inputs.mean("784 pixels")?;
println!("components against pixels: {:+.2} points", 100.0 * difference);
assert!(!real || difference.abs() < 0.01, "154 components should do as well as pixels, within a point");

// %% [markdown]
// ## 6. A forest beside
//
// Networks are not all there is. A *random forest* lets fifty decision trees vote, each grown on other images and
// asking of one pixel after the other whether it is brighter than some number. It has no epochs, hardly an option, and is a
// good thing to begin with. Here both learn from the same 3,000 images.

// %%
let few = if real { 3000 } else { 600 };
let (x_few, y_few) = (x.narrow(0, 0, few), y.narrow(0, 0, few));
let mut beside = Trials::new("A forest and a network on the same few images: accuracy on images held back");
for seed in 0..3 {
    let start = std::time::Instant::now();
    let forest = RandomForestClassifier::new().n_estimators(50).seed(seed).fit(&x_few, &train.take(few as usize).labels)?;
    let right = accuracy_score(&val.labels, &forest.predict(&x_val)?)?;
    beside.add_scores("forest", start.elapsed(), [("accuracy", right)]);
    session.set_seed(seed)?;
    let mut model = Sequential::new();
    model.add(Dense::new(128).activation(Relu));
    model.add(Dense::new(10).activation(Softmax));
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
    let history = model.fit(&x_few, &y_few, &Fit::new().epochs(if real { 20 } else { 8 }).batch_size(128).verbose(0))?;
    beside.add("128 nodes", &history, &model.evaluate_with(&x_val, &y_val, &quiet)?);
}
beside

// %% [markdown]
// Here both read equally well; the forest took fifty times as long.

// %% [markdown]
// ## 7. A map of the digits: t-SNE
//
// t-SNE lays images out in the plane so that those which are alike lie close together: first by their components, then
// by what the 128 hidden nodes make of them.

// %%
let shown = if real { 3000 } else { 300 };
let labels = y_val.narrow(0, 0, shown);
let hidden = dense.activations(&x_val.narrow(0, 0, shown), "hidden")?[0].shallow_clone();
let by_pixels = Tsne::new().perplexity(30.0).fit(&along_val.narrow(0, 0, shown))?;
let by_nodes = Tsne::new().perplexity(30.0).fit(&hidden)?;
let left = scatter(&by_pixels.embedding, &labels, &names)?.title("By their pixels").palette(Palette::Tab10).alpha(0.7).size(520, 460).figure()?;
let right = scatter(&by_nodes.embedding, &labels, &names)?.title("By 128 hidden nodes").palette(Palette::Tab10).alpha(0.7).size(520, 460).figure()?;
panels(&[&left, &right], 2)?

// %% [markdown]
// Has the network moved digits apart? The *silhouette* says how well: 1 where each digit is an island far from the
// others, 0 where all lie mixed.

// %%
let classes = val.take(shown as usize).labels;
let before = silhouette_score(&by_pixels.embedding, &classes)?;
let after = silhouette_score(&by_nodes.embedding, &classes)?;
println!("silhouette by pixels {before:.2}, by hidden nodes {after:.2}");
assert!(!real || after > before, "the network should move digits apart");

// %% [markdown]
// ## 8. Convolutional networks
//
// A dense layer has to learn anew at every place what a stroke is. A *convolution* learns small patterns and looks for
// them everywhere. Three things are added:
//
// - **Augmentation**: images are moved by up to two pixels, turned, and made larger or smaller a little, anew in every
//   epoch, so that there is always something new to see.
// - **A schedule**: the learning rate rises, then falls to nothing, so that the last steps are small.
// - **An ensemble**: networks with other beginnings make other mistakes. The mean of their probabilities decides.
//
// `BatchNormalization` brings a layer's numbers to mean 0 and deviation 1 (so the convolution before it needs no `bias`),
// `Dropout` hides four in ten of them while the network learns. `one_cycle` takes the highest rate, the number of steps, the
// share of them in which the rate rises, and the rate at the end. A line of progress is printed for each epoch, as this takes
// a while.

// %%
let (widths, rounds) = if real { ([32, 64, 128], 14) } else { ([8, 16, 16], 8) };
let steps = rounds as i64 * (x.size()[0] / 128 + 1);
let mut voters = Vec::new();
let mut singles = Trials::new("Convolutional networks: accuracy on test images");
for seed in 0..3 {
    session.set_seed(seed)?;
    let mut model = Sequential::new();
    model.add(RandomRotation::new(0.03).input_shape((28, 28, 1)));
    model.add(RandomZoom::new(0.1));
    for filters in widths {
        model.add(Conv2D::new(filters, (3, 3)).padding(Padding::Same).use_bias(false));
        model.add(MaxPooling2D::new((2, 2)));
        model.add(BatchNormalization::new().momentum(0.9));
        model.add(ActivationLayer::new(Relu));
    }
    model.add(Flatten::new());
    model.add(Dropout::new(0.4));
    model.add(Dense::new(10).activation(Softmax));
    let rate = LearningRateSchedule::one_cycle(0.004, steps, 0.2, 0.0);
    model.compile(Adam::new().schedule(rate), "sparse_categorical_crossentropy", ["accuracy"])?;
    let history = model.fit(&images, &y, &Fit::new().epochs(rounds).batch_size(128).augmentation(Augmentation::new().shift(2)).verbose(2))?;
    let evaluation = model.evaluate_with(&images_test, &y_test, &quiet)?;
    session.record(&format!("convolutional, seed {seed}"), &model, &history, &evaluation)?;
    singles.add("one network", &history, &evaluation);
    voters.push(model);
}
singles

// %%
voters[0].summary()?

// %% [markdown]
// Now they vote: their probabilities are added up, and the digit with the largest sum wins.

// %%
let mut votes = voters[0].predict(&images_test)?;
for voter in &mut voters[1..] {
    votes += voter.predict(&images_test)?;
}
let together = confusion_matrix(&y_test, &votes.argmax(-1, false), &names)?;
println!("one network {:.2} %, all together {:.2} %", 100.0 * singles.mean("one network")?, 100.0 * together.accuracy());
plot_confusion_matrix(&together, "Networks that vote, test images")?

// %%
assert!(!real || together.accuracy() >= 0.995, "the vote should read 99.5 %");
let votes = votes / voters.len() as f64;
show_largest_losses(&digits.test, &votes, &names, 12)?

// %% [markdown]
// What is left is broken, spotted, or lies between two digits. The cell below asks where the first network looks: Grad-CAM
// marks where its last convolution finds what speaks for the answer.

// %%
// The name stands in the summary above.
show_grad_cam(&voters[0], &images_test.narrow(0, 0, 8), &y_test.narrow(0, 0, 8), &names, "conv2d_2")?

// %% [markdown]
// Here, in the 4s it is the open top, too, where there is no ink; a 9 would be closed there. In the 0 nothing is marked.

// %% [markdown]
// ## 9. What to take home
//
// - One node makes two heaps of the digits, two give them places in a plane, sixteen have something to say about each.
// - What a node looks for can be looked at: it is an image of its weights.
// - Most of an image's 784 numbers say nothing new.
// - Convolutional networks brought 97.7 % to 99.5 %; the vote adds a little (99.6 %).

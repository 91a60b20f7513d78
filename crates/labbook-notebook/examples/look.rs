//! look
use labbook_analysis::*;
use labbook_charts::*;
use labbook_nn::Activation::*;
use labbook_nn::*;
use labbook_notebook::*;
use std::time::Instant;
use tch::Kind;
fn timed<T>(name: &str, f: impl FnOnce() -> T) -> T {
    let t = Instant::now();
    let v = f();
    println!("{name}: {:.2} s", t.elapsed().as_secs_f64());
    v
}
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = labbook_data::cifar10::load_data()?;
    let names = data.class_names.clone();
    let train = data.train.take(10000);
    let test = data.test.take(3000);
    let x = train.images_tensor().to_kind(Kind::Float) / 255.0;
    let y = train.labels_tensor();
    let xt = test.images_tensor().to_kind(Kind::Float) / 255.0;
    let yt = test.labels_tensor();
    set_random_seed(1);
    let mut m = Sequential::new();
    m.add(
        Conv2D::new(32, (3, 3))
            .activation(Relu)
            .input_shape((32, 32, 3)),
    );
    m.add(MaxPooling2D::new((2, 2)));
    m.add(Conv2D::new(64, (3, 3)).activation(Relu));
    m.add(MaxPooling2D::new((2, 2)));
    m.add(Dropout::new(0.2));
    m.add(Conv2D::new(64, (3, 3)).activation(Relu));
    m.add(MaxPooling2D::new((2, 2)));
    m.add(Flatten::new());
    m.add(Dense::new(128).activation(Relu));
    m.add(Dense::new(10).activation(Softmax));
    m.compile(
        Adam::new(),
        SparseCategoricalCrossentropy::new(),
        ["accuracy"],
    )?;
    timed("fit", || {
        m.fit(&x, &y, &Fit::new().epochs(12).batch_size(128).verbose(0))
    })?;
    println!("{:?}", m.evaluate(&xt, &yt)?);
    let save = |n: &str, f: labbook_charts::Figure| {
        println!(
            "{n}: {} KB {}x{}",
            f.png().len() / 1024,
            f.width(),
            f.height()
        );
        f.save(format!("/tmp/charts/real_{n}.png")).unwrap()
    };
    save("model", plot_model(&m, true)?);
    save("filters", plot_filters(&m, "conv2d")?);
    let act = m.activations(&xt.narrow(0, 2004, 1), 2)?;
    save("maps0", feature_maps(&act[0], "conv2d")?);
    save("maps1", feature_maps(&act[1], "max_pooling2d")?);
    let few = xt.narrow(0, 0, 12);
    let fy = yt.narrow(0, 0, 12);
    for l in ["conv2d_1", "conv2d_2"] {
        save(
            &format!("cam_{l}"),
            show_grad_cam(&m, &few, &fy, &names, l)?,
        );
    }
    save("saliency", show_saliency(&m, &few, &fy, &names)?);
    let p = m.predict(&xt)?;
    let pc = m.predict_classes(&xt)?;
    save(
        "calibration",
        plot_calibration(&calibration_curve(&yt, &p)?)?,
    );
    let cm = confusion_matrix(&yt, &pc, &names)?;
    save("confused", show_most_confused(&cm, &test, &pc, 5)?);
    save("losses", show_largest_losses(&test, &p, &names, 18)?);
    save("pr", plot_precision_recall(&cm.classification_report())?);
    let hidden = m.activations(&xt, 8..9)?.swap_remove(0);
    let (pca, _) = Pca::new(3).fit_transform(&hidden)?;
    save("variance", plot_explained_variance(&pca)?);
    let map = timed("tsne", || {
        Tsne::new().perplexity(40.0).max_iter(500).fit(&hidden)
    })?;
    save(
        "tsne",
        scatter(&map.embedding, &pc, &names)?
            .errors(&mistakes(&yt, &pc)?)
            .title("t-SNE of 3,000 test images' hidden activations")
            .figure()?,
    );
    save(
        "tsne_truth",
        scatter(&map.embedding, &yt, &names)?
            .title("coloured by true class")
            .equal_aspect()
            .size(700, 600)
            .figure()?,
    );
    save(
        "thumbs",
        thumbnails(&map.embedding, &test, &yt, &names)?
            .title("Images in the map")
            .figure()?,
    );
    Ok(())
}

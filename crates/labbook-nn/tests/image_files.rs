//! Images in files: what Pillow, TensorFlow and Keras make of them, as `fixtures/images.py` tells,
//! and what is refused.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;
use std::path::{Path, PathBuf};

use labbook_nn::Activation::Softmax;
use labbook_nn::{
    AspectRatio, ColorMode, Dataset, Dense, Error, Fit, Flatten, GlobalAveragePooling2D,
    ImageFolder, ImageInterpolation, LabelMode, Rescaling, Result, Sequential,
    image_dataset_from_directory, image_dataset_from_files, load_img,
};
use safetensors::{Dtype, SafeTensors};
use tch::{Device, Kind, Tensor};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn picture(name: &str) -> PathBuf {
    fixtures().join("images").join(name)
}

/// What the script wrote.
struct Told(Vec<u8>);

impl Told {
    fn read() -> Self {
        let path = fixtures().join("images.safetensors");
        Self(fs::read(path).expect("the fixture of the repository"))
    }

    fn names(&self, prefix: &str) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let names = file.names().into_iter();
        let mut names: Vec<String> = names
            .filter_map(|name| Some(name.strip_prefix(prefix)?.to_owned()))
            .collect();
        names.sort();
        names
    }

    fn get(&self, name: &str) -> Tensor {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let view = file.tensor(name).expect(name);
        let sizes: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
        let kind = match view.dtype() {
            Dtype::U8 => Kind::Uint8,
            Dtype::I64 => Kind::Int64,
            _ => Kind::Float,
        };
        Tensor::from_data_size(view.data(), &sizes, kind).to_kind(Kind::Float)
    }

    /// The largest difference, after the shapes were compared.
    fn difference(&self, name: &str, ours: &Tensor) -> f64 {
        let theirs = self.get(name);
        assert_eq!(ours.size(), theirs.size(), "{name}");
        (ours.to_kind(Kind::Float) - theirs)
            .abs()
            .max()
            .double_value(&[])
    }
}

/// One image in a size and form.
fn loaded(name: &str, size: (i64, i64), form: impl Fn(ImageFolder) -> ImageFolder) -> Tensor {
    let data = image_dataset_from_files([picture(name)], ["a"], size).expect("one file");
    form(data).load(picture(name)).expect(name).squeeze_dim(0)
}

#[test]
fn all_formats_are_read_as_pillow_reads_them() -> Result<()> {
    let told = Told::read();
    let names = told.names("read/");
    assert_eq!(names.len(), 23);
    for name in names {
        let image = load_img(picture(&name))?;
        assert_eq!(image.kind(), Kind::Uint8);
        // Decoders of JPEG may round otherwise, and four inks are mixed in more than one way.
        let tolerance = match name.rsplit('.').next() {
            _ if name.starts_with("four") => 6.0,
            Some("jpg") => 3.0,
            _ => 0.0,
        };
        let error = told.difference(&format!("read/{name}"), &image);
        assert!(error <= tolerance, "{name}: off by {error}");
        let size = image.size();
        let grey = loaded(&name, (size[0], size[1]), |data| {
            data.color_mode(ColorMode::Grayscale)
        });
        let error = told.difference(&format!("grey/{name}"), &grey);
        assert!(error <= tolerance, "{name} in grey: off by {error}");
    }
    let opaque = loaded("alpha.png", (6, 8), |data| data.color_mode(ColorMode::Rgba));
    assert_eq!(told.difference("rgba/alpha.png", &opaque), 0.0);
    Ok(())
}

#[test]
fn sizes_are_changed_as_tensorflow_changes_them() {
    let told = Told::read();
    let methods = [
        ("nearest", ImageInterpolation::Nearest),
        ("bilinear", ImageInterpolation::Bilinear),
        ("bicubic", ImageInterpolation::Bicubic),
        ("lanczos3", ImageInterpolation::Lanczos3),
        ("area", ImageInterpolation::Area),
    ];
    let mut compared = 0;
    for size in [(7, 9), (20, 31), (5, 40), (30, 4)] {
        let (height, width) = size;
        let of = format!("{height}x{width}");
        let mut compare = |name: String, form: &dyn Fn(ImageFolder) -> ImageFolder| {
            if told.names(&name) == [""] {
                let error = told.difference(&name, &loaded("source.png", size, form));
                // TensorFlow looks its cubic function up in a table.
                let tolerance = if name.starts_with("bicubic") {
                    5e-2
                } else {
                    2e-3
                };
                assert!(error < tolerance, "{name}: off by {error}");
                compared += 1;
            }
        };
        for (name, method) in methods {
            compare(format!("{name}/{of}"), &|data| data.interpolation(method));
            compare(format!("antialias/{name}/{of}"), &|data| {
                data.interpolation(method).antialias(true)
            });
        }
        compare(format!("crop/{of}"), &|data| {
            data.aspect_ratio(AspectRatio::Crop)
        });
        compare(format!("pad/{of}"), &|data| {
            data.aspect_ratio(AspectRatio::Pad)
        });
    }
    assert_eq!(compared, 15 + 9 + 8);
}

#[test]
fn a_folder_is_the_data_set_that_keras_makes_of_it() -> Result<()> {
    let told = Told::read();
    let data = image_dataset_from_directory(picture("folder"), (12, 16))?;
    assert_eq!(data.class_names(), ["cat", "dog"]);
    assert_eq!((data.len(), data.labels()), (Some(5), vec![0, 0, 0, 1, 1]));
    assert!(data.file_paths()[2].ends_with("cat/nested/c.gif"));
    let batch = data.clone().batch(5).first()?;
    assert_eq!(batch.inputs[0].kind(), Kind::Float);
    // The second of the five is a JPEG with fewer colours than pixels, which decoders fill in
    // otherwise.
    let theirs = told.get("folder/images");
    for (number, tolerance) in [(0, 1e-3), (1, 8.0), (2, 1e-3), (3, 1e-3), (4, 1e-3)] {
        let off = (batch.inputs[0].get(number) - theirs.get(number))
            .abs()
            .max()
            .double_value(&[]);
        assert!(off <= tolerance, "{number}: off by {off}");
    }
    assert_eq!(told.difference("folder/labels", &batch.targets[0]), 0.0);
    let one_hot = data
        .clone()
        .label_mode(LabelMode::Categorical)
        .batch(5)
        .first()?;
    assert_eq!(
        one_hot.targets[0].sum_dim_intlist(0, false, Kind::Float),
        Tensor::from_slice(&[3.0_f32, 2.0])
    );
    let binary = data
        .clone()
        .label_mode(LabelMode::Binary)
        .batch(5)
        .first()?;
    assert_eq!(binary.targets[0].size(), [5, 1]);
    assert!(
        data.clone()
            .label_mode(LabelMode::None)
            .first()?
            .targets
            .is_empty()
    );

    let (train, validation) = data.clone().validation_split(0.4, 1)?;
    let mut all = [train.file_paths(), validation.file_paths()].concat();
    assert_eq!((train.len(), validation.len()), (Some(3), Some(2)));
    all.sort();
    assert_eq!(all, data.file_paths());
    assert_eq!(
        data.clone().validation_split(0.4, 1)?.1.file_paths(),
        validation.file_paths()
    );
    let others = (2..9).map(|seed| {
        data.clone()
            .validation_split(0.4, seed)
            .unwrap()
            .1
            .file_paths()
    });
    assert!(
        others
            .into_iter()
            .any(|other| other != validation.file_paths())
    );
    assert!(data.validation_split(0.1, 1).is_err());
    Ok(())
}

#[test]
fn a_model_trains_on_a_folder_and_predicts_one_image() -> Result<()> {
    let data = image_dataset_from_directory(picture("folder"), 8)?;
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    model.add(Rescaling::new(1.0 / 255.0).input_shape((8, 8, 3)));
    model.add(GlobalAveragePooling2D::new());
    model.add(Flatten::new());
    model.add(Dense::new(2).activation(Softmax));
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
    let batches = data.clone().shuffle(5).batch(2).prefetch(2);
    let history = model.fit_dataset(&batches, &Fit::new().epochs(2).verbose(0))?;
    assert_eq!(history.get("loss").map(|losses| losses.len()), Some(2));
    let one = model.predict(&data.load(picture("plain.jpg"))?)?;
    assert_eq!(one.size(), [1, 2]);
    Ok(())
}

#[test]
fn files_by_name_have_the_classes_that_are_given() -> Result<()> {
    let files = ["plain.png", "plain.jpg", "plain.gif"].map(picture);
    let data = image_dataset_from_files(files, ["dog", "cat", "dog"], 4)?;
    assert_eq!(data.class_names(), ["cat", "dog"]);
    assert_eq!(data.labels(), [1, 0, 1]);
    let none: [PathBuf; 0] = [];
    let errors = [
        image_dataset_from_files(none, ["a"; 0], 4).unwrap_err(),
        image_dataset_from_files([picture("plain.png")], ["a", "b"], 4).unwrap_err(),
        image_dataset_from_files([picture("plain.png")], ["a"], 0).unwrap_err(),
    ];
    assert!(errors[0].to_string().contains("0 files and 0 names"));
    assert!(errors[1].to_string().contains("1 files and 2 names"));
    assert!(errors[2].to_string().contains("image_size"));
    Ok(())
}

/// A copy of a picture's first bytes.
fn cut(folder: &Path, name: &str, share: f64) -> PathBuf {
    let bytes = fs::read(picture(name)).unwrap();
    let path = folder.join(name);
    fs::write(&path, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
    path
}

#[test]
fn files_that_were_cut_short_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "plain.png",
        "plain.jpg",
        "progressive.jpg",
        "plain.bmp",
        "plain.gif",
        "plain.webp",
    ] {
        for share in [0.0, 0.1, 0.5, 0.8, 0.97] {
            let path = cut(folder.path(), name, share);
            let error = load_img(&path)
                .expect_err(&format!("{name} {share}"))
                .to_string();
            assert!(error.contains(name) && error.contains("; "), "{error}");
        }
    }
}

#[test]
fn damaged_files_end_an_epoch_or_are_left_out() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        let class = folder.path().join(class);
        fs::create_dir(&class).unwrap();
        fs::copy(picture("plain.png"), class.join("good.png")).unwrap();
        cut(&class, "plain.jpg", 0.6);
    }
    let data = image_dataset_from_directory(folder.path(), 4)?;
    let error = data.clone().batch(4).first().unwrap_err();
    let Error::Dataset { element, .. } = &error else {
        panic!("{error}");
    };
    let damaged = data.file_paths()[*element as usize].clone();
    assert!(
        error.to_string().contains(&damaged.display().to_string()),
        "{error}"
    );
    let (whole, damaged) = data.skip_damaged()?;
    assert_eq!((whole.len(), damaged.len()), (Some(2), 2));
    assert!(
        damaged[1].to_string().contains("b/plain.jpg"),
        "{}",
        damaged[1]
    );
    assert_eq!(whole.labels(), [0, 1]);
    assert_eq!(whole.batch(2).first()?.inputs[0].size(), [2, 4, 4, 3]);

    let lost = image_dataset_from_files([folder.path().join("no.png")], ["a"], 4)?;
    assert!(
        lost.skip_damaged()
            .unwrap_err()
            .to_string()
            .contains("nothing there")
    );
    Ok(())
}

#[test]
fn what_is_no_image_is_refused() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| load_img(path).unwrap_err().to_string();
    assert!(told(folder.path()).contains("a folder, a pipe or a device"));
    assert!(told(Path::new("/dev/zero")).contains("a folder, a pipe or a device"));
    let text = folder.path().join("text.png");
    fs::write(&text, "no image at all").unwrap();
    assert!(
        told(&text).contains("begins like none of them"),
        "{}",
        told(&text)
    );
    // A head that promises more than any memory holds.
    let mut huge = fs::read(picture("plain.bmp")).unwrap();
    huge[18..26].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    let path = folder.path().join("huge.bmp");
    fs::write(&path, huge).unwrap();
    assert!(
        told(&path).contains("huge.bmp: expected"),
        "{}",
        told(&path)
    );
    let data = image_dataset_from_files([picture("plain.png")], ["a"], 4)?;
    let error = data.clone().max_pixels(47).first().unwrap_err().to_string();
    assert!(
        error.contains("1 to 47 pixels") && error.contains("8 x 6"),
        "{error}"
    );
    assert!(data.max_pixels(48).first().is_ok());

    let error = |path: &Path| {
        image_dataset_from_directory(path, 4)
            .unwrap_err()
            .to_string()
    };
    assert!(error(folder.path()).contains("0 folders, and 2 images in none"));
    assert!(error(&text).contains("expected a folder"));
    assert!(error(&folder.path().join("nowhere")).contains("nothing there"));
    fs::create_dir_all(folder.path().join("a/x.png")).unwrap();
    assert!(
        error(folder.path()).contains("0 images") || error(folder.path()).contains("1 folders")
    );
    #[cfg(unix)]
    {
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join("a/p.png"))
            .status();
        if made.is_ok_and(|status| status.success()) {
            assert!(error(folder.path()).contains("a folder, a pipe or a device"));
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/again")).unwrap();
        fs::remove_file(folder.path().join("a/p.png")).unwrap();
        fs::copy(picture("plain.png"), folder.path().join("a/good.png")).unwrap();
        assert_eq!(
            image_dataset_from_directory(folder.path(), 4)?.len(),
            Some(1)
        );
    }
    Ok(())
}

//! What the kernel and the report promise, each shown by a small notebook.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::path::Path;

use notebook_tests::{Notebook, Step, converse, root, write_notebook, xtask};

/// Runs a notebook of these cells; the log when it failed, else what it printed.
fn run(name: &str, cells: &[&str]) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = write_notebook(folder, name, cells).unwrap();
    let path = path.to_str().unwrap();
    let output = xtask(&["report", path, "--scale", "smoke"], folder).unwrap();
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(log.into_owned());
    }
    let work = root().join("reports/work");
    Ok(Notebook::read(&work.join(format!("{name}.ipynb")))
        .unwrap()
        .printed(""))
}

#[test]
fn two_kernels_at_once_keep_apart() {
    let cells = |own: &'static str| {
        let set = format!("let mine = String::from(\"{own}\");");
        let wait = "std::thread::sleep(std::time::Duration::from_secs(4));".to_owned();
        let tensor =
            "let sum = tch::Tensor::ones([2, 2], tch::kind::FLOAT_CPU).sum(tch::Kind::Float);";
        let slot = "println!(\"slot {} of {mine}\", std::env::var(\"EVCXR_TMPDIR\")?);".to_owned();
        [set, wait, tensor.to_owned(), slot]
    };
    let start = |name: &'static str| {
        std::thread::spawn(move || {
            let cells = cells(name);
            run(name, &cells.each_ref().map(String::as_str))
        })
    };
    let (a, b) = (start("kernel-a"), start("kernel-b"));
    let (a, b) = (a.join().unwrap().unwrap(), b.join().unwrap().unwrap());
    assert!(
        a.contains("of kernel-a") && b.contains("of kernel-b"),
        "{a}\n{b}"
    );
    let slot = |text: &str| {
        text.split("slot ")
            .nth(1)
            .map(|t| t.split(" of").next().map(str::to_owned))
    };
    assert_ne!(slot(&a), slot(&b));
}

#[test]
fn a_panic_stops_the_report_and_names_its_cell() {
    let log = run(
        "panic",
        &[
            "let a = 1;",
            "panic!(\"out of luck\");",
            "println!(\"went on\");",
        ],
    );
    let log = log.expect_err("a panic must fail the report");
    assert!(
        log.contains("panic!(\"out of luck\")") && log.contains("failed"),
        "{log}"
    );
    assert!(!log.contains("went on\n"), "{log}");
}

#[test]
fn a_failed_question_mark_stops_the_report_with_its_sentence() {
    let cells = ["let mut model = Sequential::new();", "model.summary()?"];
    let log = run("question", &cells).expect_err("a failed `?` must fail the report");
    assert!(log.contains("model.summary()?"), "{log}");
    assert!(
        log.contains("input shape") || log.contains("layer"),
        "{log}"
    );
}

/// Cells that train for a very long time, and cells that look at what is left.
const SESSION: &str = "let mut session = Session::start(\"interrupt\")?;";
const DATA: &str =
    "let x = tch::Tensor::rand([512, 8], tch::kind::FLOAT_CPU); let y = x.argmax(-1, false);";
const MODEL: &str = "let mut model = Sequential::new();
    model.add(Dense::new(8).activation(Softmax).input_shape(8));
    model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), [\"accuracy\"])?;";
const TRAIN: &str =
    "let history = model.fit(&x, &y, &Fit::new().epochs(1_000_000).batch_size(8))?;";
const SLEEP: &str =
    "println!(\"asleep\"); std::thread::sleep(std::time::Duration::from_secs(600));";

#[test]
fn an_interrupt_ends_a_training_and_keeps_every_variable() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        Step::new(SESSION),
        Step::new(DATA),
        Step::new(MODEL),
        Step::interrupted(TRAIN, "Epoch 3/", 1),
        Step::new("println!(\"{} after {} epochs\", history.interrupted, history.epoch.len());"),
        Step::new("println!(\"accuracy {:.2}\", model.evaluate(&x, &y)?.accuracy);"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert!(answers.iter().all(|a| a.status == "ok"), "{answers:#?}");
    let [.., left, accuracy] = answers.as_slice() else {
        panic!("{answers:#?}");
    };
    assert!(left.text.starts_with("true after "), "{answers:#?}");
    assert!(answers[3].text.contains("Interrupted: "), "{answers:#?}");
    assert!(accuracy.text.contains("accuracy 0."), "{answers:#?}");
}

#[test]
fn an_interrupt_pressed_twice_stops_any_cell_and_the_kernel_lives() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        Step::new(SESSION),
        Step::interrupted(SLEEP, "asleep", 2),
        Step::new("let after = 6 * 7; println!(\"{after}\");"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert!(answers[1].text.contains("terminated"), "{answers:#?}");
    assert!(answers[2].text.contains("42"), "{answers:#?}");
}

#[test]
fn without_a_session_one_interrupt_stops_the_cell() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        Step::interrupted(SLEEP, "asleep", 1),
        Step::new("println!(\"{}\", 6 * 7);"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert!(answers[0].text.contains("terminated"), "{answers:#?}");
    assert!(answers[1].text.contains("42"), "{answers:#?}");
}

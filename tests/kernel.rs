//! What the kernel and the report promise, each shown by a small notebook.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::path::Path;

use notebook_tests::{
    Answer, Notebook, Step, converse, converse_with, jupyter, root, write_notebook, xtask,
};

/// Runs a notebook of these cells; the log when it failed, else what it printed.
fn run(name: &str, cells: &[&str]) -> Result<String, String> {
    let folder = &Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kernel-{name}"));
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let path = write_notebook(folder, name, cells).unwrap();
    let path = path.to_str().unwrap();
    let output = xtask(&["report", path, "--scale", "smoke"], folder).unwrap();
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(log.into_owned());
    }
    // The report says where it keeps the executed notebook, and stands beside the one it was given.
    let executed = log.split("The executed notebook is ").nth(1).unwrap();
    let executed = executed.split(".ipynb").next().unwrap();
    let executed = root().join(format!("{executed}.ipynb"));
    Ok(Notebook::read(&executed).unwrap().printed(""))
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

/// Cells of one kind after the other, as a person who steps through would run them.
fn step_through(cells: &[&str]) -> Vec<Answer> {
    let folder = tempfile::tempdir().unwrap();
    converse(
        folder.path(),
        cells.iter().map(|code| Step::new(code)).collect(),
    )
    .unwrap()
}

#[test]
fn a_panic_or_a_failed_question_mark_is_an_error_and_earlier_variables_live() {
    let answers = step_through(&[
        "let numbers = vec![1, 2, 3];",
        "let a = 1;\nprintln!(\"before\");\nprintln!(\"{}\", numbers[7]);",
        "let mut model = Sequential::new();\nmodel.summary()?;",
        "tch::Tensor::ones([2, 3], tch::kind::FLOAT_CPU).matmul(&tch::Tensor::ones([2, 3], tch::kind::FLOAT_CPU));",
        "println!(\"panicked\"); eprintln!(\"thread 'main' panicked at noon\");",
        "println!(\"{}\", numbers.len());",
    ]);
    let status: Vec<&str> = answers.iter().map(|a| a.status.as_str()).collect();
    assert_eq!(
        status,
        ["ok", "error", "error", "error", "ok", "ok"],
        "{answers:#?}"
    );
    let [_, panic, question, torch, words, length] = answers.as_slice() else {
        panic!("{answers:#?}");
    };
    assert!(
        panic.text.starts_with("before\n") && panic.text.contains("the index is 7"),
        "{panic:#?}"
    );
    assert!(
        panic.text.contains("line 3: println!(\"{}\", numbers[7]);"),
        "{panic:#?}"
    );
    assert!(
        question.text.contains("line 2: model.summary()?;"),
        "{question:#?}"
    );
    assert!(
        torch.text.contains("cannot be multiplied") && !torch.text.contains("frame #"),
        "{torch:#?}"
    );
    assert!(
        answers.iter().all(|a| a.text.lines().count() <= 5),
        "{answers:#?}"
    );
    assert!(words.text.contains("panicked"), "{words:#?}");
    assert_eq!(length.text, "3\n");
}

#[test]
fn the_compilers_word_is_followed_by_what_helps() {
    let answers = step_through(&[
        "let names = vec![String::from(\"a\")];",
        "let moved = names;\nprintln!(\"{}\", names.len());",
        "let first = names[0].split(' ').next().unwrap();",
        "let half = 3.0 * 2;",
        "Sequential::new().summary().lines()",
        "model.fit();",
        "println!(\"{}\", names.len());",
    ]);
    let [_, moved, borrowed, mixed, unanswered, unknown, length] = answers.as_slice() else {
        panic!("{answers:#?}");
    };
    for (answer, help) in [
        (moved, "`names.clone()`"),
        (borrowed, "own its value"),
        (mixed, "`2.0`"),
        (unanswered, "`f()?.lines`"),
        (unknown, "no cell that ran defines `model`"),
    ] {
        assert_eq!(answer.status, "error");
        let (_, said) = answer.text.split_once("What helps:").unwrap_or_default();
        assert!(said.contains(help), "{answer:#?}");
    }
    assert_eq!(length.text, "1\n");
}

#[test]
fn after_an_error_the_cells_that_wait_are_called_off() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        Step::new("let a = 1;").then(&["a.min(2);"]),
        Step::new("panic!(\"out of luck\");").then(&["println!(\"went on\");", "a"]),
        Step::new("undefined;").then(&["a"]),
        Step::new("a"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    let queued: Vec<Vec<String>> = answers.iter().map(|a| a.queued.clone()).collect();
    let expected: [&[&str]; 4] = [&["ok"], &["aborted", "aborted"], &["aborted"], &[]];
    assert_eq!(queued, expected, "{answers:#?}");
    assert_eq!(answers[3].text, "1");
}

#[test]
fn nbconvert_stops_at_a_cell_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let convert = |name: &str, cells: &[&str]| {
        let path = write_notebook(folder.path(), name, cells).unwrap();
        jupyter(folder.path())
            .unwrap()
            .args([
                "-m",
                "nbconvert",
                "--to",
                "notebook",
                "--execute",
                "--inplace",
            ])
            .arg(path)
            .output()
            .unwrap()
    };
    let training = "model.fit(&x, &y, &Fit::new().epochs(2).batch_size(8))?;";
    let long = "let x = tch::Tensor::rand([100_000, 8], tch::kind::FLOAT_CPU); let y = x.argmax(-1, false);";
    let output = convert("good", &[SESSION, long, MODEL, training]);
    assert!(output.status.success(), "{output:?}");
    let good = Notebook::read(&folder.path().join("good.ipynb")).unwrap();
    let printed = good.printed("model.fit");
    // Nobody watched: the file keeps the finished lines alone.
    assert!(
        printed.contains("accuracy: ") && !printed.contains("ETA"),
        "{printed}"
    );

    let output = convert(
        "bad",
        &[
            "let a: Result<i32, String> = Err(String::from(\"no luck\"));",
            "a?;",
        ],
    );
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && log.contains("no luck"), "{log}");
}

/// Prints, and shows two figures and a table.
const VALUES: &str = "println!(\"one\"); show(&figure); println!(\"two\"); show(&figure);
    println!(\"three\"); show(&table); println!(\"four\"); 5";
const FIGURE: &str =
    "let figure = side_by_side(&[LineChart::new(\"a\").series(\"b\", &[1.0, 2.0])], 300, 200)?;
    let mut table = Table::new(&[\"name\"]); table.push(&[\"value\"]);";

/// The first value that a kernel shows, with a `?`.
const FIRST: &str = "side_by_side(&[LineChart::new(\"a\").series(\"b\", &[1.0, 2.0])], 300, 200)?";
/// Looks like evcxr's own sign for the end of a cell, and is none.
const END: &str = "println!(\"EVCXR_EXECUTION_COMPLETE\"); println!(\"after\");
    std::thread::sleep(std::time::Duration::from_millis(100)); println!(\"EVCXR_EXECUTION_COMPLETE\");";
const ORDER: &str = "eprintln!(\"one\"); std::thread::sleep(std::time::Duration::from_millis(50));
    println!(\"two\"); show(&table); println!(\"three\"); eprintln!(\"four\");";
const READ: &str = "print!(\"name: \"); let mut line = String::new();
    let count = std::io::stdin().read_line(&mut line)?; println!(\"{count} {line:?}\");";

#[test]
fn values_appear_in_order_among_what_is_printed_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        Step::new(FIRST),
        Step::new(FIGURE),
        Step::new(VALUES),
        Step::new(END),
        Step::new(ORDER),
        Step::new("for i in 0..20_000 { println!(\"{i}\"); }"),
        Step::new(READ).answering("Ada"),
        Step::new(READ).alone(),
        Step::new("println!(\"hidden\");").hidden(),
        Step::new("line.len()"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert!(answers.iter().all(|a| a.status == "ok"), "{answers:#?}");
    let [
        first,
        _,
        values,
        end,
        order,
        many,
        asked,
        alone,
        hidden,
        last,
    ] = answers.as_slice()
    else {
        panic!("{answers:#?}");
    };
    assert_eq!(first.shown, ["execute_result"]);
    assert!(first.text.contains("[figure"), "{first:#?}");
    let between = ["stream", "display_data"];
    let expected = [
        &between[..],
        &between,
        &between,
        &["stream", "execute_result"],
    ]
    .concat();
    assert_eq!(values.shown, expected, "{values:#?}");
    let parts = [
        "one", "[figure", "two", "[figure", "three", "value", "four", "5",
    ];
    assert_in_order(&values.text, &parts);
    let sign = "EVCXR_EXECUTION_COMPLETE";
    assert_eq!(end.text, format!("{sign}\nafter\n{sign}\n"));
    assert_in_order(&order.text, &["one", "two", "value", "three", "four"]);
    let numbers: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    assert!(many.text.starts_with(&numbers), "{} bytes", many.text.len());
    assert_eq!(asked.text, "name: 4 \"Ada\\n\"\n");
    assert_eq!(alone.text, "name: 0 \"\"\n");
    assert_eq!((hidden.text.as_str(), hidden.count), ("", alone.count));
    assert_eq!(
        (last.text.as_str(), last.count),
        ("0", alone.count.map(|count| count + 1))
    );
}

#[track_caller]
fn assert_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let place = rest.find(part);
        assert!(place.is_some(), "{part}: {text:?}");
        rest = &rest[place.unwrap() + part.len()..];
    }
}

#[test]
fn a_plain_evcxr_jupyter_runs_the_same_cells() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [SESSION, FIGURE, VALUES].map(Step::new).into();
    let answers = converse_with(folder.path(), steps, &[("LABBOOK_PLAIN_KERNEL", "1")]).unwrap();
    assert!(answers.iter().all(|a| a.status == "ok"), "{answers:#?}");
    assert_eq!(
        answers[2].shown,
        ["stream", "execute_result"],
        "{answers:#?}"
    );
    assert!(answers[2].text.contains("four\n"), "{answers:#?}");
}

#[test]
fn the_bar_of_a_long_epoch_is_drawn_in_place() {
    let answers = step_through(&[
        SESSION,
        "let x = tch::Tensor::rand([100_000, 8], tch::kind::FLOAT_CPU); let y = x.argmax(-1, false);",
        MODEL,
        "model.fit(&x, &y, &Fit::new().epochs(2).batch_size(8))?;",
    ]);
    let text = &answers[3].text;
    assert!(text.starts_with("Epoch 1/2\n\r"), "{text:?}");
    assert!(
        text.contains(" - ETA: ") && text.contains("\r12500/12500 ["),
        "{text:?}"
    );
    // A line for each epoch's beginning and end; the rest was drawn over.
    assert_eq!(text.matches('\n').count(), 4, "{text:?}");
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
fn an_interrupt_ends_a_training_keeps_every_variable_and_calls_off_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    // Without a session, which would listen to interrupts too.
    let steps = vec![
        Step::new("let before = 1;"),
        Step::new(DATA),
        Step::new(MODEL),
        Step::interrupted(TRAIN, "Epoch 3/", 1).then(&["println!(\"went on\");", "before"]),
        Step::new("println!(\"{} after {} epochs\", history.interrupted, history.epoch.len());"),
        Step::new("println!(\"accuracy {:.2}\", model.evaluate(&x, &y)?.accuracy);"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert!(answers.iter().all(|a| a.status == "ok"), "{answers:#?}");
    let [.., left, accuracy] = answers.as_slice() else {
        panic!("{answers:#?}");
    };
    assert_eq!(answers[3].queued, ["aborted", "aborted"], "{answers:#?}");
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
fn neither_interrupts_while_no_cell_runs_nor_hostile_bytes_do_anything() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        Step::after_idle_interrupts("let kept = 6 * 7;", 1),
        Step::after_idle_interrupts(SESSION, 2).attacked(),
        Step::after_idle_interrupts("println!(\"{kept} {}\", session.seed());", 3),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert!(answers.iter().all(|a| a.status == "ok"), "{answers:#?}");
    assert_eq!(answers[2].text, "42 0\n", "{answers:#?}");
}

#[test]
fn an_interrupt_of_another_cell_warns_and_of_a_compilation_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    // Minutes for the compiler, unless it is stopped.
    let long = "const fn spin() -> u64 { let mut n = 0; while n < 1 << 32 { n += 1; } n }
        #[allow(long_running_const_eval)] const SPUN: u64 = spin(); println!(\"{SPUN}\");";
    let steps = vec![
        Step::new(SESSION),
        Step::interrupted(
            "println!(\"asleep\"); std::thread::sleep(std::time::Duration::from_secs(3));",
            "asleep",
            1,
        ),
        Step::interrupted(long, "", 1),
        Step::new("println!(\"{}\", session.seed());"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    let status: Vec<&str> = answers.iter().map(|a| a.status.as_str()).collect();
    assert_eq!(status, ["ok", "ok", "error", "ok"], "{answers:#?}");
    assert!(
        answers[1]
            .text
            .contains("Interrupt again within five seconds"),
        "{answers:#?}"
    );
    assert!(
        answers[2]
            .text
            .contains("did not run. All variables are kept."),
        "{answers:#?}"
    );
    assert_eq!(answers[3].text, "0\n");
}

const NAMED: &str = "let history = model.fit(&x, &y, &Fit::new().epochs(40).batch_size(8)
        .run_name(\"first\"))?;";

#[test]
fn a_training_whose_kernel_was_killed_goes_on_in_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = "let whole = again.fit(&x, &y, &Fit::new().epochs(40).batch_size(8).verbose(0))?;
        println!(\"{} {}\", history.epoch.len(), history.columns() == whole.columns());";
    let steps = vec![
        Step::new(SESSION),
        Step::new(DATA),
        Step::new(MODEL),
        Step::killed(NAMED, "Epoch 9/"),
        Step::first(),
        Step::new(SESSION),
        Step::new(DATA),
        Step::new(MODEL),
        Step::new(NAMED),
        Step::new(&MODEL.replace("model", "again")),
        Step::new(whole),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert_eq!(answers[3].status, "killed", "{answers:#?}");
    let again = &answers[4..];
    assert!(again.iter().all(|a| a.status == "ok"), "{answers:#?}");
    let offer = again[4].text.lines().next().unwrap_or_default();
    assert!(
        offer.starts_with("Resuming the training \"first\", which stopped after epoch ")
            && offer.contains(" of 40 at ")
            && offer.ends_with("To begin anew instead, add .resume(false) to the options of fit."),
        "{answers:#?}"
    );
    assert!(!again[4].text.contains("Epoch 8/"), "{answers:#?}");
    assert_eq!(again[6].text, "40 true\n", "{answers:#?}");
    let left = folder.path().join("interrupt/unfinished");
    assert!(!left.exists(), "an ended training leaves nothing behind");
}

#[test]
fn a_restart_takes_the_kernel_that_waits_which_knows_nothing_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        Step::new("let before = 1;"),
        Step::restarted(),
        // As in a kernel that was started: nobody named the crate yet.
        Step::new("labbook::prelude::tch::Tensor::from_slice(&[6, 7])"),
        Step::first(),
        Step::new("let tensor = tch::Tensor::from_slice(&[6, 7]);"),
        Step::new("println!(\"{} {}\", tensor.numel(), std::env::current_dir()?.display());"),
        Step::new("before"),
        Step::interrupted(SLEEP, "asleep", 1),
        Step::new("println!(\"{}\", 6 * 7);"),
        // The spare kernel of the spare one.
        Step::restarted(),
        Step::first(),
        Step::new("println!(\"{}\", tch::Tensor::from_slice(&[6, 7]).numel());"),
    ];
    let variables = [("JPY_SESSION_NAME", "notebook.ipynb")];
    let answers = converse_with(folder.path(), steps, &variables).unwrap();
    let texts: Vec<&str> = answers.iter().map(|answer| answer.text.trim()).collect();
    assert_eq!(texts[1], "spare", "{answers:#?}");
    assert_eq!(answers[2].count, Some(1), "{answers:#?}");
    assert!(texts[2].contains("labbook"), "{answers:#?}");
    assert_eq!(answers[2].status, "error", "{answers:#?}");
    let here = folder.path().canonicalize().unwrap();
    assert_eq!(texts[5], format!("2 {}", here.display()), "{answers:#?}");
    assert!(
        texts[6].contains("cannot find value `before`"),
        "{answers:#?}"
    );
    assert!(texts[7].contains("terminated"), "{answers:#?}");
    assert_eq!(
        [texts[8], texts[9], texts[11]],
        ["42", "spare", "2"],
        "{answers:#?}"
    );
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

/// Makes a crate of a person's own, so that a test needs no network.
fn own_crate(folder: &Path) -> String {
    let path = folder.join("own");
    std::fs::create_dir_all(path.join("src")).unwrap();
    let manifest = "[package]\nname = \"own\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::write(path.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(path.join("src/lib.rs"), "pub fn answer() -> i32 { 42 }\n").unwrap();
    format!(":dep own = {{ path = {path:?} }}")
}

#[test]
fn a_further_crate_and_waiting_for_a_future_leave_the_variables_alone() {
    let folder = tempfile::tempdir().unwrap();
    let own = own_crate(folder.path());
    let steps = vec![
        Step::new(MODEL),
        Step::new(&own),
        Step::new("println!(\"{} {}\", own::answer(), model.layers()?.len());"),
        Step::new(
            "async fn later() -> Table { let mut table = Table::new(&[\"answer\"]);
            table.push(&[(own::answer() + 1).to_string()]); table }\nlater().await",
        ),
        Step::new("println!(\"{}\", model.layers()?.len());"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert!(answers.iter().all(|a| a.status == "ok"), "{answers:#?}");
    assert_eq!(answers[2].text, "42 1\n", "{answers:#?}");
    let later = &answers[3].text;
    assert!(
        later.contains("43") && !later.contains("Table {"),
        "{answers:#?}"
    );
    assert_eq!(answers[4].text, "1\n", "{answers:#?}");
    // The facade was not compiled again.
    let compiled = answers.iter().any(|a| a.text.contains("Compiling labbook"));
    assert!(!compiled, "{answers:#?}");
}

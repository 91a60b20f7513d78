//! The CIFAR-10 notebook at smoke scale, on the drawn data, through the real kernel.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use notebook_tests::{Notebook, decode, root, xtask};

/// The number after a label, as in "test set accuracy: 61.55 %".
fn number(text: &str, label: &str) -> f64 {
    let rest = text
        .split(label)
        .nth(1)
        .unwrap_or_else(|| panic!("no \"{label}\" in {text}"));
    let word = rest.split_whitespace().next().unwrap_or_default();
    word.parse()
        .unwrap_or_else(|_| panic!("\"{word}\" after \"{label}\" is no number"))
}

#[test]
fn the_notebook_runs_and_its_report_is_whole() {
    let output = xtask(&["report", "cifar10", "--scale", "smoke"]).unwrap();
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");

    let notebook = Notebook::read(&root().join("reports/work/cifar10.ipynb")).unwrap();
    let mut cells = 0;
    for (source, outputs) in notebook.code() {
        cells += 1;
        for output in outputs {
            assert_ne!(output["output_type"], "error", "{source}");
            assert!(
                !output.to_string().contains("panicked"),
                "{source}\n{output}"
            );
        }
    }
    assert!(cells >= 40, "{cells} code cells");

    let pictures = notebook.pictures();
    assert!(pictures.len() >= 10, "{} pictures", pictures.len());
    for (source, png) in &pictures {
        let (width, height, values) = decode(png).unwrap();
        assert!(
            width >= 400 && height >= 300,
            "{source}: {width} x {height}"
        );
        assert!(values > 20, "{source} is blank");
    }

    let line = "test set accuracy:";
    let dense = number(&notebook.printed("evaluation1.accuracy);"), line);
    let convolutional = number(&notebook.printed("evaluation3 = "), line);
    assert!(dense > 30.0, "Experiment 1: {dense} %, chance is 10 %");
    assert!(convolutional >= 85.0, "Experiment 3: {convolutional} %");
    assert!(
        convolutional >= dense + 10.0,
        "{convolutional} % against {dense} %"
    );

    let html = std::fs::read_to_string(root().join("reports/cifar10.html")).unwrap();
    assert!(
        html.contains("drawn stand-in set"),
        "the header does not say which data"
    );
    assert!(
        html.contains("smoke: 4000 training"),
        "the header does not say which scale"
    );
    for outside in ["src=\"http", "href=\"http", "<script"] {
        assert!(
            !html.contains(outside),
            "the report is not self-contained: {outside}"
        );
    }
    if log.contains("No PDF: chromium is missing") {
        return;
    }
    let pdf = std::fs::read(root().join("reports/cifar10.pdf"));
    assert!(pdf.is_ok_and(|pdf| pdf.starts_with(b"%PDF") && pdf.len() > 100_000));
}

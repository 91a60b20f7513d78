//! Reports made from the outputs that a notebook has: no kernel runs here.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use notebook_tests::{jupyter, root, xtask};
use serde_json::{Value, json};

/// A grey picture of this size, so that two can be told apart.
fn png(width: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, 10);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&vec![128; width as usize * 10])
        .unwrap();
    writer.finish().unwrap();
    bytes
}

fn markdown(source: &str) -> Value {
    json!({ "cell_type": "markdown", "metadata": {}, "source": source })
}

fn code(number: u32, source: &str, outputs: &[Value]) -> Value {
    json!({
        "cell_type": "code", "metadata": {}, "execution_count": number,
        "source": source, "outputs": outputs,
    })
}

fn printed(text: &str) -> Value {
    json!({ "output_type": "stream", "name": "stdout", "text": text })
}

fn shown(data: &Value, metadata: &Value) -> Value {
    json!({ "output_type": "display_data", "data": data, "metadata": metadata })
}

/// Twelve epochs as a training prints them, each with a bar that is overwritten.
fn training() -> String {
    let epoch = |n: u32| {
        format!(
            "Epoch {n}/12\n\r4/9 [=>..] - ETA: 0:01\r9/9 [====] - 1s 9ms/step - loss: 0.{n:02}   \n"
        )
    };
    (1..=12).map(epoch).collect()
}

const MODEL: &str = "// Build the small network.\nlet a = 1 < 2;\nlet b = a & true;\nb";
const TABLE: &str = "<table class=\"labbook\"><caption>Accuracies in %</caption>\
    <tr><th>run</th><th style=\"text-align:right\">test</th></tr>\
    <tr><td style=\"background:#ffffff\">none</td><td style=\"background:#0000ff\">all</td></tr>\
    <tr><td>one | first</td><td style=\"text-align:right;background:rgb(252,230,213)\">46.7</td></tr>\
    </table>";
const TITLE: &str = "Cats & <dogs>";

/// A notebook with three pictures, of widths 20, 30 and 40, and with HTML that wants to run and to fetch.
fn write(name: &str) -> PathBuf {
    let picture = |width| STANDARD.encode(png(width));
    let hostile = format!(
        "<div onclick=\"go()\"><script>go()</script><img src=\"http://example.org/spy.png\">\
         <img alt=\"Bars “Two: one” of 5 things: a, b\" width=\"15\" src=\"data:image/png;base64,{}\">\
         <pre>x &lt; y</pre>\
         <img alt=\"Bars “Three”\" src=\"data:image/png;base64,{}\"></div>",
        picture(30),
        picture(40),
    );
    let alt =
        "Line chart “Loss” by epoch: from 1 to 0. Line chart “Accuracy” by epoch: from 0 to 1";
    let about = json!({ "image/png": { "alt": alt, "width": 10 } });
    let session = "<table><tr><th>Scale</th><td>smoke: 7 images</td></tr>\
        <tr><th>Device</th><td>CPU, 2 threads</td></tr><tr><th>Seed</th><td>0</td></tr></table>";
    let cells = [
        markdown(&format!(
            "# {TITLE}\n\nGo to [the end](#2.-The-end). This is [the notebook]({name}.ipynb)."
        )),
        markdown("## 1. Training\n\nIt learns."),
        code(
            1,
            MODEL,
            &[shown(&json!({ "text/html": session }), &json!({}))],
        ),
        code(
            2,
            "fit()",
            &[
                printed(&training()),
                shown(&json!({ "text/html": TABLE }), &json!({})),
            ],
        ),
        code(
            3,
            "plot()",
            &[shown(
                &json!({ "image/png": picture(20), "text/plain": "[figure]" }),
                &about,
            )],
        ),
        markdown("## 2. The end"),
        code(
            4,
            "both()",
            &[shown(&json!({ "text/html": hostile }), &json!({}))],
        ),
    ];
    let notebook = json!({
        "cells": cells, "nbformat": 4, "nbformat_minor": 4,
        "metadata": { "authors": [{ "name": "Ada Example" }] },
    });
    // A folder that no earlier run has written to.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.ipynb"));
    fs::write(&path, notebook.to_string()).unwrap();
    path
}

fn report(words: &[&str]) -> Output {
    let words = [&["report"], words].concat();
    xtask(&words, Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap()
}

fn made(name: &str, format: &str) -> PathBuf {
    let path = write(name);
    let output = report(&[path.to_str().unwrap(), "--no-run", "--format", format]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(!log.contains("leads nowhere"), "{log}");
    let made = path.with_extension(format);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains(made.to_str().unwrap()), "{told}");
    made
}

/// What stands between two marks, for each place where they do.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let rest = text.split(start).skip(1);
    rest.filter_map(|part| part.split_once(end).map(|(inside, _)| inside))
        .collect()
}

#[test]
fn a_page_has_its_figures_in_order_and_nothing_from_outside() {
    let html = fs::read_to_string(made("report-html", "html")).unwrap();
    let figures = between(&html, "<figure id=\"figure-", "</figure>");
    let expected = [
        (20, "Training. Line charts “Loss” and “Accuracy” by epoch."),
        (30, "The end. Bars “Two: one” of 5 things."),
        (40, "The end. Bars “Three”."),
    ];
    assert_eq!(figures.len(), expected.len());
    for (number, (figure, (width, caption))) in (1..).zip(figures.iter().zip(expected)) {
        assert!(figure.starts_with(&format!("{number}\"")), "{figure}");
        assert!(figure.contains(&STANDARD.encode(png(width))), "{figure}");
        let said = format!("Figure {number}.</a> {caption}</figcaption>");
        assert!(figure.contains(&said), "{figure}");
    }
    assert_eq!(html.matches("<img").count(), html.matches("alt=\"").count());
    for outside in [
        "<script",
        "http://",
        "https://",
        "onclick",
        "go()<",
        "spy.png",
        "ETA",
        "report-html.ipynb",
    ] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("default-src 'none'"));

    let links = between(&html, "href=\"#", "\"");
    assert!(links.len() >= 7, "{links:?}");
    for link in links {
        assert!(
            html.contains(&format!("id=\"{link}\"")),
            "{link} leads nowhere"
        );
    }
    for part in [
        "<html lang=\"en\"",
        "<h1>Cats &amp; &lt;dogs&gt;</h1>",
        "Ada Example",
        "<dt>Scale</dt><dd>smoke: 7 images</dd>",
        "<dt>Hardware</dt><dd>CPU, 2 threads</dd>",
        "class=\"skip\"",
        "<main",
        "<nav aria-labelledby",
        "Table 1.</a> Accuracies in %.",
        "rgb(237 103 0 / 0.16)",
        "<td>none</td>",
        "rgb(0 0 255 / 1.00)",
        "Build the small network</summary>",
        "<summary>… 8 more epochs …</summary>",
        "Epoch 12/12  1s 9ms/step - loss: 0.12</pre>",
        "x &lt; y",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    // Folded, but there: the code and the ninth epoch.
    let code = between(&html, "<details class=\"code\">", "</details>");
    assert!(
        code.len() == 1 && code[0].contains("<span class=\"o\">&amp;</span>"),
        "{code:?}"
    );
    let more = between(&html, "<details class=\"more\">", "</details>");
    assert!(
        more.len() == 1 && more[0].contains("Epoch  9/12"),
        "{more:?}"
    );
}

#[test]
fn markdown_has_its_figures_beside_it() {
    let path = made("report-md", "md");
    let text = fs::read_to_string(&path).unwrap();
    for (number, width) in [(1, 20), (2, 30), (3, 40)] {
        let file = format!("report-md_files/figure-{number:02}.png");
        assert_eq!(fs::read(path.with_file_name(&file)).unwrap(), png(width));
        assert!(text.contains(&format!("src=\"{file}\"")), "{text}");
        assert!(text.contains(&format!("**Figure {number}.**")), "{text}");
    }
    for part in [
        "[2. The end](#2-the-end)",
        "Go to [the end](#2-the-end).",
        "**Table 1.** Accuracies in %.",
        "| one \\| first | 46.7 |",
        "| --- | ---: |",
        "<summary>[1] Build the small network</summary>",
        "… 8 more epochs …",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let link = between(&text, "[the notebook](", ")");
    assert!(path.with_file_name(link[0]).is_file(), "{link:?}");
    assert!(
        !text.contains("spy.png") && !text.contains("<script"),
        "{text}"
    );
}

#[test]
fn a_scatter_plot_stays_live_in_the_page_and_is_a_picture_elsewhere() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-live");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let steps = |values: [u16; 2]| STANDARD.encode(values.map(u16::to_le_bytes).concat());
    let data = json!({
        "width": 400, "height": 300, "title": "T", "x_label": "", "y_label": "",
        "plot": [40, 20, 300, 260], "x_range": [0, 1], "y_range": [-1, 1],
        "x": steps([0, 65535]), "y": steps([7, 9]), "classes": STANDARD.encode([1, 0]),
        "names": ["cat", "a \"dog\""], "colors": ["#d95757", "#57d98a"], "wrong": null,
        "values": null, "radius": 3.5, "alpha": 0.8, "thumbnails": null,
    });
    let attribute = data
        .to_string()
        .replace('&', "&amp;")
        .replace('"', "&quot;");
    let picture = STANDARD.encode(png(20));
    let html = format!(
        "<img alt=\"Scatter plot of 2 points\" width=\"10\" src=\"data:image/png;base64,{picture}\" \
         data-labbook-scatter=\"{attribute}\"><script>go()</script>"
    );
    let plot = shown(
        &json!({ "text/html": html, "image/png": picture, "text/plain": "[figure: x]" }),
        &json!({}),
    );
    let notebook = json!({
        "cells": [code(1, "scatter()", &[plot])], "metadata": {}, "nbformat": 4, "nbformat_minor": 4,
    });
    let path = folder.join("report-live.ipynb");
    fs::write(&path, notebook.to_string()).unwrap();
    let output = report(&[path.to_str().unwrap(), "--no-run", "--format", "html,md"]);
    assert!(output.status.success(), "{output:?}");

    let page = fs::read_to_string(path.with_extension("html")).unwrap();
    let ours = root().join("crates/labbook-notebook/src/scatter.js");
    assert_eq!(
        between(&page, "<script>", "</script>"),
        [fs::read_to_string(ours).unwrap()]
    );
    assert!(page.contains("script-src 'sha256-") && !page.contains("go()"));
    let figure = between(&page, "<figure", "</figure>")[0];
    assert!(figure.contains("&#34;a \\&#34;dog"), "{figure}");
    assert!(figure.contains(&picture), "{figure}");
    let text = fs::read_to_string(path.with_extension("md")).unwrap();
    assert!(
        !text.contains("labbook-scatter") && !text.contains("<script"),
        "{text}"
    );
    let file = path.with_file_name("report-live_files/figure-01.png");
    assert_eq!(fs::read(file).unwrap(), png(20));
}

#[test]
fn a_wish_that_cannot_be_met_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report-empty.ipynb");
    let empty = json!({ "cells": [code(1, "1 + 1", &[])], "metadata": {}, "nbformat": 4, "nbformat_minor": 4 });
    fs::write(&path, empty.to_string()).unwrap();
    let path = path.to_str().unwrap();
    for (words, said) in [
        (&[path, "--no-run"][..], "no outputs"),
        (&[path, "--format", "docx"], "received \"docx\""),
        (&[path, "--no-run", "--scale", "smoke"], "one of them"),
    ] {
        let output = report(words);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && log.contains(said),
            "{words:?}: {log}"
        );
    }
}

#[test]
fn a_report_overwrites_nothing_but_its_own_notebooks_report() {
    let path = write("report-beside");
    let folder = path.parent().unwrap();
    let words = |output| {
        let path = path.to_str().unwrap();
        [path, "--no-run", "--format", "html", "--output", output]
    };
    let asked = folder.join("asked");
    for _ in 0..2 {
        assert!(report(&words(asked.to_str().unwrap())).status.success());
    }
    assert!(asked.join("report-beside.html").is_file());
    // A page that somebody else has put beside the notebook.
    let other = folder.join("report-beside.html");
    fs::write(&other, "mine").unwrap();
    let output = report(&words(folder.to_str().unwrap()));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && log.contains("--output FOLDER"),
        "{log}"
    );
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
}

#[test]
fn a_notebook_that_is_none_gives_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, said) in [
        ("..ipynb", &b""[..], "..ipynb is empty"),
        ("list.ipynb", b"\xef\xbb\xbf[]", "holds a list"),
        ("latin.ipynb", b"{\"a\": \"\xe4\"}", "not UTF-8"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let output = report(&[path.to_str().unwrap(), "--no-run", "--format", "html"]);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && log.contains(said), "{log}");
        assert!(!log.contains("Traceback"), "{log}");
    }
}

#[test]
fn hostile_and_damaged_notebooks_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let chromium = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let browser = std::env::split_paths(&path)
        .flat_map(|folder| chromium.map(|name| folder.join(name)))
        .find(|program| program.is_file());
    let output = jupyter(folder.path())
        .unwrap()
        .arg(root().join("tests/hostile_reports.py"))
        .args([&root(), folder.path()])
        .args(browser)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
}

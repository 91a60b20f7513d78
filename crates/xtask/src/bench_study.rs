use crate::bench_example::example;
use crate::failure::Result;
use crate::places::Places;
use crate::process;
use crate::setup;

/// Measures what a study's queue and records cost, with a program that does nothing.
pub(crate) fn run(places: &Places, cases: Option<&str>) -> Result<()> {
    setup::all(places)?;
    let options: Vec<&str> = cases.into_iter().collect();
    let mut command = example(
        &places.root,
        ("labbook-study", "bench_study"),
        &["run", "--quiet"],
        &options,
    );
    process::run(
        &mut command,
        "the example did not run (its message is above)",
    )
}

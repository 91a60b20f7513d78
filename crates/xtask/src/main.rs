//! The project's commands: setup, lab, report, test, doctor, data, bench.
fn main() {}

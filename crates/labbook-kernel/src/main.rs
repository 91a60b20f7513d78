//! One program under four names: `labbook-kernel` starts a kernel; `cargo`, `rustc` and
//! `rustup` stand in for the real ones inside it.

use std::path::Path;
use std::process::ExitCode;

use labbook_kernel::{Settings, front, launch::launch};

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let name = Path::new(&program)
        .file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default();
    match run(name, &arguments) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("labbook-kernel: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, arguments: &[String]) -> Result<ExitCode, String> {
    match (name, arguments) {
        ("cargo", _) => front::cargo(&settings()?, arguments).map_err(|e| e.to_string()),
        ("rustc", _) => front::rustc(&settings()?, arguments).map_err(|e| e.to_string()),
        ("rustup", _) => match front::rustup(&settings()?, arguments) {
            Some(answer) => {
                println!("{answer}");
                Ok(ExitCode::SUCCESS)
            }
            None => Ok(ExitCode::FAILURE),
        },
        (_, [settings, connection]) => {
            let ended = launch(Path::new(settings), Path::new(connection));
            let code = ended.map_err(|e| e.to_string())?.code();
            Ok(code
                .and_then(|code| u8::try_from(code).ok())
                .map_or(ExitCode::FAILURE, ExitCode::from))
        }
        _ => Err("usage: labbook-kernel SETTINGS CONNECTION_FILE (Jupyter calls it)".to_owned()),
    }
}

fn settings() -> Result<Settings, String> {
    let path = std::env::var_os(Settings::VARIABLE).ok_or_else(|| {
        format!(
            "{} is not set; only a kernel calls this",
            Settings::VARIABLE
        )
    })?;
    Settings::read(Path::new(&path)).map_err(|e| e.to_string())
}

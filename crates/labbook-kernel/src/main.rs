//! One program under five names: `labbook-kernel` starts a kernel; `cargo`, `rustc`, `rustup` and
//! `cell-rustc` stand in for the real ones inside it.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};

use labbook_kernel::{Settings, front, launch::launch, replay, spare, tap};
use labbook_kernel_files::SPARE;

fn main() -> ExitCode {
    let words: Result<Vec<String>, String> = std::env::args_os()
        .map(|word| word.into_string())
        .map(|word| word.map_err(|word| format!("cannot read {word:?}: it is not UTF-8")))
        .collect();
    let code = words.and_then(|words| {
        let (program, arguments) = words.split_first().ok_or("started without a name")?;
        let name = Path::new(program).file_name().and_then(OsStr::to_str);
        run(name.unwrap_or_default(), arguments)
    });
    match code {
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
        (replay::NAME, _) => Err(replay::run(arguments).to_string()),
        ("rustup", _) => match front::rustup(&settings()?, arguments) {
            Some(answer) => {
                println!("{answer}");
                Ok(ExitCode::SUCCESS)
            }
            None => Ok(ExitCode::FAILURE),
        },
        (_, [bound, program, arguments @ ..]) if bound == tap::BOUND => {
            Err(tap::run_bound(program, arguments).to_string())
        }
        (_, [word, own, evcxr, connection]) if word == tap::TAP => exit_code(tap::tap(
            Path::new(own),
            Path::new(evcxr),
            Path::new(connection),
        )),
        (_, [settings, word, starter, dependency]) if word == SPARE => {
            let starter = starter
                .parse()
                .map_err(|_| format!("expected a process's number; received \"{starter}\""))?;
            exit_code(spare::keep(Path::new(settings), starter, dependency))
        }
        (_, [settings, connection]) => {
            exit_code(launch(Path::new(settings), Path::new(connection)))
        }
        _ => Err("usage: labbook-kernel SETTINGS CONNECTION_FILE (Jupyter calls it)".to_owned()),
    }
}

fn exit_code(ended: io::Result<ExitStatus>) -> Result<ExitCode, String> {
    let code = ended.map_err(|e| e.to_string())?.code();
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
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

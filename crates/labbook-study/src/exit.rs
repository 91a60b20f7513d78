//! How a run of one case ends, as an exit code that a workflow engine understands.

use std::error::Error;

use crate::StudyError;

/// The record is there.
pub const DONE: u8 = 0;
/// The case cannot be run as it is: the same command would fail again.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Something was missing that may be there later: memory, room on a disk, results of earlier cases; or
/// another process runs the case. `EX_TEMPFAIL` of `sysexits.h`.
pub const TRY_AGAIN: u8 = 75;
/// Ctrl-C ended it; the state of the last epoch is kept, and the same command goes on.
pub const INTERRUPTED: u8 = 130;
/// SIGTERM ended it, as a cluster does with what it preempts; the state of the last epoch is kept, and the same
/// command goes on.
pub const PREEMPTED: u8 = 143;

/// What the system and libtorch say where something is missing that may be there later. Errors of libraries
/// pass it on as text alone.
const PASSING: [&str; 9] = [
    "no space left on device",
    "disk quota exceeded",
    "too many open files",
    "cannot allocate memory",
    "can't allocate memory",
    "out of memory",
    "within the memory that is free",
    "stale file handle",
    "resource temporarily unavailable",
];

/// The exit code of an error.
pub(crate) fn code_of(error: &(dyn Error + 'static)) -> u8 {
    if let Some(StudyError::Waits { .. } | StudyError::Taken { .. }) = error.downcast_ref() {
        return TRY_AGAIN;
    }
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string().to_lowercase();
        if PASSING.iter().any(|words| text.contains(words)) {
            return TRY_AGAIN;
        }
        cause = error.source();
    }
    FAILED
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::PathBuf;

    #[test]
    fn what_may_pass_is_tried_again_and_the_rest_is_not() {
        let full = StudyError::Write {
            path: PathBuf::from("/runs/x.json"),
            source: io::Error::from_raw_os_error(28),
        };
        assert_eq!(code_of(&full), TRY_AGAIN);
        let memory = labbook_nn::Error::Torch {
            operation: "fit".to_owned(),
            message: "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"
                .to_owned(),
        };
        assert_eq!(code_of(&memory), TRY_AGAIN);
        assert_eq!(code_of(&StudyError::Taken { case: 3 }), TRY_AGAIN);
        let denied = StudyError::Write {
            path: PathBuf::from("/runs/x.json"),
            source: io::Error::from_raw_os_error(13),
        };
        assert_eq!(code_of(&denied), FAILED);
    }
}

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Kind of the program header that names the loader.
const INTERPRETER: u32 = 3;

/// The dynamic loader that a program for 64-bit Linux names; see elf(5).
pub(super) fn of(program: &Path) -> Option<PathBuf> {
    let mut file = File::open(program).ok()?;
    let mut start = [0; 64];
    file.read_exact(&mut start).ok()?;
    if !start.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let headers = number(&start, 32, 8)?;
    let (size, count) = (number(&start, 54, 2)?, number(&start, 56, 2)?);
    for index in 0..count {
        let mut header = [0; 56];
        file.read_exact_at(&mut header, headers + index * size)
            .ok()?;
        if number(&header, 0, 4)? == u64::from(INTERPRETER) {
            let mut path = vec![0; usize::try_from(number(&header, 32, 8)?).ok()?.min(4096)];
            file.read_exact_at(&mut path, number(&header, 8, 8)?).ok()?;
            let path = path.strip_suffix(b"\0")?;
            return Some(PathBuf::from(std::ffi::OsStr::from_bytes(path)));
        }
    }
    None
}

/// An unsigned number of `size` bytes, the lowest first.
fn number(bytes: &[u8], offset: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset + size)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_its_loader_and_a_text_does_not() -> std::io::Result<()> {
        let loader = of(&std::env::current_exe()?).unwrap();
        assert!(loader.is_file(), "{loader:?}");
        let text = tempfile::NamedTempFile::new()?;
        assert_eq!(of(text.path()), None);
        Ok(())
    }
}

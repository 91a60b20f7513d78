//! How far a tool is, as its own output says.

/// Reads a line of cargo's progress bar, as in `Building [===>   ] 84/301: syn`.
pub(super) fn of_cargo(line: &str) -> Option<String> {
    let line = line.trim_start_matches("\x1b[K").trim_start();
    if line.starts_with("Updating") || line.starts_with("Downloading") {
        return Some("fetching sources".to_owned());
    }
    let (_, rest) = line.strip_prefix("Building [")?.split_once("] ")?;
    let (done, rest) = rest.split_once('/')?;
    let total: u32 = rest.split(':').next()?.trim().parse().ok()?;
    let done: u32 = done.trim().parse().ok()?;
    Some(format!("{done} of {total}"))
}

/// Reads a line that apt-get writes with `APT::Status-Fd`, as in `pmstatus:chromium:45.4:Unpacking`.
pub(super) fn of_apt(line: &str) -> Option<String> {
    let mut fields = line.split(':');
    let doing = match fields.next()? {
        "dlstatus" => "downloading",
        "pmstatus" => "unpacking",
        _ => return None,
    };
    let percent: f64 = fields.nth(1)?.parse().ok()?;
    Some(format!("{doing} {percent:.0} %"))
}

/// Reads a line of pip's, as in `  Downloading torch-2.13.0.whl (526.6 MB)`.
pub(super) fn of_pip(line: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with("Installing collected packages") {
        return Some("unpacking".to_owned());
    }
    let file = line.strip_prefix("Downloading ")?;
    let size = file
        .rsplit_once('(')
        .map(|(_, size)| size.trim_end_matches(')'));
    // Of a hundred small ones nobody wants to know.
    let large = size.filter(|size| size.ends_with(" MB"));
    Some(large.map_or("downloading".to_owned(), |size| {
        format!("downloading {size}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_bar_is_read_and_its_other_lines_are_not() {
        let bar = "\x1b[K    Building [=====>         ] 84/301: syn, serde(build)";
        assert_eq!(of_cargo(bar).as_deref(), Some("84 of 301"));
        assert_eq!(
            of_cargo("  Downloading crates ...").as_deref(),
            Some("fetching sources")
        );
        for other in [
            "   Compiling syn v2.0.1",
            "Building [",
            "Building [=] x/y",
            "",
        ] {
            assert_eq!(of_cargo(other), None, "{other}");
        }
    }

    #[test]
    fn apts_status_is_read() {
        assert_eq!(
            of_apt("pmstatus:chromium:45.4545:Unpacking chromium (amd64)").as_deref(),
            Some("unpacking 45 %")
        );
        assert_eq!(
            of_apt("dlstatus:1:9.0909:Retrieving file 1 of 11").as_deref(),
            Some("downloading 9 %")
        );
        assert_eq!(of_apt("Selecting previously unselected package x."), None);
        assert_eq!(of_apt("pmstatus:chromium"), None);
    }

    #[test]
    fn pips_large_downloads_are_told_by_their_size() {
        let line = "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (526.6 MB)";
        assert_eq!(of_pip(line).as_deref(), Some("downloading 526.6 MB"));
        assert_eq!(
            of_pip("Downloading six-1.17.0-py2.py3.whl (11 kB)").as_deref(),
            Some("downloading")
        );
        assert_eq!(
            of_pip("Installing collected packages: a, b").as_deref(),
            Some("unpacking")
        );
        assert_eq!(of_pip("Collecting torch==2.13.0"), None);
    }
}

//! Downloads from a server in this process that behaves well, badly and with malice.

#![allow(clippy::unwrap_used, reason = "a failed step of a test should end it")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::{Compression, GzBuilder};
use labbook_fetch::{Contents, FetchError, Options, Progress, fetch};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};
use tempfile::TempDir;

const MEMBER_BYTES: usize = 20_000;
const MEMBERS: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

/// What the server does with one request.
#[derive(Clone)]
enum Reply {
    /// The file, from the asked byte on.
    Well,
    /// The file, always whole.
    WithoutRanges,
    /// The right length is announced, so many bytes are sent, then the connection ends.
    Truncated(usize),
    /// So many bytes, then silence until the test ends.
    Stalled(usize),
    /// A file of another length.
    Announcing(usize),
    /// No announced length, and more bytes than there should be.
    Overlong,
    /// A web page with status 200.
    WebPage,
    /// Status 200 and text that begins like a web page, under an archive's content type.
    DisguisedPage,
    /// A status with an empty body.
    Status(u16),
    /// A 206 that begins elsewhere than asked.
    WrongRange,
    Redirect(String),
    /// Waits for the test's word, then behaves well.
    Held(Arc<Mutex<Receiver<()>>>),
}

/// Answers each connection by the next reply; the last one stays.
struct Server {
    url: String,
    /// The `Range` of each request, or "" for none.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(file: &[u8], replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/cifar.tar.gz", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, file, replies) = (asked.clone(), Arc::new(file.to_vec()), replies.to_vec());
        // Both kinds of thread end with the test's process.
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let reply = replies[number.min(replies.len() - 1)].clone();
                let (log, file) = (log.clone(), file.clone());
                thread::spawn(move || {
                    // A client that hangs up is no fault of the server.
                    let _ = answer(&stream.unwrap(), &reply, &file, &log);
                });
            }
        });
        Self { url, asked }
    }

    fn requests(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: &TcpStream,
    reply: &Reply,
    file: &[u8],
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut range = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("range")
        {
            range = value.to_owned();
        }
    }
    log.lock().unwrap().push(range.clone());
    let start = range
        .strip_prefix("bytes=")
        .map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    let total = file.len();
    let mut send = |status: u16, headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        stream.flush()
    };
    let length = |n: usize| format!("Content-Length: {n}\r\n");
    match reply {
        Reply::Held(word) => {
            let _ = word.lock().unwrap().recv();
            send(200, &length(total), file)
        }
        Reply::Well if start >= total => send(416, &length(0), b""),
        Reply::Well if start > 0 => {
            let range = format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1);
            send(206, &(range + &length(total - start)), &file[start..])
        }
        Reply::Well | Reply::WithoutRanges => send(200, &length(total), file),
        Reply::Truncated(n) => send(200, &length(total), &file[..*n]),
        Reply::Stalled(n) => {
            send(200, &length(total), &file[..*n])?;
            // Until the client hangs up.
            stream.read(&mut [0]).map(|_| ())
        }
        Reply::Announcing(n) => send(200, &length(*n), &vec![0x1f; *n]),
        Reply::Overlong => send(200, "", &[file, file].concat()),
        Reply::WebPage => send(
            200,
            "Content-Type: text/html; charset=utf-8\r\n",
            b"<!DOCTYPE html><p>Back soon</p>",
        ),
        Reply::DisguisedPage => send(
            200,
            "Content-Type: application/gzip\r\n",
            b"\n  <html>Please log in</html>",
        ),
        Reply::Status(status) => send(*status, &length(0), b""),
        Reply::WrongRange => {
            let range = format!("Content-Range: bytes 0-{}/{total}\r\n", total - 1);
            send(206, &(range + &length(total)), file)
        }
        Reply::Redirect(to) => send(302, &format!("Location: {to}\r\n{}", length(0)), b""),
    }
}

/// A member's bytes: noise, so that the archive does not shrink to nothing.
fn contents(number: usize) -> Vec<u8> {
    let mut state = number as u32 + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..MEMBER_BYTES).map(|_| next()).collect()
}

#[derive(Clone)]
struct Member {
    name: String,
    kind: EntryType,
    bytes: Vec<u8>,
}

/// The six files as the official archive has them, with its small texts.
fn members() -> Vec<Member> {
    let file = |name: &str, bytes: Vec<u8>| Member {
        name: format!("cifar-10-batches-bin/{name}"),
        kind: EntryType::Regular,
        bytes,
    };
    let images = MEMBERS.iter().enumerate();
    let mut all: Vec<Member> = images
        .map(|(number, name)| file(name, contents(number)))
        .collect();
    all.insert(2, file("readme.html", b"<html></html>".to_vec()));
    all.push(file("batches.meta.txt", b"airplane\n".to_vec()));
    all
}

fn packed(members: &[Member]) -> Vec<u8> {
    let gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    for member in members {
        let mut header = Header::new_gnu();
        // Written as bytes: the builder itself refuses hostile names.
        header.as_gnu_mut().unwrap().name[..member.name.len()]
            .copy_from_slice(member.name.as_bytes());
        header.set_entry_type(member.kind);
        header.set_size(member.bytes.len() as u64);
        header.set_mode(0o644);
        if member.kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, member.bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn six(bytes: u64) -> Contents {
    Contents::Members {
        folder: "cifar-10-batches-bin",
        members: MEMBERS.map(|name| (name, bytes)).to_vec(),
    }
}

fn options(server: &Server, archive: &[u8]) -> Options {
    let digest = Sha256::digest(archive);
    Options {
        url: server.url.clone(),
        bytes: archive.len() as u64,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        contents: six(MEMBER_BYTES as u64),
        stall: Duration::from_secs(20),
    }
}

/// One archive, one server, one empty folder.
struct Case {
    archive: Vec<u8>,
    server: Server,
    options: Options,
    dir: TempDir,
}

impl Case {
    fn new(replies: &[Reply]) -> Self {
        Self::of(&members(), replies)
    }

    fn of(members: &[Member], replies: &[Reply]) -> Self {
        let archive = packed(members);
        let server = Server::new(&archive, replies);
        let options = options(&server, &archive);
        let dir = tempfile::tempdir().unwrap();
        Self {
            archive,
            server,
            options,
            dir,
        }
    }

    fn fetch(&self) -> Result<PathBuf, FetchError> {
        fetch(self.dir.path(), &self.options, &mut |_| {})
    }

    fn error(&self) -> FetchError {
        let error = self.fetch().unwrap_err();
        assert!(
            !self.dir.path().join("cifar-10-batches-bin").exists(),
            "a failed download has left files under their final names"
        );
        error
    }

    fn part(&self) -> PathBuf {
        self.dir.path().join("cifar-10-batches-bin.download.part")
    }

    fn part_bytes(&self) -> u64 {
        fs::metadata(self.part()).map_or(0, |found| found.len())
    }

    /// The six files are right and nothing else is left.
    fn assert_done(&self, folder: &Path) {
        assert_eq!(folder, self.dir.path().join("cifar-10-batches-bin"));
        for (number, name) in MEMBERS.iter().enumerate() {
            assert_eq!(fs::read(folder.join(name)).unwrap(), contents(number));
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), MEMBERS.len());
        assert_eq!(fs::read_dir(self.dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_download_brings_the_six_files_and_a_second_asks_for_nothing() {
    let case = Case::new(&[Reply::Well]);
    let mut seen = Vec::new();
    let folder = fetch(case.dir.path(), &case.options, &mut |p| seen.push(p)).unwrap();
    case.assert_done(&folder);
    let total = case.options.bytes;
    assert_eq!(seen[0], Progress::Downloading { received: 0, total });
    let all = Progress::Downloading {
        received: total,
        total,
    };
    assert!(seen.contains(&all) && seen.contains(&Progress::Verifying));
    assert_eq!(
        seen.last(),
        Some(&Progress::Unpacking { files: 6, total: 6 })
    );

    case.assert_done(&case.fetch().unwrap());
    assert_eq!(case.server.requests().len(), 1);
}

#[test]
fn a_file_that_went_missing_is_fetched_again() {
    let case = Case::new(&[Reply::Well]);
    let folder = case.fetch().unwrap();
    fs::remove_file(folder.join(MEMBERS[3])).unwrap();
    case.assert_done(&case.fetch().unwrap());
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    let case = Case::new(&[Reply::Truncated(50_000), Reply::Well]);
    let error = case.error();
    match &error {
        FetchError::Truncated { received, .. } => assert_eq!(*received, 50_000),
        other => panic!("{other}"),
    }
    assert!(error.to_string().contains("goes on where it stopped"));
    assert_eq!(case.part_bytes(), 50_000);
    case.assert_done(&case.fetch().unwrap());
    assert_eq!(case.server.requests(), ["", "bytes=50000-"]);
}

#[test]
fn a_complete_part_needs_no_request() {
    let case = Case::new(&[Reply::Status(500)]);
    fs::write(case.part(), &case.archive).unwrap();
    case.assert_done(&case.fetch().unwrap());
    assert!(case.server.requests().is_empty());
}

#[test]
fn a_server_without_ranges_starts_over() {
    let case = Case::new(&[Reply::WithoutRanges]);
    fs::write(case.part(), b"other bytes").unwrap();
    case.assert_done(&case.fetch().unwrap());
    assert_eq!(case.server.requests(), ["bytes=11-"]);
}

#[test]
fn a_refused_or_wrong_range_starts_over() {
    for first in [Reply::Status(416), Reply::WrongRange] {
        let case = Case::new(&[first, Reply::Well]);
        fs::write(case.part(), &case.archive[..100]).unwrap();
        case.assert_done(&case.fetch().unwrap());
        assert_eq!(case.server.requests(), ["bytes=100-", ""]);
    }
}

#[test]
fn a_part_that_is_too_long_starts_over() {
    let case = Case::new(&[Reply::Well]);
    fs::write(case.part(), vec![0; case.archive.len() + 1]).unwrap();
    case.assert_done(&case.fetch().unwrap());
    assert_eq!(case.server.requests(), [""]);
}

#[test]
fn silence_is_an_error_that_keeps_what_came() {
    let mut case = Case::new(&[Reply::Stalled(40_000), Reply::Well]);
    case.options.stall = Duration::from_secs(1);
    match case.error() {
        FetchError::Stalled { received, .. } => assert_eq!(received, 40_000),
        other => panic!("{other}"),
    }
    assert_eq!(case.part_bytes(), 40_000);
    case.options.stall = Duration::from_secs(20);
    case.assert_done(&case.fetch().unwrap());
}

#[test]
fn silence_before_the_first_byte_is_an_error_too() {
    let (_word, never) = channel();
    let mut case = Case::new(&[Reply::Held(Arc::new(Mutex::new(never)))]);
    case.options.stall = Duration::from_millis(200);
    let error = case.error();
    assert!(
        matches!(error, FetchError::Stalled { received: 0, .. }),
        "{error}"
    );
}

#[test]
fn another_length_is_refused_and_the_part_kept() {
    let case = Case::new(&[Reply::Announcing(60_000)]);
    fs::write(case.part(), &case.archive[..100]).unwrap();
    let error = case.error();
    assert!(
        matches!(error, FetchError::WrongLength { found: 60_000, .. }),
        "{error}"
    );
    assert_eq!(case.part_bytes(), 100);
}

#[test]
fn an_unannounced_surplus_is_refused() {
    let case = Case::new(&[Reply::Overlong]);
    let error = case.error();
    assert!(
        matches!(error, FetchError::WrongLength { expected, found, .. } if found > expected),
        "{error}"
    );
    assert_eq!(case.part_bytes(), 0);
}

#[test]
fn a_web_page_is_recognised_and_the_part_kept() {
    for page in [Reply::WebPage, Reply::DisguisedPage] {
        let case = Case::new(&[page]);
        fs::write(case.part(), &case.archive[..100]).unwrap();
        let error = case.error();
        assert!(matches!(error, FetchError::WebPage { .. }), "{error}");
        assert!(error.to_string().contains("Received: a web page"));
        assert_eq!(case.part_bytes(), 100);
    }
}

#[test]
fn an_error_status_is_reported() {
    let case = Case::new(&[Reply::Status(503)]);
    let error = case.error();
    assert!(
        matches!(error, FetchError::Status { status: 503, .. }),
        "{error}"
    );
}

#[test]
fn a_redirect_is_followed_unless_it_is_unsafe_or_endless() {
    let case = Case::new(&[Reply::Redirect("/elsewhere.gz".to_owned()), Reply::Well]);
    case.assert_done(&case.fetch().unwrap());

    for bad in [
        "http://example.org/cifar.tar.gz",
        "ftp://127.0.0.1/cifar.tar.gz",
    ] {
        let case = Case::new(&[Reply::Redirect(bad.to_owned())]);
        match case.error() {
            FetchError::InsecureAddress { url } => assert_eq!(url, bad),
            other => panic!("{other}"),
        }
    }
    let endless = Case::new(&[Reply::Redirect("/again".to_owned())]).error();
    assert!(
        matches!(endless, FetchError::TooManyRedirects { .. }),
        "{endless}"
    );
}

#[test]
fn a_plain_http_address_elsewhere_is_never_asked() {
    let mut case = Case::new(&[Reply::Well]);
    case.options.url = "http://example.org/cifar-10-binary.tar.gz".to_owned();
    let error = case.error();
    assert!(
        matches!(error, FetchError::InsecureAddress { .. }),
        "{error}"
    );
}

#[test]
fn a_closed_port_is_unreachable() {
    let mut case = Case::new(&[Reply::Well]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    case.options.url = format!("http://{}/a", free.local_addr().unwrap());
    drop(free);
    let error = case.error();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

#[test]
fn a_wrong_checksum_deletes_the_download() {
    let mut case = Case::new(&[Reply::Well]);
    case.options.sha256 = "0".repeat(64);
    let error = case.error();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
    assert_eq!(case.part_bytes(), 0);
}

#[test]
fn too_little_room_is_said_before_any_request() {
    let mut case = Case::new(&[Reply::Well]);
    case.options.contents = six(u64::MAX / 8);
    let error = case.error();
    assert!(matches!(error, FetchError::DiskFull { .. }), "{error}");
    assert!(case.server.requests().is_empty());
}

/// The error for an archive whose members were changed by `change`.
fn with(change: impl Fn(&mut Vec<Member>)) -> FetchError {
    let mut members = members();
    change(&mut members);
    let case = Case::of(&members, &[Reply::Well]);
    let error = case.error();
    let outside = case.dir.path().parent().unwrap();
    assert!(!outside.join("data_batch_1.bin").exists());
    error
}

#[test]
fn an_archive_must_hold_all_six() {
    let error = with(|members| {
        members.pop();
        members.pop();
    });
    assert!(
        matches!(&error, FetchError::MissingMember { name } if name == "test_batch.bin"),
        "{error}"
    );
}

#[test]
fn a_member_of_another_length_is_refused() {
    for length in [MEMBER_BYTES - 1, MEMBER_BYTES + 1] {
        let error = with(|members| members[1].bytes.resize(length, 0));
        let found_bytes = format!("{length} bytes");
        assert!(
            matches!(&error, FetchError::BadMember { name, found, .. }
                if name == "data_batch_2.bin" && *found == found_bytes),
            "{error}"
        );
    }
}

#[test]
fn a_member_that_comes_twice_is_refused() {
    let error = with(|members| members.push(members[0].clone()));
    assert!(
        matches!(&error, FetchError::BadMember { found, .. } if found == "a second one"),
        "{error}"
    );
}

#[test]
fn a_link_in_a_members_place_is_refused() {
    let error = with(|members| {
        members[0].kind = EntryType::Symlink;
        members[0].bytes.clear();
    });
    assert!(
        matches!(&error, FetchError::BadMember { found, .. } if found == "Symlink"),
        "{error}"
    );
}

#[test]
fn a_path_that_climbs_is_passed_over() {
    for name in [
        "../data_batch_1.bin",
        "cifar-10-batches-bin/../../data_batch_1.bin",
        "/data_batch_1.bin",
    ] {
        let error = with(|members| members[0].name = name.to_owned());
        assert!(
            matches!(&error, FetchError::MissingMember { name } if name == "data_batch_1.bin"),
            "{error}"
        );
    }
}

#[test]
fn an_archive_that_unpacks_to_far_too_much_is_stopped() {
    let error = with(|members| {
        let bomb = Member {
            name: "filler".to_owned(),
            kind: EntryType::Regular,
            bytes: vec![0; 17 << 20],
        };
        members.insert(0, bomb);
    });
    assert!(
        matches!(
            error,
            FetchError::BadArchive { .. } | FetchError::MissingMember { .. }
        ),
        "{error}"
    );
}

#[test]
fn of_two_at_once_the_second_waits_and_finds_all_done() {
    let (word, held) = channel();
    let case = Case::new(&[Reply::Held(Arc::new(Mutex::new(held)))]);
    let (waiting, is_waiting) = channel();
    thread::scope(|threads| {
        let fetch = |waiting: std::sync::mpsc::Sender<()>| {
            let mut report = move |progress| {
                if progress == Progress::Waiting {
                    waiting.send(()).unwrap();
                }
            };
            fetch(case.dir.path(), &case.options, &mut report).unwrap()
        };
        let second = waiting.clone();
        let one = threads.spawn(move || fetch(waiting));
        let other = threads.spawn(move || fetch(second));
        // Whichever came first is held by the server until the other one waits.
        is_waiting.recv().unwrap();
        word.send(()).unwrap();
        case.assert_done(&one.join().unwrap());
        case.assert_done(&other.join().unwrap());
    });
    assert_eq!(case.server.requests().len(), 1);
}

#[test]
fn a_plain_file_gets_its_name_once_it_is_whole_and_right() {
    let table = b"species,year\nGentoo,2007\n".repeat(1000);
    let server = Server::new(&table, &[Reply::Truncated(5_000), Reply::Well]);
    let mut options = options(&server, &table);
    options.contents = Contents::File("penguins.csv");
    let dir = tempfile::tempdir().unwrap();
    let get = |options: &Options| fetch(dir.path(), options, &mut |_| {});
    let error = get(&options).unwrap_err();
    assert!(matches!(error, FetchError::Truncated { .. }), "{error}");
    assert!(!dir.path().join("penguins.csv").exists());
    let path = get(&options).unwrap();
    assert_eq!(fs::read(path).unwrap(), table);
    assert_eq!(server.requests(), ["", "bytes=5000-"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    get(&options).unwrap();
    assert_eq!(server.requests().len(), 2);

    // Another file of the same length under the same name.
    fs::remove_file(dir.path().join("penguins.csv")).unwrap();
    options.sha256 = "0".repeat(64);
    let error = get(&options).unwrap_err();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
    assert!(!dir.path().join("penguins.csv").exists());
}

fn texts(names: &[&str]) -> Case {
    let members: Vec<Member> = names
        .iter()
        .map(|name| Member {
            name: (*name).to_owned(),
            kind: EntryType::Regular,
            bytes: b"good".to_vec(),
        })
        .collect();
    let mut case = Case::of(&members, &[Reply::Well]);
    case.options.contents = Contents::Texts {
        folder: "aclImdb",
        places: &["train/neg", "train/pos"],
        files: 2,
        most: 1000,
    };
    case
}

#[test]
fn folders_of_texts_come_whole_or_not_at_all() {
    let right = [
        "aclImdb/README",
        "aclImdb/train/neg/0_1.txt",
        "aclImdb/train/neg/1_3.txt",
        "./aclImdb/train/pos/0_9.txt",
        "aclImdb/train/unsup/0_0.txt",
        "aclImdb/train/pos/../../../../1_8.txt",
        "aclImdb/train/pos/1_8.txt",
    ];
    let case = texts(&right);
    let folder = case.fetch().unwrap();
    let listed = |place: &str| {
        let listed = fs::read_dir(folder.join(place)).unwrap();
        let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    assert_eq!(listed("train"), ["neg", "pos"]);
    assert_eq!(listed("train/pos"), ["0_9.txt", "1_8.txt"]);
    assert_eq!(fs::read(folder.join("train/neg/1_3.txt")).unwrap(), b"good");
    assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 1);

    let case = texts(&right[..4]);
    let error = case.fetch().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the archive should hold 2 texts in train/pos. Received: an archive without it"
    );
    assert!(!case.dir.path().join("aclImdb").exists());
    let case = texts(&["aclImdb/train/neg/0.txt", "aclImdb/train/neg/0.txt"]);
    let error = case.fetch().unwrap_err();
    assert!(error.to_string().contains("a second one"), "{error}");
}

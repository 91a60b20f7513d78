//! A study's cases in processes on this machine, some at a time.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::exit::{DONE, FAILED, TRY_AGAIN, USAGE};
use crate::files::{make_folder, remove};
use crate::ledger::{failed, failed_path, recorded, set_failed};
use crate::study::Study;
use crate::{Result, StudyError};

/// The longest time between two attempts at a case that may pass later.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How often to look whether a case has become ready.
const LOOK: Duration = Duration::from_millis(100);
/// A process is looked after this often, the longer it runs the less.
const SHORTEST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_millis(50);
/// By these libtorch, its matrix products and our own loops know how many threads they may have.
const THREADS: [&str; 3] = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"];

/// Runs all cases of a study that have no record yet, in processes on this machine.
///
/// Any number of queues, on one machine or several with one file system that knows locks, may work on a study at a
/// time; each case is run by one of them.
#[derive(Debug)]
pub struct Queue {
    study: Study,
    program: PathBuf,
    jobs: usize,
    threads: usize,
    retries: u32,
    again: bool,
    stop: Arc<AtomicBool>,
}

/// What happens in a queue.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum QueueEvent {
    /// Of so many cases, this many are to be run; the others are on record or failed before.
    Begun {
        /// Cases of the study.
        cases: usize,
        /// Cases on record.
        done: usize,
        /// Cases that failed for good before.
        failed: usize,
    },
    /// A case's process was started.
    Started {
        /// Its number.
        case: usize,
    },
    /// A case is on record.
    Done {
        /// Its number.
        case: usize,
        /// Its program's last line.
        sentence: String,
    },
    /// A case ended without a record and is tried again.
    Again {
        /// Its number.
        case: usize,
        /// Why, in words.
        sentence: String,
        /// After how long.
        after: Duration,
    },
    /// A case is given up.
    Failed {
        /// Its number.
        case: usize,
        /// Why, in words.
        sentence: String,
    },
}

/// What came of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueEnd {
    /// Cases on record.
    pub done: usize,
    /// Cases that failed, with why.
    pub failed: Vec<(usize, String)>,
    /// Cases that were not run, or not to their end, because the queue was stopped.
    pub left: usize,
}

/// A case that is to be run.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    case: usize,
    not_before: Instant,
    /// How often its process was killed or crashed.
    crashes: u32,
    /// How often it had to be tried again for other reasons.
    delays: u32,
}

/// What the threads share.
struct Shared {
    waiting: VecDeque<Waiting>,
    running: usize,
    /// Cases that have ended, by number.
    ended: Vec<bool>,
    /// All cases below this number have ended.
    ended_below: usize,
    end: QueueEnd,
}

impl Queue {
    /// A queue of one process at a time, which has all of the machine's threads. `program` is one that takes the
    /// words of `labbook run`.
    #[must_use]
    pub fn new(study: Study, program: impl Into<PathBuf>) -> Self {
        Self {
            study,
            program: program.into(),
            jobs: 1,
            threads: 0,
            retries: 3,
            again: false,
            stop: Arc::default(),
        }
    }

    /// Sets how many processes run at a time.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// Sets how many threads each process computes with; by default the machine's are divided among the
    /// processes.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets how often a case is started again after its process was killed or crashed; the default is 3.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Says whether to run cases once more that failed for good; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn again(mut self, again: bool) -> Self {
        self.again = again;
        self
    }

    /// Set to true, it stops the queue: processes get SIGTERM, and no more are started.
    #[must_use]
    pub fn stopper(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Runs what is left of the study, and tells what happens.
    ///
    /// # Errors
    /// [`StudyError::Foreign`] and [`StudyError::Record`] for records that are not of this study,
    /// [`StudyError::Write`] when its folder cannot be written.
    pub fn run(&self, tell: impl Fn(&QueueEvent) + Sync) -> Result<QueueEnd> {
        make_folder(self.study.records())?;
        let shared = Mutex::new(self.look()?);
        let begun = {
            let shared = lock(&shared);
            QueueEvent::Begun {
                cases: self.study.cases(),
                done: shared.end.done,
                failed: shared.end.failed.len(),
            }
        };
        tell(&begun);
        let changed = Condvar::new();
        let ended: Vec<Result<()>> = thread::scope(|scope| {
            let work = || self.work(&shared, &changed, &tell);
            let threads: Vec<_> = (0..self.jobs).map(|_| scope.spawn(work)).collect();
            let ended = threads.into_iter().map(|thread| thread.join());
            // A panic of `tell` is the caller's.
            ended.map(|result| result.unwrap_or(Ok(()))).collect()
        });
        ended.into_iter().collect::<Result<()>>()?;
        let mut shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        shared.end.left = shared.waiting.len();
        shared.end.failed.sort();
        Ok(shared.end)
    }

    /// Which cases are to be run.
    fn look(&self) -> Result<Shared> {
        let cases = self.study.cases();
        let mut shared = Shared {
            waiting: VecDeque::new(),
            running: 0,
            ended: vec![false; cases],
            ended_below: 0,
            end: QueueEnd::default(),
        };
        let now = Instant::now();
        for case in 0..cases {
            let path = self.study.record_path(case);
            if recorded(&self.study, case, &path)?.is_some() {
                shared.end(case);
                shared.end.done += 1;
                continue;
            }
            match failed(&path)? {
                Some(before) if !self.again => {
                    shared.end(case);
                    shared.end.failed.push((case, before.reason));
                }
                _ => {
                    remove(&failed_path(&path))?;
                    let (crashes, delays) = (0, 0);
                    shared.waiting.push_back(Waiting {
                        case,
                        not_before: now,
                        crashes,
                        delays,
                    });
                }
            }
        }
        Ok(shared)
    }

    fn work(
        &self,
        shared: &Mutex<Shared>,
        changed: &Condvar,
        tell: &(impl Fn(&QueueEvent) + Sync),
    ) -> Result<()> {
        while !self.stop.load(Ordering::SeqCst) {
            let mut held = lock(shared);
            let Some(next) = held.next(&self.study)? else {
                if held.waiting.is_empty() && held.running == 0 {
                    break;
                }
                drop(changed.wait_timeout(held, LOOK));
                continue;
            };
            held.running += 1;
            drop(held);
            let event = self.run_one(next.case, tell);
            let mut held = lock(shared);
            held.running -= 1;
            let event = self.judge(&mut held, next, event?)?;
            drop(held);
            changed.notify_all();
            tell(&event);
        }
        Ok(())
    }

    /// Runs one case's process to its end; how it ended, and its last line.
    fn run_one(&self, case: usize, tell: &impl Fn(&QueueEvent)) -> Result<(ExitStatus, String)> {
        let log = self.log(case);
        let cannot = |source| StudyError::Write {
            path: log.clone(),
            source,
        };
        let opened = OpenOptions::new().create(true).append(true).open(&log);
        let output = opened.map_err(cannot)?;
        let errors = output.try_clone().map_err(cannot)?;
        let threads = self.threads_each().to_string();
        let child = Command::new(&self.program)
            .arg("run")
            .arg(self.study.file())
            .args(["--case", &case.to_string(), "--record"])
            .arg(self.study.record_path(case))
            .envs(THREADS.map(|name| (name, &threads)))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn();
        let mut child = child.map_err(|source| StudyError::Read {
            path: self.program.clone(),
            source,
        })?;
        tell(&QueueEvent::Started { case });
        let status = self.wait(&mut child);
        let status = status.map_err(|source| StudyError::Read {
            path: self.program.clone(),
            source,
        })?;
        Ok((status, last_line(&log)))
    }

    fn wait(&self, child: &mut Child) -> std::io::Result<ExitStatus> {
        let (mut pause, mut asked) = (SHORTEST_LOOK, false);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.stop.load(Ordering::SeqCst) && !asked {
                asked = true;
                if let Some(process) = Pid::from_raw(child.id().cast_signed()) {
                    // It may have ended by itself.
                    let _ = kill_process(process, Signal::TERM);
                }
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    /// What follows from a process's end.
    fn judge(
        &self,
        shared: &mut Shared,
        mut next: Waiting,
        (status, sentence): (ExitStatus, String),
    ) -> Result<QueueEvent> {
        let case = next.case;
        let record = self.study.record_path(case);
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        if code == Some(DONE) && record.try_exists().unwrap_or(false) {
            remove(&self.log(case))?;
            shared.end(case);
            shared.end.done += 1;
            return Ok(QueueEvent::Done { case, sentence });
        }
        let sentence = match (code, status.signal()) {
            (Some(DONE), _) => "its process ended well, but without a record".to_owned(),
            (_, Some(signal)) => format!("its process was ended by signal {signal}"),
            (_, None) if sentence.is_empty() => format!("its process ended with {status}"),
            _ => sentence,
        };
        if matches!(code, Some(DONE | FAILED | USAGE)) {
            if failed(&record)?.is_none()
                && let Ok(found) = self.study.case(case)
            {
                set_failed(&record, &found, &sentence)?;
            }
            shared.end(case);
            shared.end.failed.push((case, sentence.clone()));
            return Ok(QueueEvent::Failed { case, sentence });
        }
        let stopping = self.stop.load(Ordering::SeqCst);
        let tries = match code {
            Some(TRY_AGAIN) => &mut next.delays,
            _ => &mut next.crashes,
        };
        *tries += u32::from(!stopping);
        let after = FIRST_WAIT
            .saturating_mul(1 << (*tries).clamp(1, 7).saturating_sub(1))
            .min(LONGEST_WAIT);
        if next.crashes > self.retries {
            shared.end.failed.push((case, sentence.clone()));
            // Not for good: the next queue tries it again. Here nothing waits for it any longer.
            shared.end(case);
            return Ok(QueueEvent::Failed { case, sentence });
        }
        next.not_before = Instant::now() + after;
        shared.put_back(next);
        Ok(QueueEvent::Again {
            case,
            sentence,
            after,
        })
    }

    /// Where a process's words go until its case is on record.
    fn log(&self, case: usize) -> PathBuf {
        self.study.record_path(case).with_extension("log")
    }

    fn threads_each(&self) -> usize {
        match self.threads {
            0 => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                (cores / self.jobs).max(1)
            }
            threads => threads,
        }
    }
}

impl Shared {
    /// Takes the first case that can be run now.
    fn next(&mut self, study: &Study) -> Result<Option<Waiting>> {
        let now = Instant::now();
        let mut found = None;
        for (index, waiting) in self.waiting.iter().enumerate() {
            // Cases of higher numbers wait for at least as many.
            if study.waits_for(waiting.case)?.end > self.ended_below {
                break;
            }
            if waiting.not_before <= now {
                found = Some(index);
                break;
            }
        }
        Ok(found.and_then(|index| self.waiting.remove(index)))
    }

    fn put_back(&mut self, waiting: Waiting) {
        let place = self
            .waiting
            .partition_point(|other| other.case < waiting.case);
        self.waiting.insert(place, waiting);
    }

    fn end(&mut self, case: usize) {
        self.ended[case] = true;
        while self.ended.get(self.ended_below) == Some(&true) {
            self.ended_below += 1;
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last line that a process wrote, without `error: ` before it.
fn last_line(log: &Path) -> String {
    const MOST: u64 = 4096;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let line = text
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let line = line.trim();
    labbook_records::clean(line.strip_prefix("error: ").unwrap_or(line), 400)
}

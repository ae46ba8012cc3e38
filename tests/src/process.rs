//! A program that the tests start: its words are kept, and it ends with the test, whatever way that ends.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// Lines of a program that are kept: the first and the last words matter.
const MAX_LINES: usize = 20_000;

/// A child in a process group of its own, with a folder for what it leaves behind. Dropping it kills the group and
/// deletes the folder; so does the end of this process, even by SIGKILL: a shell that waits for it sees to that.
pub struct Process {
    child: Child,
    undertaker: Undertaker,
    name: String,
    stdout: Lines,
    stderr: Lines,
    scratch: PathBuf,
}

/// What was printed so far.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<VecDeque<String>>>);

/// Kills a process group once its standard input ends.
struct Undertaker {
    shell: Child,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts `command`; `TMPDIR` points to its folder.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let scratch = new_folder()?;
        command
            .process_group(0)
            .env("TMPDIR", &scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("`{program}` can't be started"))?;
        let undertaker = Undertaker::of(child.id(), &scratch)?;
        let (stdout, stderr) = (Lines::default(), Lines::default());
        stdout.follow(child.stdout.take().expect("it was piped"));
        stderr.follow(child.stderr.take().expect("it was piped"));
        Ok(Self { child, undertaker, name: name.to_owned(), stdout, stderr, scratch })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A folder that goes with it.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// What it wrote to standard output.
    pub fn stdout(&self) -> &Lines {
        &self.stdout
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> &Lines {
        &self.stderr
    }

    /// Waits for a line that `pick` wants, in either output.
    ///
    /// # Errors
    /// It ends before, or takes too long.
    pub async fn says<T>(&mut self, within: Duration, pick: impl Fn(&str) -> Option<T>) -> Result<T> {
        let (stdout, stderr, name) = (self.stdout.clone(), self.stderr.clone(), self.name.clone());
        wait::until(&format!("the first words of {name}"), within, async || {
            if let Some(found) = stdout.find(&pick).or_else(|| stderr.find(&pick)) {
                return Ok(Some(found));
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} ended with {status}: {}{}", stdout.tail(20), stderr.tail(20));
            }
            Ok(None)
        })
        .await
    }

    /// Sends a signal to all that it started, but not to itself.
    ///
    /// # Errors
    /// The kernel does not tell of them.
    pub fn signal_descendants(&self, signal: Signal) -> Result<()> {
        let mut parents = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?;
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            // Gone again, by now.
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
            // After the program's name, which may have anything in it, come the state and the parent.
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<i32>().ok());
            parents.push((process, parent.context("a process without a parent")?));
        }
        let mut family = vec![i32::try_from(self.child.id())?];
        for next in 0.. {
            let Some(&parent) = family.get(next) else { break };
            family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| process));
        }
        for process in family.into_iter().skip(1).filter_map(Pid::from_raw) {
            let _ = kill_process(process, signal);
        }
        Ok(())
    }

    /// Sends SIGTERM and waits for its end.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn stop(&mut self, within: Duration) -> Result<std::process::ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let name = self.name.clone();
        wait::until(&format!("the end of {name}"), within, async || Ok(self.child.try_wait()?)).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.undertaker.begin();
        let _ = self.child.wait();
        self.undertaker.end();
    }
}

/// Waits for the end of its input, kills the group, and deletes the folder once nobody is left to write to it.
const BURY: &str = r#"
cat >/dev/null
kill -s KILL -- "-$1"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -s 0 -- "-$1" 2>/dev/null || break
  sleep 0.1
done
rm -rf -- "$2" || { sleep 0.5; rm -rf -- "$2"; }
"#;

impl Undertaker {
    fn of(group: u32, scratch: &Path) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", BURY, "sh"])
            .arg(group.to_string())
            .arg(scratch)
            // Ctrl-C at a terminal must not end it before its work is done.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("`sh` can't be started")?;
        let stdin = shell.stdin.take();
        Ok(Self { shell, stdin })
    }

    fn begin(&mut self) {
        drop(self.stdin.take());
    }

    fn end(&mut self) {
        let _ = self.shell.wait();
    }
}

impl Lines {
    fn follow(&self, output: impl Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
        });
    }

    /// Adds one.
    pub fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// What `pick` makes of the first line that it wants.
    pub fn find<T>(&self, pick: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find_map(|line| pick(line))
    }

    /// The last `count` lines as one text.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().skip(lines.len().saturating_sub(count)).map(|line| format!("{line}\n")).collect()
    }

    /// All that is kept, as one text.
    pub fn all(&self) -> String {
        self.tail(MAX_LINES)
    }
}

fn new_folder() -> Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("klatch-tests-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    Ok(folder)
}

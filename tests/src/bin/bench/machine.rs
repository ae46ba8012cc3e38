//! What the kernel tells of a process, which core it may use, and who goes first there.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

/// Two cores: one for the server, one for who loads it.
pub struct Cores {
    all: CpuSet,
    server: CpuSet,
    load: CpuSet,
}

impl Cores {
    /// The first and the last that this process may use.
    ///
    /// # Errors
    /// There is only one.
    pub fn split() -> Result<Self> {
        let all = sched_getaffinity(None)?;
        let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
        let (Some(first), Some(last)) = (usable.first(), usable.last()) else { bail!("no core") };
        if first == last {
            bail!("the server and its load need a core each, and there is one");
        }
        Ok(Self { all, server: only(*first), load: only(*last) })
    }

    /// Runs `start` on the server's core: what this thread starts meanwhile stays there.
    ///
    /// # Errors
    /// `start` fails.
    pub async fn for_server<T>(&self, start: impl Future<Output = Result<T>>) -> Result<T> {
        sched_setaffinity(None, &self.server)?;
        let started = start.await;
        sched_setaffinity(None, &self.load)?;
        started
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        let _ = sched_setaffinity(None, &self.all);
    }
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

/// Lets this process, and those it starts, hold `count` files open.
///
/// # Errors
/// That is more than it may.
pub fn allow_files(count: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(count));
    setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum })
        .or_else(|_| setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum: limit.maximum }))
        .with_context(|| format!("{count} open files are not allowed: raise `ulimit -Hn`"))
}

/// Until it is dropped, the thread that made it runs whenever it has something to do, whoever else is on its core; threads and programs
/// that it starts meanwhile are as others.
pub struct First(Pid);

impl First {
    /// Nothing where that is not allowed: then the thread takes its turn.
    pub fn of_all() -> Option<Self> {
        let thread = gettid();
        schedule(thread, &["--reset-on-fork", "--fifo"], 1).then_some(Self(thread))
    }
}

impl Drop for First {
    fn drop(&mut self) {
        schedule(self.0, &["--other"], 0);
    }
}

/// The standard library knows no scheduling classes.
fn schedule(thread: Pid, class: &[&str], priority: u8) -> bool {
    let mut command = Command::new("chrt");
    command.args(class).args(["--pid", &priority.to_string(), &thread.as_raw_nonzero().to_string()]);
    command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// CPU seconds that a process has used so far, all its living threads together.
///
/// # Errors
/// It is gone.
pub fn cpu_seconds(process: u32) -> Result<f64> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let path = thread?.path().join("schedstat");
        let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        nanoseconds += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).context("schedstat")?;
    }
    Ok(nanoseconds as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time() {
        let before = cpu_seconds(std::process::id()).unwrap();
        let spun = (0..2_000_000u64).fold(0, |sum, i| std::hint::black_box(sum ^ i));
        assert!(cpu_seconds(std::process::id()).unwrap() > before, "{spun}");
    }
}

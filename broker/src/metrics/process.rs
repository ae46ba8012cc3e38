//! What the program takes, under the names by which Prometheus knows it of any program. What the system does not tell is left out.

use std::fs;
use std::time::SystemTime;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::text::Text;

pub(super) fn write(text: &mut Text, started: SystemTime) {
    if let Ok(started) = started.duration_since(SystemTime::UNIX_EPOCH) {
        let started = format!("{}.{:03}", started.as_secs(), started.subsec_millis());
        text.gauge("process_start_time_seconds", "When it was started, in seconds since 1970.").value(started);
    }
    if let Some(bytes) = resident_bytes() {
        text.gauge("process_resident_memory_bytes", "Memory that is taken.").value(bytes);
    }
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let used = format!("{}.{:09}", used.tv_sec, used.tv_nsec);
    text.counter("process_cpu_seconds_total", "Time that processors have worked for it.").value(used);
    // The folder itself is open while it is read.
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        text.gauge("process_open_fds", "Files and sockets that are open.").value(files.count().saturating_sub(1));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        text.gauge("process_max_fds", "Files and sockets that may be open.").value(most);
    }
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

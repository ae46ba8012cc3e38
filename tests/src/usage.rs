//! What a running program takes: memory and open files, and whether that grows. Of the standard library alone, since the
//! broker's own tests have this file too, by its path.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// What the memory in use may grow by, in the last third of the time.
const GROWTH: f64 = 1.05;

/// KiB of a process that are in memory.
///
/// # Errors
/// It is gone.
pub fn resident_kib(process: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).ok_or_else(|| unknown("no VmRSS"))
}

/// File descriptors that a process has open.
///
/// # Errors
/// It is gone.
pub fn open_files(process: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

/// All that a process could change of its own memory: what it received lately, holds, and has not yet overwritten.
///
/// # Errors
/// It is gone, or belongs to somebody else.
pub fn memory(process: u32) -> io::Result<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let mut file = File::open(format!("/proc/{process}/mem"))?;
    let mut held = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let range = range.and_then(|(start, end)| Some((address(start)?, address(end)?)));
        let (start, end) = range.ok_or_else(|| unknown("a region without addresses"))?;
        let mut part = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
        // Some regions can't be read; those hold nothing of the program's.
        if file.seek(SeekFrom::Start(start)).is_ok() && file.read_exact(&mut part).is_ok() {
            held.append(&mut part);
        }
    }
    Ok(held)
}

/// Tells of samples that were taken over time, and whether they grow.
///
/// # Errors
/// The median of the last third is more than that of the one before, but for a little; or the samples are too few.
pub fn steady(what: &str, samples: &[f64]) -> Result<(), String> {
    if samples.len() < 9 {
        return Err(format!("{what}: {samples:?} are too few samples"));
    }
    let third = samples.len() / 3;
    let [first, middle, last] = [0, 1, 2].map(|part| median(&samples[part * third..][..third]));
    println!("{what}, {} samples, medians of thirds: {first:.0}, {middle:.0}, {last:.0}", samples.len());
    if last <= middle * GROWTH { Ok(()) } else { Err(format!("{what} grow: {samples:.0?}")) }
}

/// The one in the middle.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn address(hex: &str) -> Option<u64> {
    u64::from_str_radix(hex, 16).ok()
}

fn unknown(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_files() {
        let process = std::process::id();
        assert!(resident_kib(process).unwrap() > 100.0);
        assert!(open_files(process).unwrap() > 2);
    }

    #[test]
    fn memory_shows_what_a_program_holds() {
        let secret: Vec<u8> = b"held".iter().chain(b"here").copied().collect();
        let held = memory(std::process::id()).unwrap();
        let secret = String::from_utf8(std::hint::black_box(secret)).unwrap();
        assert!(String::from_utf8_lossy(&held).contains(&secret));
    }

    #[test]
    fn what_grows_is_not_steady() {
        let level = [9.0, 2.0, 2.0, 2.0, 2.0, 7.0, 2.0, 2.0, 2.1];
        assert!(steady("KiB", &level).is_ok());
        assert!(steady("KiB", &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0]).is_err());
        assert!(steady("KiB", &level[1..]).is_err());
    }
}

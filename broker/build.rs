//! Chooses the page to embed: `../dist` as Trunk left it or, on a checkout where no page was built yet, one that says so. A page has a
//! hash, by which one that was loaded earlier can tell that there is a newer.
//!
//! The page is compressed with brotli here, as the encoder does not search for the number of distances that have codes
//! of their own, nor for the window, which is worth 300 bytes of the module.

use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use brotli::enc::BrotliEncoderParams;
use sha2::{Digest as _, Sha256};

const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Klatch</title>\n\
    <p>This binary was built without its page. Run <code>./build.sh run</code>.</p>\n</html>\n";

fn main() {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let folder = if dist.join("index.html").is_file() {
        println!("cargo::rustc-env=KLATCH_CLIENT={}", client_hash(&dist));
        println!("cargo::rustc-env=KLATCH_FILES={}", names(&dist).join(":"));
        dist.canonicalize().expect("it was there a moment ago")
    } else {
        let folder = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("placeholder");
        fs::create_dir_all(&folder).expect("OUT_DIR can be written to");
        println!("cargo::rustc-env=KLATCH_FILES=index.html");
        fs::write(folder.join("index.html"), PLACEHOLDER).expect("OUT_DIR can be written to");
        folder
    };
    println!("cargo::rustc-env=KLATCH_DIST={}", folder.display());
    println!("cargo::rustc-env=KLATCH_BROTLI={}", compressed(&folder).display());
}

/// The folder with all files that brotli makes smaller (RFC 7932), by the names that they have in `dist`.
fn compressed(dist: &Path) -> PathBuf {
    let folder = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("brotli");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("OUT_DIR can be written to");
    }
    fs::create_dir_all(&folder).expect("OUT_DIR can be written to");
    for file in files(dist) {
        let plain = fs::read(&file).expect("it can be read, to be embedded");
        let small = smallest(&plain);
        if small.len() < plain.len() {
            let small_file = folder.join(file.strip_prefix(dist).expect("it is in there"));
            fs::create_dir_all(small_file.parent().expect("it is in a folder")).expect("OUT_DIR can be written to");
            fs::write(small_file, small).expect("OUT_DIR can be written to");
        }
    }
    folder
}

/// The shortest of what the encoder makes of it, for each number of distances with codes of their own, and for a window that is just too
/// small for the module: one of them is the best, and nobody can say which (RFC 7932 §4, §9.1).
fn smallest(plain: &[u8]) -> Vec<u8> {
    let ways: Vec<_> = [24, 19].iter().flat_map(|window| (0..16).map(|codes| (*window, codes))).collect();
    let compress = |(lgwin, codes)| {
        let mut parameters = BrotliEncoderParams { lgwin, size_hint: plain.len(), ..Default::default() };
        parameters.dist.num_direct_distance_codes = codes;
        let mut small = Vec::new();
        brotli::BrotliCompress(&mut &*plain, &mut small, &parameters).expect("memory takes what is written to it");
        small
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let ways = &ways;
        let some =
            |first| (first..ways.len()).step_by(workers).map(|way| (way, compress(ways[way]))).collect::<Vec<_>>();
        let all: Vec<_> = (0..workers).map(|first| scope.spawn(move || some(first))).collect();
        let all = all.into_iter().flat_map(|one| one.join().expect("it compresses"));
        // Of two that are as short the first, wherever it is built.
        all.min_by_key(|(way, small)| (small.len(), *way)).expect("there are some").1
    })
}

/// The first sixteen digits of a hash over all files, by name. Each name and content is behind its length.
fn client_hash(dist: &Path) -> String {
    let mut files = files(dist);
    files.sort();
    let mut sha256 = Sha256::new();
    for file in files {
        let name = file.strip_prefix(dist).expect("it is in there").to_string_lossy().into_owned();
        for part in [name.into_bytes(), fs::read(&file).expect("it can be read, to be embedded")] {
            sha256.update((part.len() as u64).to_be_bytes());
            sha256.update(part);
        }
    }
    sha256.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// All files as they are called from there, in order.
fn names(dist: &Path) -> Vec<String> {
    let files = files(dist).into_iter();
    let mut names: Vec<_> =
        files.map(|file| file.strip_prefix(dist).expect("it is in there").to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it can be read, to be embedded");
    let paths = entries.map(|entry| entry.expect("it can be read, to be embedded").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

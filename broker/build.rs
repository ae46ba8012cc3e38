//! Chooses the page to embed: `../dist` as Trunk left it or, on a checkout where no page was built yet, one that says so.

use std::path::Path;
use std::{env, fs};

const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Klatch</title>\n\
    <p>This binary was built without its page. Run <code>./build.sh run</code>.</p>\n</html>\n";

fn main() {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let folder = if dist.join("index.html").is_file() {
        dist.canonicalize().expect("it was there a moment ago")
    } else {
        let folder = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("placeholder");
        fs::create_dir_all(&folder).expect("OUT_DIR can be written to");
        fs::write(folder.join("index.html"), PLACEHOLDER).expect("OUT_DIR can be written to");
        folder
    };
    println!("cargo::rustc-env=KLATCH_DIST={}", folder.display());
}

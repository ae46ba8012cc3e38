//! What people paste, and what stands in an address bar.
#![no_main]

use klatch_shared::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzzing::invitation(text));

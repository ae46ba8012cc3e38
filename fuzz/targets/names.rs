//! What people call themselves and their rooms.
#![no_main]

use klatch_shared::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzzing::names(text));

//! What a page sends to the broker, and the broker to a page.
#![no_main]

use klatch_shared::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzzing::frames(text));

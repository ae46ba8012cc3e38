//! A relay with three members, who say whatever they like.
#![no_main]

use klatch_relay::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::play(bytes);
});

//! What comes in at the relay, before anybody knows from whom.
#![no_main]

use klatch_relay::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::parse(bytes));

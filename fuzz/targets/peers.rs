//! What one member tells another: over the data channel, and inside what is sealed for the two.
#![no_main]

use klatch_shared::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::peers(bytes));

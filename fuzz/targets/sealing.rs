//! What a stranger calls sealed, and what a member with the key seals that is no card and no name.
#![no_main]

use klatch_shared::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::sealing(bytes));

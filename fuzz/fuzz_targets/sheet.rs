//! The reader of imported files: whatever bytes come, it finds rows or says in words why there are none, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sala::import::sheet::fuzz(data));

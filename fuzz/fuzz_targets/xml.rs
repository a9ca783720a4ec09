#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| vigie_fuzz::body("xml", body));

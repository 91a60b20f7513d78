#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| labbook_fuzz::tokenizer(bytes));

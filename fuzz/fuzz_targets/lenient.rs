//! The lenient decoder: whatever bytes come, it answers a value or a list of named faults, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use uuid::Uuid;

/// One field of every kind that inputs of the API have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only decoded")]
struct Input {
    room_id: Uuid,
    content: String,
    company_id: i64,
    skip: Option<u32>,
    active: Option<bool>,
    rate: Option<f64>,
    names: Option<Vec<String>>,
    lines: Option<Vec<Line>>,
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only decoded")]
struct Line {
    price: i64,
    inner: Option<Box<Line>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Message,
    Image,
}

fuzz_target!(|data: &[u8]| {
    match sala::http::lenient::decode::<Input>(data) {
        Ok(input) => assert!(!input.content.contains('\0')),
        Err(faults) => assert!(!faults.is_empty()),
    }
});

//! Generates the TypeScript types of the page from the Rust types.

use std::{env, fs};

use crate::typescript;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web/src/api.ts");

#[test]
fn typescript_types() {
    let types = typescript::types(&rollout_trace_viewer::json_schema());
    if env::var_os("UPDATE_API").is_some() {
        fs::write(PATH, &types).unwrap();
    }
    let committed = fs::read_to_string(PATH).unwrap();
    assert!(
        committed == types,
        "web/src/api.ts differs from the Rust types: run the tests of this crate with UPDATE_API=1, and commit it"
    );
}

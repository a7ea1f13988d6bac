//! Bundles of the official producers, where they are at hand, have no problems.

use std::{fs, path::Path};

use rollout_trace_bundle::{Bundle, Evidence, PayloadBuffer, PayloadSource};

#[test]
fn clean_bundles_have_no_problems() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    for suite in ["codex-0.162.1", "codex-0.169.0"] {
        let Ok(folders) = fs::read_dir(cases.join(suite)) else { continue };
        for folder in folders {
            let path = folder.unwrap().path().join("bundle");
            let bundle = Bundle::open(&path).unwrap();
            assert_eq!(bundle.problems(), [], "{}", path.display());
            let mut payloads = bundle.payloads();
            let mut buffer = PayloadBuffer::default();
            for evidence in bundle.events() {
                match evidence {
                    Evidence::Event(located) => located.event.payload.for_each_payload_ref(|reference| {
                        payloads.load(reference, &mut buffer).unwrap();
                        serde_json::from_slice::<serde_json::Value>(buffer.bytes()).unwrap();
                    }),
                    Evidence::Problem(problem) => panic!("{}: {problem}", path.display()),
                }
            }
        }
    }
}

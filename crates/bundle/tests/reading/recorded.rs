//! Bundles of the official producers have no problems.

use std::{env, fs, path::PathBuf};

use rollout_trace_bundle::{Bundle, Evidence, PayloadBuffer, PayloadSource};

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn clean_bundles_have_no_problems() {
    let cases = env::var_os("CONFORMANCE").expect("CONFORMANCE names the folder of the official cases");
    let cases = PathBuf::from(cases);
    for suite in ["codex-0.162.1", "codex-0.169.0"] {
        for folder in fs::read_dir(cases.join(suite)).unwrap() {
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

//! Whole rollouts, each from a file, as the reducer sees them.

mod support;

use std::fs;

#[test]
fn scenarios() {
    insta::glob!("scenarios/*.toml", |path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap();
        let recorded = support::record(&name, &text);
        insta::with_settings!({ filters => support::chance(), omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(recorded.drawing());
        });
    });
}

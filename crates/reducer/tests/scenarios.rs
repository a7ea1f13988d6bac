//! Each scenario is a separate bundle, whose drawing is reviewed like code.

mod support;

#[test]
fn scenarios() {
    insta::glob!("scenarios/*.txt", |path| {
        let text = std::fs::read_to_string(path).expect("a scenario is text");
        let bundle = support::scenario(&text);
        let graph = support::reduce(bundle.path());
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(support::draw(&graph));
        });
    });
}

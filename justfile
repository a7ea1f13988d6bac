# Lists the recipes.
default:
    @just --list --unsorted

# Checks that everything compiles.
check:
    cargo check --workspace --all-targets --locked

# Runs the tests.
test:
    cargo test --workspace --locked

# Runs clippy with warnings denied.
lint:
    .ci/lint

# Formats the code.
fmt:
    cargo fmt --all

# Builds the documentation with warnings denied.
docs:
    .ci/docs

# Measures (docs/benchmarks.md says what).
bench *ARGS:
    cargo bench --workspace --locked --no-fail-fast {{ARGS}}

# Checks each library with every combination of its features and with the oldest compiler that it declares.
features:
    .ci/features

# Checks the dependencies: bans, licenses and sources; `just deny advisories` checks the advisories, too.
deny *ARGS:
    .ci/deny {{ARGS}}

# Makes a benchmark bundle, such as syn300; an unknown name lists the names.
make-bundle NAME DIR:
    cargo run --locked --quiet --release -p rollout-trace-bench-bundles -- {{NAME}} {{DIR}}

# Counts the instructions of recording and reducing (needs valgrind).
instructions:
    .ci/instructions

# Counts the instructions of each question, as shares of reducing (needs valgrind).
question-costs:
    .ci/question-costs

# Holds that doubling a bundle at most doubles the instructions, for hostile shapes (needs valgrind).
cost *SHAPES:
    .ci/cost {{SHAPES}}

# Compares with the official reducers' states, where their cases are at hand.
conformance *ARGS:
    .ci/conformance {{ARGS}}

# Compares bundles and streams of other APIs with what is known of them, where their cases are at hand.
wires:
    .ci/wires

# Imports recorded sessions and compares them with what is known of them, where they are at hand.
imports:
    .ci/imports

# Compares answers with those that are known, where their cases are at hand.
questions *ARGS:
    .ci/questions {{ARGS}}

# Gives exports of all bundles to the real tools, where these are at hand (docs/exports.md).
validators:
    .ci/validators

# Checks the page of the viewer, also in a browser; `just viewer build` builds its committed files anew (needs npm).
viewer *ARGS:
    .ci/viewer {{ARGS}}

# Measures the page of the viewer on bundles, in a browser (docs/benchmarks.md; needs npm and chromium).
measure-page *BUNDLES:
    .ci/viewer measure {{BUNDLES}}

# Checks against Codex itself, which npm installs (docs/codex.md).
codex *ARGS:
    .ci/codex {{ARGS}}

# Holds the arrows between the crates and the recorder's dependencies.
layers:
    cargo test --locked -p rollout-trace-cli --test layers

# Reduces a bundle.
reduce BUNDLE *ARGS:
    cargo run --locked --release -p rollout-trace-cli -- reduce {{BUNDLE}} {{ARGS}}

# Reviews changed snapshots, one by one.
review:
    cargo insta review --workspace

# Runs everything that a change must pass.
ci:
    .ci/run

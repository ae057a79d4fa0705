# What every change must pass: the same as CI.
check:
    .ci/run

# The two JSON Schemas, made from the types.
schema:
    cargo run --quiet -- schema scenario > schemas/scenario.schema.json
    cargo run --quiet -- schema results > schemas/results.schema.json

# The golden files of messages and reports, made anew: read the difference before you commit it.
golden:
    UPDATE=1 cargo test --test mistakes --test report

# The main job.
demo:
    cargo run --release -- run scenarios/quickstart.yaml

# Licences and bans of all dependencies.
deny:
    cargo deny check licenses bans

# Ten minutes of fuzzing RPyC's frames and brine; needs a nightly toolchain and cargo-fuzz.
fuzz:
    cargo +nightly fuzz run --fuzz-dir tests/fuzz rpyc -- -max_total_time=600 -rss_limit_mb=1024 -timeout=10

# root.ping() of our RPyC against the raw exchange of its frames, side by side.
bench:
    cargo bench --bench rpyc_exchange

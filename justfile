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

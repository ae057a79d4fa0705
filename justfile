# What every change must pass: the same as CI.
check:
    .ci/run

# The three JSON Schemas, made from the types.
schema:
    cargo run --quiet -- schema scenario > schemas/scenario.schema.json
    cargo run --quiet -- schema results > schemas/results.schema.json
    cargo run --quiet -- schema view > schemas/view.schema.json

# The golden files of messages and reports, made anew: read the difference before you commit it.
golden:
    UPDATE=1 cargo test --test mistakes --test report

# The main job.
demo:
    cargo run --release -- run scenarios/quickstart.yaml

# Five deliberate faults of the measurement: each must be found by the proof that is named for it.
mutants:
    cargo test --features mutants --test mutants

# What is done to a server on purpose, against what the figures say.
selftest:
    cargo run --release -- selftest

# Licences, bans, sources and advisories of all dependencies.
deny:
    cargo deny check

# Kills, signals, full disks, broken files and bad peers by a seed, about ten minutes; prints what was tried and survived.
chaos times="40":
    CHAOS_TIMES={{times}} cargo test --release --test chaos -- --nocapture

# An hour of libFuzzer over every reader of outside bytes, on stable Rust; `cargo test --test fuzzed` is its short form.
fuzz seconds="190":
    tests/fuzz/run {{seconds}}

# Every transport on every model under both drivers for an hour in all: nothing may grow and no call may be lost.
soak minutes="60":
    cargo bench --bench soak -- --minutes {{minutes}} --out docs/soak.md

# What people download, in target/dist: a static binary with its manual, completions, schemas and licences as a tarball,
# and as a .deb where dpkg-deb is, with checksums. `TARGET=x86_64-unknown-linux-musl just dist` for another C library.
dist:
    packaging/build

# The binary of `just dist` alone in an image, by podman or docker.
container:
    $(command -v podman || command -v docker) build --file packaging/Containerfile --tag engine target/dist/engine-*-linux

# Installs what `just dist` made in an empty Debian, runs it and asks its manual and completions; as root, with debootstrap.
prove-dist folder="/var/tmp/engine-chroot":
    packaging/prove {{folder}}
    rm -rf --one-file-system {{folder}}

# Ours beside wrk, oha, nginx, h2load, iperf3 and raw loops, in one run of about ten minutes on a machine that does
# nothing else; docs/performance.md is made from it. Peers that are not installed are named as missing there.
bench:
    cargo bench --bench performance -- --out docs/performance.json

# Two equal targets, with the cores burnt during half of the first attempts and without: how often a winner is named, and
# how many trials are marked. About two hours, on a machine that does nothing else.
interference *ARGUMENTS:
    cargo bench --bench interference -- {{ARGUMENTS}}

# The reports, the pages of claims and the gallery under docs/, made from the results there.
docs:
    cargo build --release --quiet
    for results in docs/*/results.json docs/own/*/results.json; do \
        [ ! -e "$results" ] || target/release/engine report "$(dirname "$results")" || exit 1; done
    target/release/engine report docs/reference-suite --template templates/claims.md.jinja --out docs
    target/release/engine report docs/cpu-or-io --template templates/claims-cpu-or-io.md.jinja --out docs
    target/release/engine report docs/compression --template templates/claims-compression.md.jinja --out docs
    target/release/engine report docs/reference-suite-lan --template templates/claims-lan.md.jinja --out docs
    cp templates/index.md docs/README.md
    LC_ALL=C; for results in docs/*/results.json; do folder=$(dirname "$results"); \
        target/release/engine report "$folder" --template templates/gallery.md.jinja \
            | sed "s|FOLDER|$(basename "$folder")|g" >> docs/README.md; \
    done
    cargo bench --quiet --bench performance -- --page docs/performance.json

# The results under docs/ measured anew, on a machine that does nothing else; exit 1 says that a cell failed,
# which the suite's largest file within the suite's own time-out may.
remeasure: && docs
    cargo build --release --quiet
    for name in quickstart rpyc-vs-http reference-suite where-the-time-goes compression cpu-or-io transports \
        server-models connection-churn what-tls-costs chunk-size what-a-fork-costs capacity near-and-far loss reference-suite-lan; do \
        target/release/engine run "scenarios/$name.yaml" --out "docs/$name" --replace || test $? -eq 1 || exit; \
    done
    for name in two-hosts; do \
        tests/network/between target/release/engine run "scenarios/$name.yaml" --out "docs/$name" --replace || exit; \
    done

# The results of the example services under docs/own/ measured anew: needs redis-server, nginx and caddy beside what
# scenarios/own/requirements.txt names. About a minute each, on a machine that does nothing else.
remeasure-own: && docs
    cargo build --release --quiet
    [ -e scenarios/own/.venv ] || python3 -m venv scenarios/own/.venv
    scenarios/own/.venv/bin/pip install --quiet -r scenarios/own/requirements.txt
    for name in shop orders lab portal redis files; do \
        target/release/engine run "scenarios/own/$name.yaml" --out "docs/own/$name" --replace || test $? -eq 1 || exit; \
    done

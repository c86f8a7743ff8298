#!/bin/sh
# Every measure as one table. Builds the static release binary and its yardstick where musl-gcc is
# there, else those of the host. Takes about three minutes once built; traffic on loopback alone.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
target=$(rustc -vV | sed -n 's/^host: //p')
! command -v musl-gcc >/dev/null || target=x86_64-unknown-linux-musl

program() { # NAME, from cargo's messages
    sed -n 's/.*"name":"'"$1"'".*"executable":"\([^"]*\)".*/\1/p'
}

sidebox=$($cargo build --release --quiet --target "$target" --bin sidebox --message-format json | program sidebox)
empty=$($cargo build --release --quiet --target "$target" --bench empty --message-format json | program empty)
load=$($cargo build --quiet --profile gate --bench load --message-format json | program load)

echo "Built for $target, $(wc -c <"$sidebox") bytes; the log goes to /dev/null."
echo
printf '| measure | figure | must reach | reached |\n|---|---|---|---|\n'
status=0
./benches/gate.sh rows || status=1
# As in the image.
while IFS= read -r variable; do export "$variable"; done <<END
$(sed -n 's/^ENV \(MIMALLOC_.*\)/\1/p' images/sidebox.Dockerfile)
END
"$load" "$sidebox" "$empty" || status=1
exit "$status"

#!/bin/sh
# Instructions for one answer, relative to parsing the uid alone: they repeat exactly on one machine,
# so they may fail a test run. Each limit stands a little above what was measured; the first is
# also the promise of the documentation.
set -eu
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
    echo "benches/gate.sh: valgrind is missing, which counts instructions (apt-get install valgrind)" >&2
    exit 1
fi

work=$("${CARGO:-cargo}" build --quiet --profile gate --bench work --message-format json |
    sed -n 's/.*"name":"work".*"executable":"\([^"]*\)".*/\1/p')
[ -x "$work" ] || { echo "benches/gate.sh: the build made no program" >&2; exit 1; }

[ "${1:-}" != build ] || exit 0

instructions() { # KIND FILE TIMES
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$work" "$1" "benches/data/$2.json" "$3" 2>&1 >/dev/null |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# What starting and ending the program takes is in both counts and falls out of their difference.
once() { # KIND FILE
    few=$(instructions "$1" "$2" 10)
    many=$(instructions "$1" "$2" 110)
    [ -n "$few" ] && [ -n "$many" ] || { echo "benches/gate.sh: valgrind counted nothing" >&2; exit 1; }
    echo $(((many - few) / 100))
}

failed=0
row() { # WHAT KIND FILE LIMIT
    own=$(once "$2" "$3")
    uid=$(once uid "$3")
    awk -v what="$1" -v own="$own" -v uid="$uid" -v limit="$4" 'BEGIN {
        reached = limit == "shown" || own <= limit * uid
        printf "| instructions, %s | %.2f (%d / %d) | %s | %s |\n", what, own / uid, own, uid,
            limit == "shown" ? "shown" : "≤ " limit, limit == "shown" ? "" : reached ? "yes" : "**no**"
        exit !reached
    }' || failed=1
}

[ "${1:-}" = rows ] || printf '| measure | relative to the yardstick | must reach | reached |\n|---|---|---|---|\n'
row "typical 7 KB Pod" answer typical 2.2
row "skip" answer skip 1.15
row "54 KB" answer large 1.7
[ "${1:-}" != rows ] || row "whole JSON value, changed and compared" typed typical shown
[ "$failed" = 0 ] || echo "benches/gate.sh: an answer takes more instructions than allowed" >&2
exit "$failed"

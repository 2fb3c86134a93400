#!/bin/bash
# Every option of a command stands in its man page, and the page has no others.
set -euo pipefail

wrong=0
for page in "$ZFABRIC_SOURCE"/man/zfabric-*.1.scd; do
    command=$(basename "$page" .1.scd)
    command=${command#zfabric-}
    help=$("$ZFABRIC" "$command" --help | sed -n 's/^ \{2,6\}\(-., \)\?--\([a-z-]*\).*/\2/p' | sort)
    man=$(sed -n 's/^\(\*-.\*, \)\?\*--\([a-z-]*\)\*.*/\2/p' "$page" | sort)
    if ! diff <(echo "$help") <(echo "$man") > /dev/null; then
        echo "$command: the help (<) and the man page (>) differ:"
        diff <(echo "$help") <(echo "$man") || true
        wrong=1
    fi
done
exit "$wrong"

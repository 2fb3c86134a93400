#!/bin/bash
# What bash offers behind `zfabric` and Tab.
set -euo pipefail
source "$ZFABRIC_SOURCE/packaging/completion.bash"
wrong=0

# offers EXPECTED WORD...: the last word is the one that is being typed.
offers() {
    local expected=$1
    COMP_WORDS=("$ZFABRIC" "${@:2}")
    COMP_CWORD=$(($# - 1))
    _zfabric
    if [[ ${COMPREPLY[*]} != "$expected" ]]; then
        echo "zfabric ${*:2}: offers ${COMPREPLY[*]}, not $expected"
        wrong=1
    fi
}

offers 'broker' bro
offers '--help' --he
offers '--queue --queue-wait' broker --queue
offers '--listen' broker --serve ipc:///tmp/x --li
offers 'json msgpack' run --codec ''
offers 'msgpack' run --codec m
offers '' nonsense --
cd "$ZFABRIC_SOURCE"
offers 'README.md' run p --file READ
all=$("$ZFABRIC" worker --help | grep -cE '^ {2,6}(-., )?--')
COMP_WORDS=("$ZFABRIC" worker --) COMP_CWORD=2
_zfabric
[[ ${#COMPREPLY[@]} -eq $all ]] || { echo "${#COMPREPLY[@]} of the worker's $all options"; wrong=1; }
exit "$wrong"

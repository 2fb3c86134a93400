#!/bin/bash
# An alarm that never rings is no alarm: each planted fault must be reported, and a program without
# one must not. Arguments: the program, the fault, the words that the report has.
set -uo pipefail
program=$1 fault=$2 words=$3
if [[ $ZFABRIC_SANITIZE == *thread* ]]; then
    # What the test preset says, where this is run without it.
    export TSAN_OPTIONS=${TSAN_OPTIONS:-ignore_noninstrumented_modules=1:halt_on_error=1}
fi

"$program" none || { echo "a program without a fault ended with $?"; exit 1; }
report=$("$program" "$fault" 2>&1)
status=$?
echo "$report"
[[ $status -ne 0 ]] || { echo "the planted $fault did not end the program"; exit 1; }
[[ $report == *"$words"* ]] || { echo "the planted $fault was not reported as: $words"; exit 1; }

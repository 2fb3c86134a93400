#!/bin/bash
# The sources look as .clang-format says. Only clang-format 14 is asked: others see it differently.
set -euo pipefail
cd "${ZFABRIC_SOURCE:-$(dirname "$0")/../..}"

for format in clang-format-14 clang-format; do
    if "$format" --version 2> /dev/null | grep -q 'version 14\.'; then
        mapfile -t files < <(find fabric codec broker worker client transports cli bench examples tests \
            -name '*.[ch]' -not -path '*/build/*' 2> /dev/null | sort)
        echo "${#files[@]} files"
        wrong=$("$format" --dry-run -Werror "${files[@]}" 2>&1 | grep -F ': error:' | cut -d: -f1 | uniq -c) || true
        [[ -z $wrong ]] && exit 0
        echo "$wrong" | sed 's/^ *\([0-9]*\) \(.*\)/\2: \1 places are not as .clang-format says/'
        echo "$format -i mends them"
        exit 1
    fi
done
echo "SKIPPED: no clang-format 14 here; apt-get install clang-format-14"
exit 77

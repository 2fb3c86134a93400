#!/bin/bash
# Makes the Debian packages as `cmake --workflow --preset package` does, in a folder of this build's,
# where they stay for the other tests. Argument: the folder.
set -euo pipefail
folder=$1
log=$folder.log

run() {
    "$@" > "$log" 2>&1 || {
        tail -n 60 "$log"
        exit 1
    }
}

rm -f "$folder"/*.deb
run cmake -S "$ZFABRIC_SOURCE" --preset package -B "$folder"
run cmake --build "$folder"
cd "$folder"
run cpack -G DEB
if grep -i warning "$log"; then
    echo "cpack warned"
    exit 1
fi
ls ./*.deb
[[ $(ls ./*.deb | wc -l) -eq 4 ]]

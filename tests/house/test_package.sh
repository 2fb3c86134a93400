#!/bin/bash
# What is installed can be used, wherever it is moved to afterwards: a program outside of the tree is
# built and run by find_package () and by pkg-config. Arguments: the C compiler; shared or static. The static one is built here, without
# the tests and the command.
set -euo pipefail
compiler=$1 kind=$2
consumer=$ZFABRIC_SOURCE/tests/house/consumer
scratch=$(mktemp -d "${TMPDIR:-/tmp}/zf-package-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix

if [[ $kind == static ]]; then
    cmake -S "$ZFABRIC_SOURCE" -B "$scratch/build" -G Ninja -DCMAKE_C_COMPILER="$compiler" \
        -DBUILD_SHARED_LIBS=OFF -DZFABRIC_TESTS=OFF -DCMAKE_INSTALL_PREFIX="$prefix" > "$scratch/log"
    cmake --build "$scratch/build" >> "$scratch/log"
    cmake --install "$scratch/build" >> "$scratch/log"
else
    cmake --install "$ZFABRIC_BUILD" --prefix "$prefix" > "$scratch/log"
fi
mv "$prefix" "$scratch/moved"
prefix=$scratch/moved
(cd "$prefix" && find . -type f | sort)
library_folder=$(dirname "$(find "$prefix" -name 'libzfabric.*' -print -quit)")
export LD_LIBRARY_PATH=$library_folder PKG_CONFIG_PATH=$library_folder/pkgconfig

echo "by find_package:"
cmake -S "$consumer" -B "$scratch/consumer" -G Ninja -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$prefix" > "$scratch/log" || { cat "$scratch/log"; exit 1; }
cmake --build "$scratch/consumer" > "$scratch/log" || { cat "$scratch/log"; exit 1; }
"$scratch/consumer/consumer"

echo "by pkg-config:"
read -ra flags < <(pkg-config --cflags --libs libzfabric)
"$compiler" -std=c17 -o "$scratch/direct" "$consumer/consumer.c" "${flags[@]}"
"$scratch/direct"

echo "the command:"
"$prefix/bin/zfabric" version

#!/bin/bash
# The life of the packages, in a small Debian of its own without a network (small_root.py): installed,
# installed again, used by others than root, upgraded over a changed configuration, removed, installed
# once more, and purged, which leaves nothing. Arguments: their folder, the C compiler.
set -euo pipefail
folder=$1 compiler=$2
here=$(dirname "$0")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/zf-life-XXXXXX")
root=$scratch/root
unit=zfabric-broker.service
links=etc/systemd/system
started=()

finish() {
    local pid
    for pid in "${started[@]}"; do
        kill -TERM "$pid" 2> /dev/null || true
    done
    for pid in "${started[@]}"; do
        wait "$pid" || true
    done
    rm -rf "$scratch"
}
trap finish EXIT

fail() {
    echo "wrong: $*"
    exit 1
}

if [[ $(id -u) -ne 0 ]]; then
    echo "skipped: only root can chroot"
    exit 77
fi

step() {
    echo "== $*"
}

# dpkg's own words are shown if it fails, or warns.
dpkg_there() {
    dpkg --root="$root" --force-confold "$@" > "$scratch/dpkg.log" 2>&1 < /dev/null || {
        cat "$scratch/dpkg.log"
        fail "dpkg $*"
    }
    if grep -i 'warning' "$scratch/dpkg.log"; then
        fail "dpkg $* warned"
    fi
    [[ -z $(dpkg --root="$root" --audit) ]] || fail "dpkg --audit: $(dpkg --root="$root" --audit)"
}

status() {
    dpkg-query --root="$root" -W -f '${db:Status-Status}' "$1" 2> /dev/null || true
}

# Everything that is there, but for what dpkg and ldconfig keep for themselves, backups and logs.
picture() {
    (cd "$root" && find . \( -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache/ldconfig \
        -o -path ./tmp \) -prune -o ! -name '*-' -printf '%p %M %U:%G %l\n' | sort
        cat etc/passwd etc/group
        find etc ! -name '*-' ! -name ld.so.cache ! -name '.pwd.lock' -type f -exec sha256sum {} + |
            sort -k 2) | grep -v '^\./etc/\.pwd\.lock '
}

as_user() {
    chroot --userspec="$1" "$root" "${@:2}"
}

wait_for() {
    local i
    for ((i = 0; i < 1500; i++)); do
        ! grep -q "$1" "$2" || return 0
        sleep 0.02
    done
    cat "$2"
    fail "no $1"
}

step "a small Debian"
mkdir "$root"
/usr/bin/python3 "$here/small_root.py" "$root" "$folder"/*.deb
dpkg_there --configure -a
picture > "$scratch/before"

step "installed, and installed again over itself"
dpkg_there -i "$folder"/*.deb
dpkg_there -i "$folder"/*.deb
for package in zfabric zfabric-broker libzfabric0 libzfabric-dev; do
    [[ $(status $package) == installed ]] || fail "$package is $(status $package)"
    [[ -z $(dpkg --root="$root" --verify $package) ]] || fail "$package: $(dpkg --root="$root" --verify $package)"
    for file in copyright changelog.Debian.gz changelog.gz; do
        [[ -s $root/usr/share/doc/$package/$file ]] || fail "$package has no $file"
    done
done
[[ -L $root/$links/multi-user.target.wants/$unit ]] || fail "the service is not enabled"
account=$(grep '^zfabric:' "$root/etc/passwd") || fail "there is no user"
[[ $account == *:/var/lib/zfabric:/usr/sbin/nologin ]] || fail "$account"
[[ $(grep -c '^zfabric:' "$root/etc/group") -eq 1 ]] || fail "no group"
[[ $(cut -d: -f3 <<< "$account") -lt 1000 ]] || fail "not a system's user: $account"
# Each by itself: what another of ours brings along does not count.
for binary in "$root/usr/bin/zfabric" "$root"/usr/lib/*/libzfabric.so.*.*; do
    package=$(dpkg --root="$root" -S "${binary#"$root"}" | cut -d: -f1)
    depends=$(dpkg-query --root="$root" -W -f '${Depends}' "$package")
    for library in $(objdump -p "$binary" | awk '$1 == "NEEDED" { print $2 }'); do
        owner=$(dpkg --root="$root" -S "*/$library" | head -n 1 | cut -d: -f1)
        [[ ", $depends" == *", $owner "* ]] || fail "$package needs $library, and does not depend on $owner"
    done
done
if find "$root/usr/share/man" -type f ! -name '*.gz' | grep .; then
    fail "manual pages that are not compressed"
fi

step "a broker as its unit starts it, by its own user; members of its group may come, others not"
install -d -o "$(cut -d: -f3 <<< "$account")" -g "$(cut -d: -f4 <<< "$account")" -m 750 "$root/run/zfabric"
sed -i 's/^\(serve\|listen\) = tcp:.*//' "$root/etc/zfabric/broker.conf" # ports are everybody's here
command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/$unit")
(umask 0007 && exec chroot --userspec=zfabric:zfabric "$root" $command) > "$scratch/broker" 2>&1 &
started+=($!)
wait_for '^ready' "$scratch/broker"
chroot --userspec=zfabric:zfabric "$root" zfabric worker -b ipc:///run/zfabric/workers \
    --run 'shout=tr a-z A-Z' > "$scratch/worker" 2>&1 &
started+=($!)
wait_for '^ready' "$scratch/worker"
said=$(as_user nobody:zfabric zfabric run -b ipc:///run/zfabric/clients shout '"hello"')
[[ $said == '"HELLO"' ]] || fail "it said $said"
if as_user nobody:nogroup zfabric run -b ipc:///run/zfabric/clients shout '"hello"' > /dev/null 2>&1; then
    fail "a stranger got in"
fi

step "a program is built with what is there, and runs there"
libraries=$(dirname "$(find "$root/usr/lib" -name libzfabric.so)")
read -ra flags < <(PKG_CONFIG_LIBDIR=$libraries/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
    pkg-config --cflags --libs libzfabric)
"$compiler" -std=c17 "$ZFABRIC_SOURCE/tests/house/consumer/consumer.c" -o "$root/tmp/consumer" \
    "${flags[@]}" -Wl,--allow-shlib-undefined
as_user nobody:nogroup /tmp/consumer

kill -TERM "${started[@]}"
for pid in "${started[@]}"; do
    wait "$pid" || fail "the worker or the broker did not end well"
done
started=()

step "upgraded: what the administrator has written and decided stays"
echo 'queue = 5' >> "$root/etc/zfabric/broker.conf"
systemctl -q --root="$root" disable $unit
for package in "$folder"/*.deb; do
    name=$(basename "$package" .deb)
    dpkg-deb -R "$package" "$scratch/$name"
    version=$(dpkg-deb -f "$package" Version)
    sed -i "s/$version/$version+next/" "$scratch/$name/DEBIAN/control"
    if [[ -d $scratch/$name/etc ]]; then
        echo '# new here' >> "$scratch/$name/etc/zfabric/broker.conf"
    fi
    dpkg-deb --root-owner-group -b "$scratch/$name" "$scratch/$name+next.deb" > /dev/null
done
dpkg_there -i "$scratch"/*+next.deb
[[ $(dpkg-query --root="$root" -W -f '${Version}' zfabric-broker) == *+next ]] || fail "it is the old one"
grep -q '^queue = 5$' "$root/etc/zfabric/broker.conf" || fail "the configuration was overwritten"
[[ ! -e $root/$links/multi-user.target.wants/$unit ]] || fail "the service was enabled again"
systemctl -q --root="$root" enable $unit

step "removed: the configuration stays"
mkdir -p "$root/var/lib/zfabric" && touch "$root/var/lib/zfabric/zfabric-1-1.recording"
dpkg_there --remove zfabric-broker libzfabric-dev
[[ $(status zfabric-broker) == config-files ]] || fail "zfabric-broker is $(status zfabric-broker)"
[[ -f $root/etc/zfabric/broker.conf && ! -e $root/usr/lib/systemd/system/$unit ]] || fail "what is left"
chroot "$root" zfabric version > /dev/null
dpkg_there -i "$scratch"/*+next.deb
[[ $(readlink "$root/$links/$unit") != /dev/null ]] || fail "the service is still masked"
[[ -L $root/$links/multi-user.target.wants/$unit ]] || fail "the service is not enabled any more"
grep -q '^queue = 5$' "$root/etc/zfabric/broker.conf" || fail "the configuration is lost"

step "purged: nothing is left"
rm -rf "$root/run/zfabric" "$root/etc/zfabric/broker.conf.dpkg-dist"
dpkg_there --remove zfabric-broker
dpkg_there --purge zfabric-broker zfabric libzfabric-dev libzfabric0
picture > "$scratch/after"
diff "$scratch/before" "$scratch/after" || fail "the purge left or took something"
echo "as before"

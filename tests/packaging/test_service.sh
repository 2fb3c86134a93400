#!/bin/bash
# The broker as systemd runs it, inside of everything that its unit shuts it in: systemd is started in
# a small Debian (small_root.py, boot.sh) with the packages installed. Skipped where that can't be
# done: without root, namespaces, or cgroups to mount. Argument: the packages' folder.
set -euo pipefail
folder=$1
here=$(dirname "$0")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/zf-service-XXXXXX")
root=$scratch/root
unit=zfabric-broker.service
outer= first=

finish() {
    [[ -z $outer ]] || kill -KILL "$outer" 2> /dev/null || true
    [[ -z $outer ]] || wait "$outer" 2> /dev/null || true
    rm -rf --one-file-system "$scratch"
}
trap finish EXIT

fail() {
    echo "wrong: $*"
    [[ -z $first ]] || inside journalctl --no-pager -n 20 || true
    exit 1
}

inside() {
    nsenter -t "$first" -m -p -n -u -i -C -r "$@"
}

# eventually SECONDS COMMAND...
eventually() {
    local end=$((SECONDS + $1))
    until "${@:2}"; do
        [[ $SECONDS -lt $end ]] || fail "not in $1 s: ${*:2}"
        kill -0 "$outer" 2> /dev/null || fail "systemd has ended: $(cat "$scratch/boot.log")"
        sleep 0.05
    done
}

property() {
    inside systemctl show --value -p "$1" $unit 2> /dev/null
}

is() {
    [[ $(property "$1") == "$2" ]]
}

spaces=(--mount --pid --fork --kill-child --net --uts --ipc --cgroup)
mkdir "$root"
if [[ $(id -u) -ne 0 ]] || ! unshare "${spaces[@]}" mount -t cgroup2 cgroup2 "$root" 2> /dev/null; then
    echo "skipped: no namespaces and cgroups for us here"
    exit 77
fi
/usr/bin/python3 "$here/small_root.py" "$root" "$folder"/*.deb
dpkg --root="$root" -i "$folder"/*.deb > "$scratch/dpkg.log" 2>&1 || fail "$(cat "$scratch/dpkg.log")"

unshare "${spaces[@]}" bash "$here/boot.sh" "$root" $unit > "$scratch/boot.log" 2>&1 &
outer=$!
has_first() {
    first=$(pgrep -P "$outer") && [[ $(tr '\0' ' ' < "/proc/$first/cmdline") == /lib/systemd/systemd* ]]
}
eventually 20 has_first
eventually 20 is ActiveState active
[[ $(property NRestarts) == 0 ]] || fail "it was restarted"

echo "== it serves, over tcp and ipc"
inside zfabric run '$ping'
inside zfabric run -b ipc:///run/zfabric/clients '$ping'

echo "== it is shut in"
pid=$(property MainPID)
state=$(inside cat "/proc/$pid/status")
echo "$state" | grep -E '^(Uid|CapBnd|NoNewPrivs|Seccomp):'
for line in $'NoNewPrivs:\t1' $'Seccomp:\t2' $'CapBnd:\t0000000000000000'; do
    grep -qx "$line" <<< "$state" || fail "not $line"
done
[[ $(inside stat -c %U "/proc/$pid") == zfabric ]] || fail "whose is it"
# systemd gives as many descriptors as itself may have, where those are fewer.
most=$(inside sh -c 'ulimit -Hn')
descriptors=$((most < 65536 ? most : 65536))
limits=$(inside cat "/proc/$pid/limits")
grep -q "^Max open files *$descriptors *$descriptors " <<< "$limits" || fail "$limits"
is MemoryMax $((2 << 30)) || fail "memory: $(property MemoryMax)"
limit=/sys/fs/cgroup/system.slice/$unit/memory.max # if the kernel's memory is in this tree
if inside test -e "$limit"; then
    [[ $(inside cat "$limit") == $((2 << 30)) ]] || fail "memory: $(inside cat "$limit")"
fi
[[ $(inside stat -c '%a %U:%G' /run/zfabric) == '750 zfabric:zfabric' ]] || fail "/run/zfabric"

echo "== it writes recordings, and is started again when it dies"
recordings() {
    [[ -n $(inside find /var/lib/zfabric -name 'zfabric-*.recording') ]]
}
inside systemctl kill -s USR2 $unit
eventually 20 recordings
inside systemctl kill -s KILL $unit
restarted() {
    [[ $(property NRestarts) -gt 0 ]] && is ActiveState active
}
eventually 20 restarted
inside zfabric run '$ping'

echo "== it stops in order"
inside systemctl stop $unit
is Result success || fail "$(property Result)"
is ExecMainStatus 0 || fail "status $(property ExecMainStatus)"

echo "== it serves with keys, and a certificate that is taken away counts at once"
inside sh -ec 'cd /etc/zfabric
    mkdir authorized
    zfabric keygen broker > /dev/null
    chown zfabric broker.cert_secret
    zfabric keygen /root/alice --role client > /dev/null
    cp /root/alice.cert authorized/
    printf "curve = /etc/zfabric/broker.cert_secret\nauthorized = /etc/zfabric/authorized\n" >> broker.conf'
inside systemctl start $unit || fail "it does not start with keys"
alice() {
    inside zfabric run --curve /root/alice.cert_secret --server-key /etc/zfabric/broker.cert '$ping'
}
alice
inside rm /etc/zfabric/authorized/alice.cert
refused() {
    ! alice > /dev/null 2>&1
}
eventually 20 refused
inside systemctl stop $unit

echo "== a bad option stays bad"
inside sh -c 'echo nonsense = 1 >> /etc/zfabric/broker.conf'
! inside systemctl start $unit 2> /dev/null || fail "it has started"
is ActiveState failed || fail "it is tried again: $(property ActiveState)"

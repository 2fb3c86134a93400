#!/bin/bash
# Makes a folder the root of new namespaces and starts systemd in it, as the first process: `unshare`
# has been called for mounts, processes, network, names, IPC and cgroups. Arguments: the folder, the
# unit to start.
set -e
root=$1 unit=$2

mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mkdir -p proc sys old
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
mkdir dev/shm dev/pts dev/mqueue
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
ln -s pts/ptmx dev/ptmx
touch etc/machine-id
ip link set lo up
pivot_root . old
cd /
umount -l /old
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit="$unit" --show-status=no

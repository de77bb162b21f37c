#!/bin/sh
# enter.sh LOWER CHANGES UID DIRECTORY COMMAND…: runs a command as a user of the system whose files lie in LOWER; what
# it changes goes to CHANGES. To be called by root, as the first process of new mount and PID namespaces.
#
# The root is changed by pivot_root: behind a chroot the kernel refuses user namespaces to everybody.
set -eu
lower=$1 changes=$2 uid=$3 directory=$4
shift 4

mkdir -p "$changes/upper" "$changes/work" "$changes/root"
root=$changes/root
mount -t overlay -o "lowerdir=$lower,upperdir=$changes/upper,workdir=$changes/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero full random urandom tty; do
    : > "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
# What a host resolves names by; a link in some systems.
cat /etc/resolv.conf > "$changes/resolv.conf"
rm -f "$root/etc/resolv.conf"
cp "$changes/resolv.conf" "$root/etc/resolv.conf"
# An installer writes it, mmdebstrap does not.
[ -e "$root/etc/hosts" ] || echo '127.0.0.1 localhost' > "$root/etc/hosts"

cd "$root"
mkdir -p old
pivot_root . old
umount -l old
rmdir old
cd "$directory"
# Not by exec: the shell stays the first process, and takes all others along when it ends.
if [ "$uid" = 0 ]; then
    "$@"
else
    setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
fi

# Runs in fresh namespaces: puts a root together and becomes its first process.
# LOWER: what is read; SCRATCH: an empty folder; UPPER, WORK: where writes go (default: memory);
# INIT: systemd or idle; TARGET: the folder with packages and staged files.
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$SCRATCH"
root=$SCRATCH/root
mkdir -p "$root" "${UPPER:=$SCRATCH/upper}" "${WORK:=$SCRATCH/work}"
mount -t overlay -o "lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/run/target"
mount --bind -o ro "$TARGET" "$root/run/target"
case $INIT in
systemd)
    # One hierarchy, whatever the machine outside has.
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    ip link set lo up
    hostname mx.example.test
    ;;
idle)
    cat /etc/resolv.conf >"$root/etc/resolv.conf"
    ;;
esac
cd "$root"
mkdir -p run/old
pivot_root . run/old
umount -l /run/old
rmdir /run/old
echo ready
case $INIT in
systemd)
    # Its own messages go to the journal once that is there.
    exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --show-status=false </dev/null >/dev/null 2>&1
    ;;
idle) exec sleep infinity </dev/null >/dev/null 2>&1 ;;
esac

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The power supply of one lab node. `boot.sh power` runs one boot after the other, for as long as the node
# asks for a reboot; the other verbs are the stages of one boot, each one namespace deeper. node.py starts it
# with
#
#   NODE    the node's directory: upper, work, wire.ip, plug.ip, unplug.ip; pid is written here
#   LOWER   overlayfs lower layers, topmost first
#   CGROUP  the node's own cgroup
#   SWITCH  name of the network namespace that holds the other ends of the node's cables
#   HOST    the node's host name
#   TTY     what stands behind the node's /dev/ttyS0, or nothing
#   BEYOND  the capabilities that no process of a node may have, for setpriv
set -eu

case $1 in
power)
        while :; do
                rc=0
                unshare --fork --kill-child --pid --mount --uts --ipc --net "$0" wire || rc=$?
                # A pid namespace's init ends with SIGHUP by a reboot, SIGINT by power-off, SIGKILL by death
                [ "$rc" -eq 129 ] || exit 0
        done
        ;;

wire)
        # A cable that outlived its node would still hold the switch port.
        ip -force -n "$SWITCH" -batch "$NODE/unplug.ip" 2>/dev/null || :
        ip -batch "$NODE/wire.ip"
        ip -n "$SWITCH" -batch "$NODE/plug.ip"
        # Enter the cgroup from inside the pid namespace; only then make it the root of what the node sees.
        echo 0 >"$CGROUP/cgroup.procs"
        exec unshare --cgroup "$0" root
        ;;

root)
        # /proc is still the host's: this is our pid as the host counts, and exec keeps it.
        read -r pid _ </proc/self/stat
        echo "$pid" >"$NODE/pid.new"
        mv "$NODE/pid.new" "$NODE/pid"

        root=$NODE/root
        mkdir -p "$root"
        # The mount of the last boot goes away with the last of its processes, which may take a moment.
        n=0
        until mount -t overlay -o "lowerdir=$LOWER,upperdir=$NODE/upper,workdir=$NODE/work" overlay "$root"
        do
                n=$((n + 1))
                [ "$n" -lt 50 ] || exit 1
                sleep 0.1
        done

        mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
        # The host's own settings are out of reach, the node's network settings are its own.
        mount --bind "$root/proc/sys" "$root/proc/sys"
        mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
        mount -o remount,bind,ro "$root/proc/sys"
        if [ -e "$root/proc/sysrq-trigger" ]; then
                mount --bind "$root/proc/sysrq-trigger" "$root/proc/sysrq-trigger"
                mount -o remount,bind,ro "$root/proc/sysrq-trigger"
        fi
        mount -t sysfs -o nosuid,nodev,noexec,ro sysfs "$root/sys"
        # The host's console may be on its ttyS0; the node's ttyS0 is another.
        : >"$NODE/console"
        mount --bind "$NODE/console" "$root/sys/class/tty/console/active"
        mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 "$root/sys/fs/cgroup"
        mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
        mkdir -p "$root/run/lock" "$root/run/systemd"
        echo lab >"$root/run/systemd/container"

        mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
        while read -r name major minor; do
                mknod -m 666 "$root/dev/$name" c "$major" "$minor"
        done <<-EOF
		null 1 3
		zero 1 5
		full 1 7
		random 1 8
		urandom 1 9
		tty 5 0
	EOF
        mkdir "$root/dev/pts" "$root/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
        mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
        ln -s pts/ptmx "$root/dev/ptmx"
        ln -s /proc/self/fd "$root/dev/fd"
        ln -s fd/0 "$root/dev/stdin"
        ln -s fd/1 "$root/dev/stdout"
        ln -s fd/2 "$root/dev/stderr"
        if [ -n "$TTY" ]; then
                : >"$root/dev/ttyS0"
                mount --bind "$TTY" "$root/dev/ttyS0"
                chgrp 20 "$root/dev/ttyS0"        # dialout, the same number on every Debian
                chmod 660 "$root/dev/ttyS0"
        fi

        mkdir -p "$root/.old"
        cd "$root"
        pivot_root . .old
        umount -l /.old
        hostname "$HOST"
        # Without shared propagation systemd 252 hands its services empty credential folders.
        mount --make-rshared /
        exec env -i container=lab TERM=dumb \
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                setpriv --bounding-set="$BEYOND" \
                /lib/systemd/systemd --log-target=journal --show-status=0
        ;;

*)
        echo "boot.sh: no such stage: $1" >&2
        exit 2
        ;;
esac

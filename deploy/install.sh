#!/bin/sh
# Installs Dovetail from its sources, or from what `cargo xtask stage` laid out; run again it upgrades
# in place; --uninstall takes everything out again but mail.
#
#   deploy/install.sh [--from DIR] [--prefix /usr/local] [--destdir DIR] [--dev]
#   deploy/install.sh --uninstall [--keep-config] [--prefix …] [--destdir …]
#
# With --destdir it places files and nothing else: no users, no systemd.
# Configuration that is there is never overwritten; what this version would bring lies beside it as
# NAME.toml.new where the two differ.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
from= profile=release uninstall=no keep=no
while [ $# -gt 0 ]; do
    case "$1" in
    --from) from=$2; shift ;;
    --prefix) prefix=$2; shift ;;
    --destdir) destdir=$2; shift ;;
    --dev) profile=dev ;;
    --uninstall) uninstall=yes ;;
    --keep-config) keep=yes ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "install.sh: unknown argument $1; see --help" >&2; exit 64 ;;
    esac
    shift
done
case "$prefix" in
/*) prefix=${prefix%/} ;;
*) echo "install.sh: --prefix must be an absolute path" >&2; exit 64 ;;
esac
record=$prefix/share/dovetail/installed
live=no
if [ -z "$destdir" ]; then
    live=yes
    [ "$(id -u)" = 0 ] || { echo "install.sh: must be run as root (or with --destdir)" >&2; exit 77; }
    if [ -e /var/lib/dpkg/info/dovetail-common.list ] && [ ! -e "$record" ]; then
        echo "install.sh: the package dovetail-common is installed; remove it first" >&2
        exit 78
    fi
fi
booted() { [ $live = yes ] && [ -d /run/systemd/system ]; }

# Where a file of the packages' tree goes under this prefix; /etc stays /etc.
place() {
    case "$1" in
    /usr/*) echo "$prefix/${1#/usr/}" ;;
    *) echo "$1" ;;
    esac
}

# Names of programs and folders that stand in units and scripts.
relocate() {
    sed -e "s#/usr/libexec/dovetail#$prefix/libexec/dovetail#g" \
        -e "s#/usr/bin/dovetail#$prefix/bin/dovetail#g" "$1"
}

# Makes a folder and those above it, and writes down which weren't there.
make_folder() {
    missing=$1
    while [ ! -d "$destdir$missing" ]; do
        echo "$missing" >>"$destdir$record.folders-new"
        missing=$(dirname "$missing")
    done
    mkdir -p "$destdir$1"
}

put() { # MODE SOURCE TARGET
    make_folder "$(dirname "$3")"
    # By rename: a program that runs, or a unit that is read, is never half of one.
    case "$3" in
    */systemd/system/* | */renewal-hooks/*) relocate "$2" >"$destdir$3.dovetail-new" ;;
    *) cp "$2" "$destdir$3.dovetail-new" ;;
    esac
    chmod "$1" "$destdir$3.dovetail-new"
    mv -f "$destdir$3.dovetail-new" "$destdir$3"
}

put_config() { # MODE SOURCE TARGET
    if [ ! -e "$destdir$3" ]; then
        put "$@"
        chmod "$1" "$destdir$3"
    elif cmp -s "$2" "$destdir$3"; then
        rm -f "$destdir$3.new"
    else
        cp "$2" "$destdir$3.new"
        chmod 0640 "$destdir$3.new"
    fi
}

stage() {
    if [ -n "$from" ]; then return; fi
    if [ -f "$here/manifest" ]; then
        from=$here
    else
        from=$here/../target/stage
        (cd "$here/.." && cargo xtask stage "$from" --profile $profile)
    fi
}

install_all() {
    stage
    [ -f "$from/manifest" ] || { echo "install.sh: $from holds no staged files" >&2; exit 66; }
    [ -z "$destdir" ] || mkdir -p "$destdir"
    share=$(dirname "$record")
    made=$(mktemp)
    missing=$share
    while [ ! -d "$destdir$missing" ]; do
        echo "$missing" >>"$made"
        missing=$(dirname "$missing")
    done
    mkdir -p "$destdir$share"
    cat "$destdir$record.folders" "$made" 2>/dev/null >"$destdir$record.folders-new" || true
    rm -f "$made"
    : >"$destdir$record.new"
    while read -r package mode path; do
        case "$package" in
        '#'* | '') continue ;;
        # Sockets in Postfix's spool come with Postfix; another MTA's commands only as a package.
        dovetail-mta) continue ;;
        esac
        target=$(place "$path")
        case "$path" in
        /etc/dovetail/*) put_config "$mode" "$from/files$path" "$target" ;;
        # How long logs are kept is the operator's; logrotate would read a copy beside it as well.
        /etc/logrotate.d/*) [ -e "$destdir$target" ] || put "$mode" "$from/files$path" "$target" ;;
        *) put "$mode" "$from/files$path" "$target" ;;
        esac
        echo "$target" >>"$destdir$record.new"
    done <"$from/manifest"
    # Files that an earlier version brought and this one doesn't.
    if [ -f "$destdir$record" ]; then
        sort "$destdir$record.new" >"$destdir$record.sorted"
        sort "$destdir$record" | comm -23 - "$destdir$record.sorted" | while read -r gone; do
            case "$gone" in /etc/dovetail/*) ;; *) rm -f "$destdir$gone" ;; esac
        done
        rm -f "$destdir$record.sorted"
    fi
    mv -f "$destdir$record.new" "$destdir$record"
    sort -u "$destdir$record.folders-new" >"$destdir$record.folders"
    rm -f "$destdir$record.folders-new"
    chmod 0644 "$destdir$record" "$destdir$record.folders"
    [ $live = yes ] || return 0
    . "$prefix/share/dovetail/setup.sh"
    dovetail_users "$prefix/lib/sysusers.d/dovetail.conf"
    dovetail_folders "$prefix/lib/tmpfiles.d/dovetail.conf"
    dovetail_groups
    dovetail_daemon_groups
    # Parts of dovetail.target, which itself is enabled by the operator.
    if booted; then
        systemctl daemon-reload
        systemctl enable --quiet $parts
        # The sockets stay: who connects meanwhile waits.
        systemctl try-restart $services
    else
        systemctl enable --quiet $parts
    fi
    echo "installed; edit /etc/dovetail, say \`dovetail config check\`, then"
    echo "  systemctl enable --now dovetail.target"
}

services="dovetail-authd.service dovetail-smtpd.service dovetail-qmgrd.service \
dovetail-relayd.service dovetail-lmtpd.service dovetail-imapd.service"
parts="$services dovetail-tls.service dovetail-tls.path"

uninstall() {
    [ -f "$destdir$record" ] || { echo "install.sh: nothing is installed in $prefix" >&2; exit 66; }
    if booted; then
        units=$(sed -n 's#.*/systemd/system/\(dovetail.*\)#\1#p' "$record")
        # Instances too.
        systemctl stop $units 'dovetail-*@*' 2>/dev/null || true
        systemctl disable --quiet $units 2>/dev/null || true
    elif [ $live = yes ]; then
        systemctl disable --quiet $parts dovetail.target 2>/dev/null || true
    fi
    if [ $live = yes ]; then
        . "$prefix/share/dovetail/setup.sh"
    fi
    while read -r file; do
        case "$file" in
        /etc/dovetail/*) [ $keep = yes ] || rm -f "$destdir$file" "$destdir$file.new" ;;
        *) rm -f "$destdir$file" ;;
        esac
    done <"$destdir$record"
    folders=$(sort -r "$destdir$record.folders")
    rm -f "$destdir$record" "$destdir$record.folders"
    if [ $live = yes ]; then
        rm -f /etc/dovetail/*@*.toml
        if [ $keep = yes ]; then
            # Users stay with the files that name them.
            rm -rf /run/dovetail
        else
            dovetail_purge
        fi
        if booted; then systemctl daemon-reload; fi
    fi
    # Folders that we made, where nothing else is in them now.
    for folder in $folders; do
        rmdir "$destdir$folder" 2>/dev/null || true
    done
}

if [ $uninstall = yes ]; then uninstall; else install_all; fi

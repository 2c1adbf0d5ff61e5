# What an installation does beyond placing files, and how it is taken back: read by the packages'
# scripts and by deploy/install.sh. POSIX sh; nothing here runs by itself.

# Users that we made, so that only those are ever removed.
dovetail_made=/var/lib/dovetail/users-made

# Users and groups; says nothing where they are there already.
dovetail_users() {
    mkdir -p /var/lib/dovetail
    for dovetail_user in doveauth dvsmtpd dvqueue dvrelay vmail; do
        getent passwd "$dovetail_user" >/dev/null || echo "$dovetail_user" >>"$dovetail_made"
    done
    systemd-sysusers "${1:-dovetail.conf}"
    # A folder for mail goes with a user for mail that we made; anybody else's is left alone.
    if [ ! -e /var/vmail ] && grep -qx vmail "$dovetail_made" 2>/dev/null; then
        # Others may pass to homes that they own, and list nothing.
        install -d -o vmail -g vmail -m 0711 /var/vmail
    fi
}

# Folders of sockets, state, queue and logs; the file of logins.
dovetail_folders() {
    systemd-tmpfiles --create "${1:-dovetail.conf}"
    if [ ! -e /etc/dovetail/users ]; then
        (umask 077 && : >/etc/dovetail/users)
        chown root:doveauth /etc/dovetail/users
        chmod 0640 /etc/dovetail/users
    fi
}

# What several daemons read: root's, and readable for all of them. A file that was changed since is
# left as it is.
dovetail_groups() {
    for dovetail_file in domains mail; do
        dovetail_file=/etc/dovetail/$dovetail_file.toml
        if [ -f "$dovetail_file" ] && [ "$(stat -c %U:%G "$dovetail_file")" = root:root ]; then
            chgrp dovetail "$dovetail_file"
            chmod 0640 "$dovetail_file"
        fi
    done
}

# Each daemon's own file, readable for it alone; lmtpd's for its instances too.
dovetail_daemon_groups() {
    for dovetail_pair in authd:doveauth smtpd:dvsmtpd qmgrd:dvqueue relayd:dvrelay \
        lmtpd:dovetail imapd:vmail; do
        dovetail_file=/etc/dovetail/${dovetail_pair%:*}.toml
        if [ -f "$dovetail_file" ] && [ "$(stat -c %U:%G "$dovetail_file")" = root:root ]; then
            chgrp "${dovetail_pair#*:}" "$dovetail_file"
            chmod 0640 "$dovetail_file"
        fi
    done
}

# Takes configuration, state, logs and users out. Mail stays: mailboxes, a queue that isn't empty,
# and the users that own them.
dovetail_purge() {
    rm -rf /run/dovetail /var/log/dovetail
    rm -f /etc/dovetail/users
    # A daemon that was removed and not purged keeps its configuration.
    [ -n "$(find /etc/dovetail -name '*d.toml' -print -quit 2>/dev/null)" ] || rm -rf /etc/dovetail
    # What `dovetail units sync` wrote.
    rm -f /etc/systemd/system/dovetail-*.d/50-dovetail-*.conf
    rmdir /etc/systemd/system/dovetail-*.d 2>/dev/null || true
    rm -f /etc/sysusers.d/dovetail-*.conf
    if [ -n "$(find /var/spool/dovetail/queue /var/spool/dovetail/state \
        /var/spool/dovetail/corrupt -type f -print -quit 2>/dev/null)" ]; then
        echo "/var/spool/dovetail holds mail that was not delivered: it stays" >&2
    else
        rm -rf /var/spool/dovetail
    fi
    # An empty one is nobody's mail.
    [ -L /var/vmail ] || rmdir /var/vmail 2>/dev/null || true
    # Those that `dovetail units sync` named as well.
    dovetail_users="$(cat "$dovetail_made" 2>/dev/null || true)
$(getent passwd | sed -n 's/^\(dvmail-[0-9]*\):.*/\1/p')"
    rm -rf /var/lib/dovetail
    dovetail_remove_users $dovetail_users
}

# Removes these users, but who still owns a file; then our groups.
dovetail_remove_users() {
    dovetail_wanted=
    for dovetail_user in "$@"; do
        getent passwd "$dovetail_user" >/dev/null || continue
        dovetail_wanted="$dovetail_wanted -o -user $dovetail_user"
    done
    # One pass over the machine, however many users.
    dovetail_owned=$(find / \( -path /proc -o -path /sys -o -path /dev -o -path /run \) -prune \
        -o \( -false $dovetail_wanted \) -printf '%u %p\n' 2>/dev/null | sort -u -k1,1 || true)
    for dovetail_user in "$@"; do
        dovetail_file=$(echo "$dovetail_owned" | sed -n "s/^$dovetail_user //p")
        if [ -n "$dovetail_file" ]; then
            echo "the user $dovetail_user still owns $dovetail_file: it stays" >&2
        else
            userdel "$dovetail_user" >/dev/null 2>&1 || true
        fi
    done
    # Each daemon's group went with its user; these two say nothing without daemons, whoever is in them.
    groupdel dovetail >/dev/null 2>&1 || true
    groupdel dovetail-admin >/dev/null 2>&1 || true
}

#!/bin/sh
# dpkg calls it with `remove` and `purge`, rpm with how many versions are left. The user stays: files may be its own.
set -e
unit=otelcol-embedding.service

case "$1" in
remove)
    ! command -v deb-systemd-helper >/dev/null || deb-systemd-helper mask "$unit" >/dev/null
    ;;
purge)
    if command -v deb-systemd-helper >/dev/null; then
        deb-systemd-helper purge "$unit" >/dev/null
        deb-systemd-helper unmask "$unit" >/dev/null
    fi
    # Queues, and what was learned.
    rm -rf /var/lib/otelcol-embedding
    ;;
esac

[ ! -d /run/systemd/system ] || systemctl daemon-reload || true

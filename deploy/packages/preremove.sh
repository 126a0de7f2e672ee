#!/bin/sh
# dpkg calls it with `remove` or `upgrade`, rpm with how many versions are left. An upgrade stops nothing.
set -e
unit=otelcol-embedding.service

case "$1" in
remove)
    [ ! -d /run/systemd/system ] || deb-systemd-invoke stop "$unit"
    ;;
0)
    ! command -v systemctl >/dev/null || systemctl --no-reload disable --now "$unit" || true
    ;;
esac

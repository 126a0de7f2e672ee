#!/bin/sh
# dpkg calls it with `configure` and, on an upgrade, the version that was there; rpm with how many versions there are.
set -e
unit=otelcol-embedding.service

case "$1" in
configure | [0-9]*) ;;
*) exit 0 ;;
esac

if ! getent passwd otelcol-embedding >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir /var/lib/otelcol-embedding \
        --shell /usr/sbin/nologin --comment "OpenTelemetry Collector for embedding services" otelcol-embedding
fi

# Without systemd, as in a container, there is nothing to tell.
running=false
[ ! -d /run/systemd/system ] || running=true
! $running || systemctl daemon-reload

# A collector that runs goes on running, with the old version: whoever upgrades chooses when calls are cut off.
if $running && systemctl --quiet is-active "$unit" && [ "$1$2" != configure ] && [ "$1" != 1 ]; then
    echo "otelcol-embedding: the version from before goes on until: systemctl restart otelcol-embedding"
fi

if [ "$1" = configure ]; then
    # Debian: enabled and started, unless an administrator has decided otherwise.
    deb-systemd-helper unmask "$unit" >/dev/null
    if deb-systemd-helper --quiet was-enabled "$unit"; then
        deb-systemd-helper enable "$unit" >/dev/null
    else
        deb-systemd-helper update-state "$unit" >/dev/null
    fi
    ! $running || deb-systemd-invoke start "$unit" || true
elif [ "$1" = 1 ] && command -v systemctl >/dev/null; then
    # RPM: as the presets of the host say, and not started.
    systemctl preset "$unit" || true
fi

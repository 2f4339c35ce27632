#!/usr/bin/env bash
# Installs the package on a fresh Debian with systemd as its first process, and uses it as an
# operator does: start, reload, a leak, the watchdog, an upgrade, removal.
#
# usage: scripts/package_test.sh BORDERFLOW.deb ROOT
#
# ROOT is a folder in which Debian bookworm is made by debootstrap, or was made before. It is booted
# by systemd-nspawn with a network of its own, which has nothing but a veth pair; so what the
# package depends on is installed first. Needs root, debootstrap, systemd-nspawn
# (systemd-container), nsenter, python3 and a mirror of Debian. Without them a line says so, and the
# status is 0. A status of 1 comes with what was not as it should be.
set -euo pipefail

deb=$(realpath "${1:?usage: scripts/package_test.sh BORDERFLOW.deb ROOT}")
root=$(realpath -m "${2:?usage: scripts/package_test.sh BORDERFLOW.deb ROOT}")
here=$(dirname "$(realpath "$0")")
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
# What systemd-nspawn keeps from its guests unless it is told not to.
calls="landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp"
state=/var/lib/borderflow
config=/etc/borderflow/borderflow.toml

if [ "$(id -u)" != 0 ]; then
  echo "package: skipped, needs root"
  exit 0
fi
for program in debootstrap systemd-nspawn nsenter python3; do
  if ! command -v "$program" >/dev/null; then
    echo "package: skipped, there is no $program"
    exit 0
  fi
done

if [ ! -e "$root/etc/debian_version" ]; then
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,man-db,iproute2,ca-certificates bookworm "$root" "$mirror"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" apt-get install -qy --no-install-recommends libpcap0.8 ethtool >/dev/null
cp "$deb" "$root/root/borderflow.deb"

systemd-nspawn -q -D "$root" --register=no --keep-unit --private-network \
  --system-call-filter="$calls" -b </dev/null >"$root.console" 2>&1 &
guest=$!
trap 'kill "$guest" 2>/dev/null || true; wait "$guest" 2>/dev/null || true' EXIT

# Runs a command in the guest.
inside() {
  nsenter -t "$first" -m -u -i -n -p env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"
}

wrong=0
# expect WHAT WANTED FOUND: FOUND is a pattern of the shell.
expect() {
  # shellcheck disable=SC2053
  if [[ $3 == $2 ]]; then
    printf 'ok     %-36s %s\n' "$1" "$(head -c 100 <<<"$3" | head -1)"
  else
    printf 'WRONG  %-36s %s, not %s\n' "$1" "$3" "$2"
    wrong=1
  fi
}

shown() { inside systemctl show borderflow -p "$1" --value; }
logged() { inside journalctl -u borderflow --no-pager -o cat; }

first=
for _ in $(seq 100); do
  first=$(pgrep -P "$guest" | head -1 || true)
  if [ -n "$first" ] && [ "$(inside systemctl is-system-running 2>/dev/null)" = running ]; then
    break
  fi
  sleep 0.3
done
expect "systemd is the first process" running "$(inside systemctl is-system-running || true)"
inside apt-get purge -qy borderflow >/dev/null 2>&1 || true
inside sysctl -qw net.ipv6.conf.all.disable_ipv6=1 || true
inside ip link add eth1 type veth peer name span0
inside ip link set eth1 up
inside ip link set span0 up
inside ip link set lo up

inside apt-get install -qy /root/borderflow.deb >/dev/null
inside borderflow doctor --config "$config" --interface eth1 || true
inside systemctl enable --now borderflow 2>/dev/null
expect "started" active "$(shown ActiveState)"
expect "exposure" "*1.5 OK*" "$(inside systemd-analyze security borderflow --no-pager | tail -1)"
expect "manual page" "*borderflow*" "$(inside sh -c 'man borderflow | head -1')"
process=$(shown MainPID)
expect "its rights" "0000000000002000" \
  "$(inside sed -n 's/^CapBnd:\s*//p' "/proc/$process/status")"

inside sh -c "printf '\n[alert]\nceiling_bytes_per_hour = 100000\n' >>$config"
inside systemctl reload borderflow
sleep 2
expect "reload" "*reloaded: 0 assets*" "$(logged)"
inside sh -c "printf '[wrong]\n' >>$config"
inside systemctl reload borderflow
sleep 2
expect "reload of what is wrong" "*not reloaded*unknown field*" "$(logged)"
expect "goes on" "active" "$(shown ActiveState)"
inside sed -i '/^\[wrong\]$/d' "$config"

nsenter -t "$first" -n python3 - "$here" <<'PYTHON'
import socket
import sys
import time

sys.path.insert(0, sys.argv[1])
from siege import frame, hello

there = ((bytes([10, 0, 0, 9]), 40000), (bytes([77, 88, 8, 8]), 443))
back = there[::-1]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
    out.bind(("span0", 0))
    said = hello(b"leak.example")
    for one in (frame(there, (1000, 0), 2), frame(back, (5000, 1001), 0x12),
                frame(there, (1001, 5001), 0x10), frame(there, (1001, 5001), 0x18, said)):
        out.send(one)
    at = 1001 + len(said)
    for _ in range(400):
        out.send(frame(there, (at, 5001), 0x10, bytes(1400)))
        at += 1400
        time.sleep(0.003)
PYTHON
sleep 3
expect "a leak" '*"jurisdiction":"RU"*' "$(inside cat "$state/out/alerts.jsonl")"
inside systemctl kill -s USR1 borderflow
sleep 1
expect "status in the journal" "*exported to 1 countries: RU*" "$(logged)"

inside mkdir -p /etc/systemd/system/borderflow.service.d
inside sh -c "printf '[Service]\nWatchdogSec=6\n' \
  >/etc/systemd/system/borderflow.service.d/test.conf"
inside systemctl daemon-reload
inside systemctl restart borderflow
inside kill -STOP "$(shown MainPID)"
for _ in $(seq 40); do
  [ "$(shown NRestarts)" = 1 ] && break
  sleep 1
done
expect "the watchdog starts it again" 1 "$(shown NRestarts)"
inside rm -r /etc/systemd/system/borderflow.service.d
inside systemctl daemon-reload
sleep 2

inside systemctl restart borderflow
process=$(shown MainPID)
before=$(inside cat "$state/out/alerts.jsonl" "$config" | sha256sum)
inside apt-get install -qy --reinstall /root/borderflow.deb >/dev/null
sleep 2
expect "an upgrade starts it again" anew "$([ "$(shown MainPID)" = "$process" ] || echo anew)"
expect "and keeps what there is" "$before" \
  "$(inside cat "$state/out/alerts.jsonl" "$config" | sha256sum)"
expect "and what was learned" "*baseline.state*" "$(inside ls "$state/state")"

inside apt-get remove -qy borderflow >/dev/null
expect "removed: it is stopped" inactive "$(inside systemctl is-active borderflow || true)"
expect "removed: what was learned stays" "*baseline.state*" "$(inside ls "$state/state")"
inside apt-get purge -qy borderflow >/dev/null
expect "purged: nothing is left" "" \
  "$(inside find /etc /usr/bin /usr/lib /usr/share /var/lib -name '*borderflow*' \
    -not -path '*/deb-systemd-helper*' 2>/dev/null)"
expect "nothing has failed" running "$(inside systemctl is-system-running || true)"
echo "package: $([ "$wrong" = 0 ] && echo all is well || echo something is wrong)"
exit "$wrong"

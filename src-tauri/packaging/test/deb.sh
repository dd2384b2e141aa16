#!/bin/sh
# Installs the Debian packages in a fresh root, runs them, upgrades over an older version, and removes them.
# Usage: deb.sh FOLDER, with hookbench_*.deb, hookbench-desktop_*.deb and old/hookbench_*.deb.
set -eu
# The mounts exist only in the namespace of this script.
[ -n "${IN_NAMESPACE:-}" ] || exec env IN_NAMESPACE=1 unshare --mount "$0" "$@"
packages=$(realpath "$1")
root=$packages/root
say() { printf '== %s\n' "$*"; }
apt() { in_root sh -c "apt-get $*" >>"$packages/apt.log" 2>&1; }
in_root() { chroot "$root" env HOME=/root DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

say "a fresh Debian 12 root"
rm -rf --one-file-system "$root"
debootstrap --variant=minbase bookworm "$root" >"$packages/debootstrap.log"
# The packages of another distribution than Debian do not fit the root.
files=
! grep -q '^ID=debian' /etc/os-release || files="apt.conf apt.conf.d sources.list sources.list.d trusted.gpg.d"
for file in $files; do
    [ ! -e "/etc/apt/$file" ] || cp -a "/etc/apt/$file" "$root/etc/apt/"
done
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
server=
trap '[ -z "$server" ] || kill "$server" || true' EXIT
cp "$packages"/*.deb "$root/tmp/"
mkdir "$root/tmp/old" && cp "$packages"/old/*.deb "$root/tmp/old/"
apt update -qq
apt install -y -qq --no-install-recommends curl

# Starts the server and waits until it is ready.
serve() {
    (exec chroot "$root" /usr/bin/hookbench serve --listen 127.0.0.1:4765 --api 127.0.0.1:4766 --data /root/data) \
        2>"$packages/serve.log" &
    server=$!
    for _ in $(seq 100); do
        ! in_root hookbench health --data /root/data >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "the server did not become ready" >&2
    return 1
}
end() {
    kill -TERM "$server"
    wait "$server"
    server=
}
count() { in_root hookbench requests --data /root/data --json | grep -c '"id"'; }

say "install, run, receive"
apt install -y -qq --no-install-recommends '/tmp/old/hookbench_*.deb'
serve
in_root curl -sf -d '{"n":1}' http://127.0.0.1:4765/inbox >/dev/null
[ "$(count)" = 1 ]
end

say "upgrade over the older version with its data"
apt install -y -qq --no-install-recommends '/tmp/hookbench_*.deb'
serve
in_root curl -sf -d '{"n":2}' http://127.0.0.1:4765/inbox >/dev/null
[ "$(count)" = 2 ]
in_root curl -sf http://127.0.0.1:4766/healthz >/dev/null
end
in_root test -s /usr/share/man/man1/hookbench-serve.1.gz
in_root test -s /usr/share/doc/hookbench/html/reference/requests.html
in_root test -s /usr/share/bash-completion/completions/hookbench
# `libwebkit` must not be among the libraries of the command line program.
! in_root ldd /usr/bin/hookbench | grep -qi webkit

say "the units of systemd"
apt install -y -qq --no-install-recommends systemd
in_root systemd-analyze verify --man=no /usr/lib/systemd/system/hookbench-relay.service
in_root env XDG_RUNTIME_DIR=/tmp systemd-analyze verify --man=no --user /usr/lib/systemd/user/hookbench.service

say "the window"
apt install -y -qq --no-install-recommends '/tmp/hookbench-desktop_*.deb' xvfb xauth dbus
# With the default data folder, a link opens in the running window, and the second process ends.
cat >"$root/tmp/window.sh" <<'WINDOW'
hookbench-desktop &
window=$!
for _ in $(seq 300); do
    ! hookbench health >/dev/null || break
    sleep 0.1
done
hookbench health
timeout 30 hookbench-desktop hookbench://inbox/inbox
kill -0 $window
kill $window
WINDOW
in_root xvfb-run -a dbus-run-session -- sh -eu /tmp/window.sh >"$packages/window.log" 2>&1 ||
    { cat "$packages/window.log" >&2; exit 1; }
[ "$(count)" = 2 ]

say "remove, the data stays"
apt remove -y -qq hookbench hookbench-desktop
in_root test ! -e /usr/bin/hookbench
in_root test -s /root/data/hookbench.db
say "done"

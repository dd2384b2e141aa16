#!/bin/sh
# Runs the image from its unpacked root: read-only, as another user, with a data folder. Usage: image.sh LAYOUT TAG
set -eu
work=$(mktemp -d)
say() { printf '== %s\n' "$*"; }
umoci unpack --image "$1:$2" "$work/bundle" >/dev/null
root=$work/bundle/rootfs
mkdir "$work/data" && chown 65532:65532 "$work/data"
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

say "serve on a read-only root"
# The mounts exist only in the namespace of the server.
unshare --mount sh -c '
    mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount --bind "$2" "$1/data"
    exec chroot --userspec=65532:65532 "$1" /usr/bin/hookbench serve --listen 127.0.0.1:4865 --api 127.0.0.1:4866 --data /data
' sh "$root" "$work/data" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    ! curl -sf http://127.0.0.1:4866/readyz >/dev/null || break
    sleep 0.1
done
curl -sf http://127.0.0.1:4866/readyz >/dev/null || { cat "$work/log" >&2; exit 1; }
curl -sf http://127.0.0.1:4866/healthz >/dev/null
curl -sf -d '{"n":1}' http://127.0.0.1:4865/inbox >/dev/null

say "stop with SIGTERM"
kill -TERM "$server"
wait "$server"
server=
test -s "$work/data/hookbench.db"
say "done"

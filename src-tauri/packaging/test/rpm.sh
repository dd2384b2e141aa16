#!/bin/sh
# Installs the RPM packages in an empty root, upgrades over an older version, and removes them. Usage: rpm.sh FOLDER
# A root of a system that uses RPM cannot be made here, so the programs that a package needs are not checked.
set -eu
packages=$(realpath "$1")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
rpm() { command rpm --root "$root" --dbpath /var/lib/rpm "$@"; }
say() { printf '== %s\n' "$*"; }
command rpm --checksig --nosignature "$packages"/*.rpm
rpm --initdb

say "install"
rpm --install --nodeps "$packages"/old/hookbench-0*.rpm "$packages"/hookbench-desktop-*.rpm
rpm --query --all | sort
"$root"/usr/bin/hookbench --version
for file in bin/hookbench-desktop share/man/man1/hookbench-serve.1.gz lib/systemd/user/hookbench.service \
    share/bash-completion/completions/hookbench share/doc/hookbench/html/index.html \
    share/doc/hookbench/html/reference/requests.html share/applications/dev.hookbench.desktop.desktop; do
    test -s "$root/usr/$file" || test -s "$root/usr/${file%.gz}" || { echo "/usr/$file is missing" >&2; exit 1; }
done

say "upgrade"
rpm --upgrade --nodeps "$packages"/hookbench-[0-9]*.rpm
rpm --query hookbench | grep -qv -- -0.0.9

say "remove"
rpm --erase hookbench-desktop hookbench
test ! -e "$root/usr/bin/hookbench"
say "done"

#!/bin/sh
# Installs the npm packages from their files and runs the program. Usage: npm.sh FOLDER
set -eu
packages=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
# The package of this platform is given as a file, because the registry does not have it yet.
npm install --silent --no-audit --no-fund --omit=optional "$packages"/hookbench-linux-*.tgz "$packages"/hookbench-[0-9]*.tgz
npx hookbench --version
status=0
npx hookbench verify --provider github --secret x </dev/null 2>/dev/null || status=$?
[ "$status" != 0 ]
# Without the package of the platform, the error says what to do.
rm -rf node_modules/@hookbench
! npx hookbench --version 2>error
grep -q "is not installed" error

#!/bin/bash
# The set-up promise on a bare machine: Debian 12 with python3 and git and nothing else, in a folder of its own. Clones this
# checkout's last commit into it and runs the given ./dev command there (default: demo --check, then test).
# By hand and as root; needs debootstrap. Not part of ./dev test: it takes some 15 minutes and 3 GB.
#
#   tests/bare/run.sh [FOLDER [COMMAND...]]
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-/var/tmp/lineside-bare}
shift || true
[ "$(id -u)" = 0 ] || { echo "bare: run this as root: it needs chroot." >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare: apt-get install debootstrap" >&2; exit 1; }

if [ ! -e "$folder/usr/bin/git" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 == "main" && $1 !~ /security/ { print $1; exit }')
    debootstrap --variant=minbase --include=python3,git,ca-certificates bookworm "$folder" "$mirror"
fi
# How this machine reaches its registries, so that the bare one can: names, certificates, mirrors, pip's and npm's settings.
cp -L /etc/resolv.conf /etc/hosts "$folder/etc/"
rm -rf "$folder/etc/apt/sources.list"*
cp -r /etc/apt/sources.list* "$folder/etc/apt/"
for file in /etc/apt/apt.conf.d/* /etc/pip.conf /etc/npmrc; do
    [ ! -e "$file" ] || cp --parents -L "$file" "$folder"
done
[ ! -d /usr/local/share/ca-certificates ] || cp -rL /usr/local/share/ca-certificates "$folder/usr/local/share/"
chroot "$folder" update-ca-certificates >/dev/null
cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
rm -rf "$folder/srv/lineside"
git -c safe.directory="$here" clone -q "$here" "$folder/srv/lineside"
[ -z "${LINESIDE_CORPUS:-}" ] || { mkdir -p "$folder/srv/shared" && cp -r "$LINESIDE_CORPUS/." "$folder/srv/shared/"; }

# A mount namespace of its own: nothing stays mounted, however this ends.
run() {
    echo "== ./dev $*"
    unshare --mount --pid --fork --kill-child bash -c '
        set -eu
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/tmp"
        exec chroot "$root" /bin/bash -c "cd /srv/lineside && exec ./dev \"\$@\"" dev "$@"' bare "$folder" "$@"
}
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
if [ $# -gt 0 ]; then
    run "$@"
else
    run demo --check
    run test
fi

#!/bin/bash
# A throw-away PostgreSQL 17 with TimescaleDB, for tests and for trying things out. Nothing is installed: Debian's packages
# are unpacked into a cache folder and run through their own dynamic loader, so this machine's release and C library do not
# matter. Works as root (PostgreSQL refuses root, so it then runs as nobody) and as an ordinary user.
#
#   timescale.sh up       start it on a free port of 127.0.0.1 and print its DSN; unpacks first where needed
#   timescale.sh down     stop it and remove its data
#   timescale.sh unpack   fetch and unpack the packages, once
#   timescale.sh ready    succeed if they are unpacked
#   timescale.sh bin      print the folder of initdb, postgres and psql
set -euo pipefail
suite=trixie pg=17
if [ "$(id -u)" = 0 ]; then cache=/var/cache/lineside; else cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/lineside; fi
home=$cache/timescale-$pg
system=$home/system bin=$home/system/usr/lib/postgresql/$pg/bin data=$home/data
as_user=()
[ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups --)
say() { printf 'timescale: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# The mirror this machine uses already, in whatever way apt was told of it.
mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "Debian" && $3 == "main" && $1 !~ /security/ { print $1; exit }')
    [ -n "$uri" ] || uri=$(sed -nE 's/^(deb +(\[[^]]*\] +)?|URIs: *)([^ ]+).*/\3/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null | grep -v security | head -1)
    [ -n "$uri" ] || die "no Debian mirror is found in this machine's apt configuration."
    echo "$uri"
}

# apt with lists and caches of its own, so that the machine's are neither read nor changed.
own_apt() {
    local apt=$home/apt
    apt-get -qq -y -o Debug::NoLocking=1 -o APT::Sandbox::User= -o APT::Install-Recommends=0 -o Acquire::Languages=none \
        -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" \
        -o Dir::Cache="$apt/cache" -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Retries=3 "$@"
}

# What the server needs on an empty system, less what only install scripts and the JIT use: most of the weight.
packages() {
    own_apt --print-uris install "postgresql-$pg" "postgresql-$pg-timescaledb" tzdata | awk -F"'" '{ print $3 }' |
        awk '{ print $1 }' | sed -E 's/_.*//' | sort -u | grep -vE \
        '^(libllvm|libz3|perl|libperl|postgresql-common|postgresql-client-common|ssl-cert|debconf|cdebconf|dpkg|tar|adduser|passwd|base-|bash|coreutils|libgdbm|libdb5|gcc-|openssl|sensible-utils|ucf|locales|libc-l10n|libjson-perl|netbase|login|util-linux|sysvinit|init-system)'
}

# Each program becomes a script of one line that goes through the unpacked loader; $1 = the folder being made.
wrap_programs() {
    local loader libraries program
    loader=$(find "$1/usr/lib" "$1/usr/lib64" -maxdepth 2 -name 'ld-linux*.so.*' | head -1)
    [ -n "$loader" ] || die "the unpacked libc6 has no loader."
    libraries=$(dirname "$(find "$1/usr/lib" -maxdepth 2 -name libc.so.6 | head -1)"):$1/usr/lib/postgresql/$pg/lib
    for program in "$1/usr/lib/postgresql/$pg/bin"/*; do
        [ "$(head -c4 "$program" | tail -c3)" = ELF ] || continue
        mv "$program" "$program.elf"
        printf '#!/bin/sh\nexec %q --library-path %q --argv0 "$0" %q "$@"\n' "${loader/#$1/$system}" \
            "${libraries//$1/$system}" "$bin/${program##*/}.elf" >"$program"
        chmod 755 "$program"
    done
}

unpack() {
    if ready; then return; fi
    local key=/usr/share/keyrings/debian-archive-keyring.gpg apt=$home/apt new=$home/system.new folder package uri
    [ -r $key ] || die "there is no $key: apt-get install debian-archive-keyring"
    uri=$(mirror)
    rm -rf "$apt" "$new"
    mkdir -p "$apt"/{state/lists,cache/archives}/partial "$new"/usr/{bin,sbin,lib,lib64}
    : >"$apt/status"
    echo "deb [signed-by=$key] $uri $suite main" >"$apt/sources.list"
    own_apt update >&2 || die "apt-get update for $suite failed."
    # shellcheck disable=SC2046 - one word per package is meant
    (cd "$apt/cache/archives" && own_apt download $(packages) >&2) || die "the packages could not be downloaded."
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$new/$folder"; done
    for package in "$apt/cache/archives"/*.deb; do dpkg-deb -x "$package" "$new"; done
    rm -rf "$new"/usr/share/{doc,man,locale,lintian,bug} "$new"/usr/lib/postgresql/$pg/lib/{bitcode,pgxs} "$new"/usr/lib/*/gconv
    wrap_programs "$new"
    chmod -R a+rX "$new"
    rm -rf "$system" "$apt"
    mv "$new" "$system"
    ready || die "the unpacked server does not run."
}

ready() { [ -x "$bin/postgres" ] && "$bin/postgres" -V >/dev/null; }

up() {
    unpack
    mkdir -p "$data"
    chmod 700 "$data"
    [ "$(id -u)" != 0 ] || chown nobody: "$data"
    if [ ! -s "$data/PG_VERSION" ]; then # loopback only and thrown away: trust, and no fsync
        LC_ALL=C "${as_user[@]}" "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
            >"$home/initdb.log" 2>&1 || { cat "$home/initdb.log" >&2; die "initdb failed."; }
    fi
    if ! "${as_user[@]}" "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
        local port settings
        port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
        settings="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_preload_libraries=timescaledb"
        settings+=" -c timescaledb.telemetry_level=off -c max_worker_processes=32 -c fsync=off -c jit=off -c timezone=UTC"
        LC_ALL=C "${as_user[@]}" "$bin/pg_ctl" -D "$data" -w -t 60 -l "$data/server.log" -o "$settings" start >/dev/null 9>&- ||
            { tail -20 "$data/server.log" >&2; die "the server did not start."; }
    fi
    local dsn database
    dsn=postgresql://postgres@127.0.0.1:$(sed -n 4p "$data/postmaster.pid")
    for database in template1 postgres; do # in template1 too, so that every new database has it
        "${as_user[@]}" "$bin/psql" "$dsn/$database" -XAtqc \
            'set client_min_messages = error; create extension if not exists timescaledb' >&2
    done
    echo "$dsn/postgres"
}

down() {
    if [ -s "$data/postmaster.pid" ]; then
        "${as_user[@]}" "$bin/pg_ctl" -D "$data" -m immediate -w -t 30 stop >/dev/null || true
    fi
    rm -rf "$data"
}

case ${1:-} in
    ready) ready ;;
    bin) ready && echo "$bin" ;;
    up | down | unpack)
        mkdir -p "$home"
        exec 9>"$home/lock"
        flock 9
        cd /
        "$1"
        ;;
    *) die "say up, down, unpack, ready or bin." ;;
esac

#!/bin/bash
# What tests/containers needs of a Debian host and does not find on it: an engine, what makes the base image, and
# the compose command. Debian 12 has only compose 1, which cannot read our files; its successor's compose 2 needs no
# newer library, so that one package is taken from there.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
missing=()
command -v dockerd > /dev/null || missing+=(docker.io)
command -v docker > /dev/null || missing+=(docker.io)
command -v iptables-save > /dev/null || missing+=(iptables)
command -v ip > /dev/null || missing+=(iproute2)
command -v mmdebstrap > /dev/null || missing+=(mmdebstrap)
if [ ${#missing[@]} != 0 ]; then
    apt-get update -q
    apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

if ! docker compose version > /dev/null 2>&1; then
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    chmod 0755 "$place"
    mkdir -p "$place/lists/partial"
    awk -v RS= 'NR == 1' /etc/apt/sources.list.d/debian.sources | sed 's/^Suites:.*/Suites: trixie/' \
        > "$place/trixie.sources"
    apt=(-o "Dir::Etc::SourceList=$place/trixie.sources" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$place/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
    apt-get "${apt[@]}" update -q
    (cd "$place" && apt-get "${apt[@]}" download -q docker-compose && dpkg -x docker-compose_*.deb .)
    install -D -m 0755 "$(find "$place/usr" -type f -name docker-compose -perm /0100 -size +1M)" \
        /usr/local/lib/docker/cli-plugins/docker-compose
fi
docker compose version

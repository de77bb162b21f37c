#!/bin/sh
# Writes all that the server of the log has on disk to a file. It is stopped for as long as that takes; clients wait.
#
#   deploy/backup.sh FILE [docker compose options, such as -f deploy/compose.yaml]
set -eu
file=$1
shift
if [ $# = 0 ]; then
    set -- -f "$(dirname "$0")/compose.yaml"
fi
umask 077
docker compose "$@" stop nats
trap 'docker compose "$@" start nats' EXIT
docker compose "$@" run --rm -T --no-deps nats tar --create --gzip --directory /data . > "$file.part"
mv "$file.part" "$file"

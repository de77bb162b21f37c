#!/bin/sh
# Fills the empty volume of a stack that is down from a file that backup.sh wrote. Start the stack afterwards: views are
# made anew from the log.
#
#   deploy/restore.sh FILE [docker compose options, such as -f deploy/compose.yaml]
set -eu
file=$1
shift
if [ $# = 0 ]; then
    set -- -f "$(dirname "$0")/compose.yaml"
fi
docker compose "$@" run --rm -T --no-deps nats sh -c '
    if [ -n "$(ls -A /data)" ]; then
        echo "the volume of the log is not empty: nothing is restored over it" >&2
        exit 1
    fi
    exec tar --extract --gzip --directory /data
' < "$file"
docker compose "$@" down

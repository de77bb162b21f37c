#!/bin/sh
# Puts the present image of a service in the place of its running containers, without a moment in which there is
# none: new ones first, and when they are healthy, the old ones are told to end and have their time to.
#
#   deploy/roll.sh SERVICE [docker compose options, such as -f deploy/compose.yaml]
#
# For api, notifier, projector, and executor. Of the servers of the log, one at a time is started again instead.
set -eu
service=$1
shift
if [ $# = 0 ]; then
    set -- -f "$(dirname "$0")/compose.yaml"
fi
old=$(docker compose "$@" ps --quiet "$service")
count=$(echo "$old" | wc -w)
docker compose "$@" up --detach --wait --no-deps --no-recreate --scale "$service=$((2 * count))" "$service"
# shellcheck disable=SC2086 # one word each
docker stop -t 30 $old
# shellcheck disable=SC2086
docker rm --volumes $old

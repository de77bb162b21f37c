#!/bin/bash
# Whether the server of the log in this container can be relied on. Alone: it greets, which it does once its streams
# are at hand. One of three: its replicas have caught up as well, so that the next one may be started again.
set -euo pipefail

if [ -z "${HEADRACE_NATS_PEERS:-}" ]; then
    exec 3<> /dev/tcp/127.0.0.1/4222
    read -r -t 3 -u 3 word _
    [ "$word" = INFO ]
else
    exec 3<> /dev/tcp/127.0.0.1/8222
    printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
    read -r -t 3 -u 3 _ status _
    [ "$status" = 200 ]
fi

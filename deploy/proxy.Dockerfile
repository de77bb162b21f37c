# One origin before any number of apis and notifiers: nginx with proxy.conf.
#
#   docker build -f deploy/proxy.Dockerfile -t headrace-proxy .
ARG BASE=debian:bookworm-slim

FROM ${BASE}
RUN apt-get update -q && \
    apt-get install -q -y --no-install-recommends nginx && \
    rm -rf /var/lib/apt/lists/* /var/log/*.log /var/cache/apt && \
    groupadd --gid 10003 proxy-headrace && \
    useradd --uid 10003 --gid 10003 --no-create-home --home-dir / --shell /usr/sbin/nologin proxy-headrace
COPY deploy/proxy.conf /etc/nginx/nginx.conf
USER 10003:10003
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /proxyz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ok <&3"]
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headrace-proxy" \
      org.opencontainers.image.description="Headrace: one origin for HTTP, WebSocket, and SSE" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]

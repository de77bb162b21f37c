# The image of one service: api, projector, or notifier. Built from the root of the repository:
#
#   docker build -f deploy/service.Dockerfile --build-arg SERVICE=api -t headrace-api .
#
# The executor has an image of its own, executor.Dockerfile. Both build with BuildKit and without.
# BASE may be given by digest (debian@sha256:…), or be any other Debian 12 where no registry is reached.
ARG BASE=debian:bookworm-slim
ARG SERVICE=api

# What the service needs of others, at the versions and hashes of uv.lock, and nothing else's needs.
FROM ${BASE} AS needs
ARG UV=uv==0.13.*
RUN apt-get update -q && \
    apt-get install -q -y --no-install-recommends ca-certificates python3 python3-pip && \
    # The system's certificates, as everywhere else: some networks add their own.
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        pip install -q --break-system-packages --no-cache-dir "${UV}"
WORKDIR /opt/headrace
COPY pyproject.toml uv.lock ./
ARG SERVICE
RUN SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_PROJECT_ENVIRONMENT=/opt/headrace/venv \
    uv sync -q --frozen --no-dev --no-install-project --extra "${SERVICE}" \
        --no-cache --compile-bytecode --link-mode copy --python /usr/bin/python3

FROM ${BASE} AS service
RUN apt-get update -q && \
    # Certificates: what another issuer of tokens, or a server of the log with TLS, is believed by.
    apt-get install -q -y --no-install-recommends ca-certificates python3 && \
    rm -rf /var/lib/apt/lists/* /var/log/*.log /var/cache/* && \
    groupadd --gid 10001 headrace && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir / --shell /usr/sbin/nologin headrace && \
    # Where the projector keeps its view. A new volume takes its owner from here.
    install -d -o headrace -g headrace -m 0700 /var/lib/headrace
WORKDIR /opt/headrace
COPY --from=needs /opt/headrace/venv venv
ENV PATH=/opt/headrace/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HEADRACE_API_HOST=0.0.0.0 HEADRACE_API_PORT=8070 \
    HEADRACE_NOTIFIER_HOST=0.0.0.0 HEADRACE_NOTIFIER_PORT=8070 \
    HEADRACE_HEALTH_HOST=0.0.0.0 HEADRACE_HEALTH_PORT=8070
COPY deploy/inside deploy
COPY services/__init__.py services/__init__.py
COPY shared shared
ARG SERVICE
COPY services/${SERVICE} services/${SERVICE}
# Nothing but this service and `shared` is here: an import of anything else ends the build.
RUN python -m compileall -q shared services deploy && python -m deploy.imports "services.${SERVICE}"
USER 10001:10001
EXPOSE 8070
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "deploy.healthy"]
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headrace-${SERVICE}" \
      org.opencontainers.image.description="Headrace: the ${SERVICE}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The command is in the form that takes no shell, and that form takes no variable.
FROM service AS api
CMD ["python", "-m", "services.api"]

FROM service AS projector
CMD ["python", "-m", "services.projector"]

FROM service AS notifier
CMD ["python", "-m", "services.notifier"]

FROM ${SERVICE}

# The image of the executor, with all fourteen languages. Built from the root of the repository:
#
#   docker build -f deploy/executor.Dockerfile -t headrace-executor .
#
# It runs as an ordinary user without capabilities; docs/containers.md says what its container is given.
# To leave languages out, give fewer LANGUAGES: what the image lacks is not offered.
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
RUN SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_PROJECT_ENVIRONMENT=/opt/headrace/venv \
    uv sync -q --frozen --no-dev --no-install-project --extra executor \
        --no-cache --compile-bytecode --link-mode copy --python /usr/bin/python3

FROM ${BASE}
# Programs see the system's interpreters and compilers, read-only; /opt is the executor's own, and not shown.
ARG LANGUAGES="python3 nodejs node-typescript bash gcc libc6-dev g++ openjdk-17-jdk-headless rustc golang-go \
    ruby php-cli perl lua5.4 sqlite3"
RUN apt-get update -q && \
    # Packages of Java want this directory, which slim systems lack.
    mkdir -p /usr/share/man/man1 && \
    apt-get install -q -y --no-install-recommends ca-certificates python3 ${LANGUAGES} && \
    rm -rf /var/lib/apt/lists/* /var/log/*.log /var/cache/apt /usr/share/man/* /usr/share/doc/* && \
    # No other container's user: what the kernel counts per uid, programs count on.
    groupadd --gid 10004 headrace && \
    useradd --uid 10004 --gid 10004 --no-create-home --home-dir / --shell /usr/sbin/nologin headrace
WORKDIR /opt/headrace
COPY --from=needs /opt/headrace/venv venv
ENV PATH=/opt/headrace/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HEADRACE_HEALTH_HOST=0.0.0.0 HEADRACE_HEALTH_PORT=8070 \
    HEADRACE_MINIMUM_ISOLATION=namespaces,uid,seccomp
COPY deploy/inside deploy
COPY deploy/headrace-doctor.sh /usr/local/bin/headrace
COPY services/__init__.py services/__init__.py
COPY shared shared
COPY services/executor services/executor
# Nothing but this service and `shared` is here: an import of anything else ends the build.
RUN python -m compileall -q shared services deploy && python -m deploy.imports services.executor
USER 10004:10004
EXPOSE 8070
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "deploy.healthy"]
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headrace-executor" \
      org.opencontainers.image.description="Headrace: the executor and its languages" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
CMD ["python", "-m", "services.executor"]

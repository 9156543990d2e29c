# The connector as an image, in two stages: what builds it stays behind. It runs as nobody special on a read-only root;
# only /state is written to: docker run --read-only -v "$PWD":/project:ro -v connector-state:/state --env-file .env IMAGE
FROM python:3.12.12-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/connector

# The lock first: this layer changes only when a dependency does.
COPY requirements.lock ./
RUN /opt/connector/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY connector ./connector
COPY mappings ./mappings
COPY playbooks ./playbooks
RUN /opt/connector/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.12.12-slim-bookworm

# /project holds mappings/ and playbooks/; /state holds ledger, warehouse and runs, and must outlive the container.
RUN groupadd --gid 10001 connector \
    && useradd --no-create-home --uid 10001 --gid 10001 --shell /usr/sbin/nologin connector \
    && install -d -m 0700 -o 10001 -g 10001 /state \
    && install -d /project
COPY --from=build /opt/connector /opt/connector

# Everything temporary goes to the state, too: nothing else can be written.
ENV PATH=/opt/connector/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CONNECTOR_HOME=/project CONNECTOR_STATE_DIR=/state TMPDIR=/state HOME=/state
USER 10001:10001
WORKDIR /project
VOLUME ["/state"]

# The service beats twice a minute; `health` looks whether it still does. A restart would mend no mapping, so how its
# jobs ended is no matter of health.
HEALTHCHECK --interval=1m --timeout=20s --start-period=1m CMD ["sh", "-c", "connector health || exit 1"]
# The running job ends first: give it time (docker stop --time 600).
STOPSIGNAL SIGTERM
ENTRYPOINT ["connector"]
CMD ["run"]

# The connector as an image: docker run -v "$PWD":/project:ro -v connector-state:/state --env-file .env IMAGE
FROM python:3.12-slim

# /project holds mappings/ and playbooks/; /state holds the ledger, the warehouse and the runs, and must outlive us.
RUN useradd --create-home --uid 10001 connector && install -d -o connector -g connector /project /state
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

# The lock first: this layer changes only when a dependency does.
COPY requirements.lock ./
RUN python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY connector ./connector
COPY mappings ./mappings
COPY playbooks ./playbooks
RUN python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .

USER connector
WORKDIR /project
ENV CONNECTOR_HOME=/project CONNECTOR_STATE_DIR=/state
VOLUME ["/project", "/state"]

# `check` reads the project only: a container whose documents are broken is unhealthy before its next run fails.
HEALTHCHECK --interval=5m --timeout=30s --start-period=30s CMD ["connector", "check"]
# The scheduler ends its running job and stops.
STOPSIGNAL SIGTERM
ENTRYPOINT ["connector"]
CMD ["run"]

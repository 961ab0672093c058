# One image for nodes and for the setup of an exchange; docker-compose.yml gives each service its command.
FROM python:3.11-slim

WORKDIR /opt/enlace
ENV PATH=/opt/enlace/.venv/bin:$PATH PYTHONUNBUFFERED=1

# Only the packages of the lock file; pip checks the hash of each file.
COPY requirements.lock ./
RUN python -m venv .venv \
    && python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements.lock

COPY pyproject.toml README.md ./
COPY schemas schemas
COPY broker broker
COPY node node
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

# The agreements of the demonstration that have only nodes of docker-compose.yml as parties.
COPY demo/agreements/bz-gt-border.toml demo/agreements/mesoamerica-trafficking.toml agreements/

# Homes contain private keys, so only one user can read them. A volume mounted here gets this owner and mode.
RUN useradd --system --uid 10001 --create-home enlace && install -d -o enlace -g enlace -m 0700 /exchange
USER enlace

CMD ["enlace", "--help"]

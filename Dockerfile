# One image for the nodes and for what sets them up; docker-compose.yml gives each its command.
FROM python:3.11-slim

WORKDIR /opt/enlace
ENV PATH=/opt/enlace/.venv/bin:$PATH PYTHONUNBUFFERED=1

# What is in the lock and nothing else, each file held against its hash.
COPY requirements.lock ./
RUN python -m venv .venv \
    && python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements.lock

COPY pyproject.toml README.md ./
COPY schemas schemas
COPY broker broker
COPY node node
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

# The agreements of the demonstration whose parties are the three nodes of docker-compose.yml.
COPY demo/agreements/bz-gt-border.toml demo/agreements/mesoamerica-trafficking.toml agreements/

# Homes hold private keys: one user has them, and a volume that is mounted here takes over owner and mode.
RUN useradd --system --uid 10001 --create-home enlace && install -d -o enlace -g enlace -m 0700 /exchange
USER enlace

CMD ["enlace", "--help"]

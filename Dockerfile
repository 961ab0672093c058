# One image for nodes and for the setup of an exchange; docker-compose.yml gives each service its command.
#
# Both stages name the base image by the digest of its index (python:3.11.15-slim-trixie, all platforms), so that a tag
# that moves changes nothing. Packages come from lock files, and pip checks the hash of each file. `make lock` writes
# them again.
FROM python:3.11-slim@sha256:db3ff2e1800a8581e2c48a27c3995339d47bdf046da21c7627accd3d51053a93 AS build

WORKDIR /build
COPY requirements-build.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md ./
COPY docs/errors.md docs/
COPY schemas schemas
COPY broker broker
COPY node node
COPY enlace enlace
RUN python -m pip wheel --disable-pip-version-check --no-deps --no-build-isolation --no-index -w wheel .

FROM python:3.11-slim@sha256:db3ff2e1800a8581e2c48a27c3995339d47bdf046da21c7627accd3d51053a93

WORKDIR /opt/enlace
ENV PATH=/opt/enlace/.venv/bin:$PATH PYTHONUNBUFFERED=1

# Only what a node needs at run time: no tool of the tests.
COPY requirements-runtime.lock ./
RUN python -m venv .venv \
    && python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements-runtime.lock
COPY --from=build /build/wheel wheel
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index wheel/*.whl

# The agreements of the demonstration that have only nodes of docker-compose.yml as parties.
COPY demo/agreements/bz-gt-border.toml demo/agreements/mesoamerica-trafficking.toml agreements/

# Homes contain private keys, so only one user can read them. A volume mounted at one of these folders gets this owner
# and mode.
RUN useradd --system --uid 10001 --create-home enlace \
    && install -d -o enlace -g enlace -m 0700 /setup /exchange /exchange/lab \
        /exchange/lab/bz /exchange/lab/gt /exchange/lab/mx
USER enlace

CMD ["enlace", "--help"]

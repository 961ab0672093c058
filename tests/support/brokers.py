"""A real Kafka for tests, where Java and Maven are present; elsewhere they skip and say why, and in CI they fail."""

import os
import shutil

import pytest

from broker.local.artifacts import cache_folder, find_artifacts
from broker.local.errors import LocalUsage


def kafka_missing() -> str | None:
    """Why no local broker can run here; None if one can. Nothing is downloaded."""
    if not cache_folder().is_dir():
        if shutil.which("mvn") is None:
            return "no `mvn` on the PATH"
        return None if shutil.which("java") else "no `java` on the PATH"
    try:
        find_artifacts()
    except LocalUsage as error:
        return str(error)
    return None


def require_kafka() -> None:
    """Skip the test where no broker can run, and fail it in CI: there the tests of Kafka are never left out."""
    reason = kafka_missing()
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI has to run the tests of Kafka: {reason}")
    pytest.skip(reason)

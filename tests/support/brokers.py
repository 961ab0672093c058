"""Decides whether tests can use a real Kafka. Without Java or Maven such tests are skipped, and in CI they fail."""

import os
import shutil

import pytest

from broker.local.artifacts import cache_folder, find_artifacts
from broker.local.errors import LocalUsage


def kafka_missing() -> str | None:
    """Why no local broker can run here; None if one can. It downloads nothing."""
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
    """Skip the test if no broker can run here. In CI fail it, so that tests of Kafka are never skipped there."""
    reason = kafka_missing()
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI has to run the tests of Kafka: {reason}")
    pytest.skip(reason)

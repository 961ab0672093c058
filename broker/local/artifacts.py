"""Finds Java and the jars of Apache Kafka. Maven downloads the jars once, into a cache for all projects of a user.

The cache is `ENLACE_CACHE`, or `~/.cache/enlace`. The jars are in its folder `kafka-VERSION`. That folder gets its name
when it is complete and checked, so an interrupted download leaves no folder that looks complete. The jars are checked
again each time that they are found (jar_pins.py). Maven is needed only to download.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.kafka.cluster_settings import KAFKA_VERSION
from broker.local.errors import LocalUnavailable, LocalUsage
from broker.local.filelock import locked
from broker.local.jar_pins import check_jars

JAVA_MIN: Final = 17  # Kafka 4 brokers do not start on less
FETCH_SECONDS_MAX: Final = 600.0  # 44 MB, on a slow line
ASK_SECONDS_MAX: Final = 30.0
OUTPUT_CHARS_MAX: Final = 2000
POM: Final = Path(__file__).with_name("pom.xml")
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """The files that a broker needs."""

    java: Path
    jars: Path
    """The folder that contains the jars."""
    java_id: str
    """A hash of the version of Java, for file names."""
    options: tuple[str, ...] = ()
    """Further options for Java, in addition to those of every broker."""

    @property
    def class_path(self) -> str:
        """The argument of `java -cp`."""
        return f"{self.jars}{os.sep}*"


def find_artifacts() -> Artifacts:
    """Find Java and the jars. Download the jars if they are not in the cache. Raises LocalUsage."""
    java, version = _java()
    jars = _jars()
    check_jars(jars)
    return Artifacts(java=java, jars=jars, java_id=hashlib.sha256(version.encode()).hexdigest()[:12])


def cache_folder() -> Path:
    """The folder for the jars of this version of Kafka, whether it exists or not."""
    root = os.environ.get("ENLACE_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "enlace").absolute() / f"kafka-{KAFKA_VERSION}"


def _java() -> tuple[Path, str]:
    """The program, and its answer to `-version`."""
    home = os.environ.get("JAVA_HOME")
    named = str(Path(home) / "bin" / "java") if home else "java"
    java = shutil.which(named)
    hint = f"install Java {JAVA_MIN} or later, for example the package openjdk-{JAVA_MIN}-jre-headless"
    if java is None:
        where = "there is none in JAVA_HOME" if home else "there is no `java` on the PATH"
        raise LocalUsage("java_missing", f"a local broker needs Java, and {where}", hint=hint)
    asked = subprocess.run(  # noqa: S603  # the user's own Java
        [java, "-version"], capture_output=True, text=True, timeout=ASK_SECONDS_MAX, check=False
    )
    version = _VERSION.search(asked.stderr + asked.stdout)
    if asked.returncode or version is None or int(version[1]) < JAVA_MIN:
        answer = (asked.stderr + asked.stdout).strip().partition("\n")[0] or "nothing"
        message = f"Java {JAVA_MIN} or later is needed, and `{java} -version` answers {answer}"
        raise LocalUsage("java_missing", message, hint=hint)
    return Path(java), asked.stderr + asked.stdout


def _jars() -> Path:
    folder = cache_folder()
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder.parent}: {error.strerror}"
        raise LocalUsage("cache_unwritable", message, hint="set ENLACE_CACHE to another folder") from None
    with locked(folder.with_name(f"{folder.name}.lock"), wait=True):
        if not folder.is_dir():  # another process may have downloaded them in the meantime
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Let Maven download the jars into a scratch folder, then rename that to `folder`."""
    maven = shutil.which("mvn")
    if maven is None:
        message = "Maven downloads the jars of Apache Kafka, and there is no `mvn` on the PATH"
        raise LocalUsage("maven_missing", message, hint="install Apache Maven 3, for example the package maven")
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        temporary = Path(scratch)
        shutil.copyfile(POM, temporary / "pom.xml")
        jars = temporary / "jars"
        command = [maven, "-q", "-B", "--strict-checksums", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        try:
            done = subprocess.run(  # noqa: S603  # the user's own Maven
                command, cwd=temporary, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
            )
            failure = (done.stdout + done.stderr).strip()[-OUTPUT_CHARS_MAX:] if done.returncode else None
        except subprocess.TimeoutExpired:
            failure = f"it did not finish within {FETCH_SECONDS_MAX:g} s"
        if failure is None and not any(jars.glob(f"kafka_*-{KAFKA_VERSION}.jar")):
            failure = f"it downloaded no kafka_*-{KAFKA_VERSION}.jar"
        if failure is not None:
            message = f"Maven did not download the jars of Apache Kafka: {failure}"
            raise LocalUnavailable(
                "artifacts_unavailable", message, hint="Maven needs access to its repository, or a filled cache"
            )
        check_jars(jars)
        jars.rename(folder)

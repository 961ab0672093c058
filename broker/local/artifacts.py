"""Java, and the jars of Apache Kafka: found, or fetched once by Maven into a cache that all projects of a user share.

The cache is `ENLACE_CACHE`, or `~/.cache/enlace`; the jars lie in `kafka-VERSION` of it. That folder takes its name
when everything is in it, so an interrupted download leaves nothing that looks complete. Maven is needed for that alone.
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

JAVA_MIN: Final = 17  # Kafka 4 brokers do not start on less
FETCH_SECONDS_MAX: Final = 600.0  # 44 MB; somebody's line is slow
ASK_SECONDS_MAX: Final = 30.0
OUTPUT_CHARS_MAX: Final = 2000
POM: Final = Path(__file__).with_name("pom.xml")
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """What it takes to run a broker."""

    java: Path
    jars: Path
    """The folder of the jars."""
    java_id: str
    """Which Java it is, as a name of a file can hold it."""
    options: tuple[str, ...] = ()
    """For Java, besides those that every broker gets."""

    @property
    def class_path(self) -> str:
        """As `java -cp` wants it."""
        return f"{self.jars}{os.sep}*"


def find_artifacts() -> Artifacts:
    """Find Java and the jars, fetching these when they are not in the cache; LocalUsage says what to install."""
    java, version = _java()
    return Artifacts(java=java, jars=_jars(), java_id=hashlib.sha256(version.encode()).hexdigest()[:12])


def cache_folder() -> Path:
    """Where the jars of this version lie or will lie."""
    root = os.environ.get("ENLACE_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "enlace").absolute() / f"kafka-{KAFKA_VERSION}"


def _java() -> tuple[Path, str]:
    """The program, and what it says of its version."""
    home = os.environ.get("JAVA_HOME")
    named = str(Path(home) / "bin" / "java") if home else "java"
    found = shutil.which(named)
    hint = f"install Java {JAVA_MIN} or later, as openjdk-{JAVA_MIN}-jre-headless"
    if found is None:
        where = "JAVA_HOME names none" if home else "no `java` on the PATH"
        raise LocalUsage("java_missing", f"a local broker runs on Java, and {where}", hint=hint)
    asked = subprocess.run(  # noqa: S603  # the user's own Java
        [found, "-version"], capture_output=True, text=True, timeout=ASK_SECONDS_MAX, check=False
    )
    version = _VERSION.search(asked.stderr + asked.stdout)
    if asked.returncode or version is None or int(version[1]) < JAVA_MIN:
        said = (asked.stderr + asked.stdout).strip().partition("\n")[0] or "nothing"
        raise LocalUsage("java_missing", f"Java {JAVA_MIN} is needed, and {found} says {said}", hint=hint)
    return Path(found), asked.stderr + asked.stdout


def _jars() -> Path:
    folder = cache_folder()
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder.parent}: {error.strerror}"
        raise LocalUsage("cache_unwritable", message, hint="name another folder in ENLACE_CACHE") from None
    with locked(folder.with_name(f"{folder.name}.lock"), wait=True):
        if not folder.is_dir():  # another process may have fetched them meanwhile
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Have Maven copy the jars beside `folder`, then give them its name."""
    maven = shutil.which("mvn")
    if maven is None:
        message = "the jars of Apache Kafka are fetched by Maven, and no `mvn` is on the PATH"
        raise LocalUsage("maven_missing", message, hint="install Apache Maven 3, as the package maven")
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        temporary = Path(scratch)
        shutil.copyfile(POM, temporary / "pom.xml")
        jars = temporary / "jars"
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        try:
            done = subprocess.run(  # noqa: S603  # the user's own Maven
                command, cwd=temporary, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
            )
            failure = (done.stdout + done.stderr).strip()[-OUTPUT_CHARS_MAX:] if done.returncode else None
        except subprocess.TimeoutExpired:
            failure = f"it was not done within {FETCH_SECONDS_MAX:g} s"
        if failure is None and not any(jars.glob(f"kafka_*-{KAFKA_VERSION}.jar")):
            failure = f"it brought no kafka_*-{KAFKA_VERSION}.jar"
        if failure is not None:
            message = f"Maven did not bring the jars of Apache Kafka: {failure}"
            raise LocalUnavailable(
                "artifacts_unavailable", message, hint="Maven needs its repository, or a filled cache"
            )
        jars.rename(folder)

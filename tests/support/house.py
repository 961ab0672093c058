"""The tables of the house rules, with a line for each package. test_house_rules.py compares them with the code.

A length in OVER_LENGTH may go down but never up.
"""

from typing import Final

PACKAGES: Final = """
    reports rows mapping sealing trust sharing verification database access_chain undecided store outgoing
    webhooks credentials integrity sending exchange retention audit supervision runtime answers access health
    upkeep commands handing_in metrics http overviews integrators notifications drop_folder serving gateway
    console doctor remote terminal top cli
""".split()  # noqa: SIM905 - a list of names reads best so
"""The packages of `node`, lowest first: a package imports itself and those before it, never a later one.

The modules directly in `node` are the lowest, and import only each other.
"""

MODULES_IN_PACKAGE_MAX: Final = 25

PURE_PACKAGES: Final = "reports mapping sealing trust sharing verification"
"""These packages contain rules: no `await`, file, clock, randomness or log. Time and randomness are arguments."""

IMPURE: Final = """
    mapping.import_rows mapping.open_source mapping.join_files mapping.draft_mapping
    sealing.private_keys sealing.key_file trust.document_files trust.stops_known
"""
"""Modules of those packages that read files, or that import a module which does."""

TABLES_READ_AT_IMPORT: Final = "reports.identifiers reports.phone_numbers reports.plausibility"
"""Pure modules that read tables of this project once, when they are imported."""

BROKER_PORT: Final = frozenset({"broker.bus", "broker.log", "broker.streams", "broker.topology"})
"""Modules of `broker` that `node` may import: the port, its types, and the choice of an implementation."""

SOLE_IMPORTERS: Final[dict[str, str]] = {
    "fastavro": "schemas/avro/codec.py schemas/avro/encoder.py",
    "aiokafka": (
        "broker/kafka/admin.py broker/kafka/answer_limit.py broker/kafka/client.py broker/kafka/consumer.py "
        "broker/kafka/producer.py"
    ),
    "sqlite3": "broker/embedded/ node/database/ node/commands/version.py",
    "sqlalchemy": (
        "node/database/ node/access_chain/ node/undecided/ node/store/ node/outgoing/ node/webhooks/ node/credentials/ "
        "node/integrity/ node/retention/"
    ),
    "alembic": "node/database/",
    "cryptography": "broker/local/authority.py node/sealing/ node/verification/opening.py",
    "typer": "node/cli/ node/terminal/",
    "rich": "node/terminal/ node/top/",
    "starlette": "node/console/ node/gateway/ node/http/ node/serving/",
    "jinja2": "node/console/rendering.py",
    "uvicorn": "node/serving/",
    "httptools": "node/serving/",
    "httpcore": "node/notifications/ enlace/head_deadline.py",
    "random": "",
    "secrets": "broker/local/ enlace/chance.py",
    "enlace": "enlace/ node/remote/",
    "httpx": "enlace/",
    "subprocess": "broker/local/",
    "socket": "broker/local/ node/supervision/notify.py node/serving/",
    "prometheus_client": "node/metrics/",
}
"""Library -> the files, and the folders ending in `/`, that may import it. No other file imports it."""

NO_PRIVATE_ATTRIBUTES: Final = (
    "node/database/",
    "node/access_chain/",
    "node/store/",
    "node/retention/",
    "node/integrity/",
)
"""Folders that use no private attribute of a library, nor of another class."""

SOLE_CALLERS: Final[dict[str, str]] = {
    "time.time": "",
    "time.time_ns": "node/clock.py broker/embedded/file.py",
    "datetime.now": "",
    "datetime.utcnow": "",
    "datetime.today": "",
    "date.today": "",
    "os.urandom": "node/system_random.py",
    "uuid4": "",
    "uuid1": "",
    "print": "",
}
"""Call -> the files and folders that may make it."""

ERRORS: Final = frozenset(
    {"DocumentInvalid", "HttpError", "Refused", "Rejected", "RestartNeeded", "Unavailable", "UsageError"}
)
"""The classes of errors that services raise."""

STREAM_NAMES: Final = r"(.*\bintel\b.*|keys|receipts|checkpoints|proposals|governance)(\.[a-z][a-z0-9])?\Z"
"""A literal without spaces that matches is the name of a stream or of a topic, or part of one."""

SOLE_NAMERS_OF_STREAMS: Final = "broker/streams.py"

OTHER_MEANINGS: Final[dict[str, str]] = {
    "demo/show.py": "receipts",  # a command
    "node/cli/": "governance receipts keys",  # commands
    "node/terminal/": "governance receipts keys",  # commands
    "node/commands/receipts.py": "receipts",  # a command
    "node/commands/init.py": "keys",  # a table of node.toml, a field of an answer
    "node/trust/signed_document.py": "keys",  # a field of a document
    "node/database/migrations/versions/v0010_quotas.py": "governance",  # a reason
    "node/verification/judge.py": "governance",  # a code
}
"""File, or folder ending in `/` -> its words that equal the name of a stream but mean something else."""

FILE_LINES_MAX: Final = 200
FUNCTION_LINES_MAX: Final = 40
TEST_LINES_MAX: Final = 650
TEST_FUNCTION_LINES_MAX: Final = 50
OVER_LENGTH_SLACK: Final = 10  # a file may be this much shorter than its number in OVER_LENGTH

UNMEASURED: Final = ("schemas/types.py", "node/database/migrations/versions/")
"""Generated files, and migrations, which are never edited."""

OVER_LENGTH: Final[dict[str, int]] = {}
"""What was longer than the limits when the test was added: file, or file and function -> lines."""

NAMES_REFUSED: Final = frozenset({"utils", "util", "helpers", "helper", "manager", "handler", "handlers", "common"})
"""Names of modules that do not say what the module does."""

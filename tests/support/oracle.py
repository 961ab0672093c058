"""What each node must hold after the real input, computed from the two files and the texts in examples/ alone.

It applies the mappings and the agreements a second time, row by row and clause by clause. It imports nothing of the
product, because a test cannot find an error that both share. Times are RFC 3339 text as in the contract. Codes come
from the tables of the mapping files; how they are used is written here again.
"""

import csv
import json
import tomllib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

NODES = ("BZ", "GT", "MX", "CO", "ES", "BR", "PE", "VE", "EC", "JM", "DO", "HT", "PA", "NL")
HOME_REGION = {  # the first region that lists the node; a report without a region goes there
    **dict.fromkeys(("BZ", "DO", "HT", "JM"), "caribbean"),
    **dict.fromkeys(("GT", "MX", "PA"), "central-america"),
    **dict.fromkeys(("BR", "CO", "EC", "PE", "VE"), "south-america"),
    **dict.fromkeys(("ES", "NL"), "europe"),
}
NAMESPACE = UUID("6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f10")
NO_VALUE = {"seizures": ("", "-", "NO REPORTA"), "attacks": ("", "NA", "Name Withheld", "Unspecified", "Unknown")}

Row = Mapping[str, str]
Key = tuple[str, str]
"""Originator and report id, which identify a report at every node."""

RULES = (
    "status", "not_before", "not_after", "from", "to",
    "regions", "subjects", "types", "categories", "handling", "purposes", "retention_days_max", "special_categories",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A report that must reach other nodes, and the row of which it was made."""

    originator: str
    row: int
    report: Mapping[str, Any]
    """The whole report as `search` shows it, without `created_at`."""

    @property
    def key(self) -> Key:
        """Originator and report id."""
        return self.originator, self.report["report_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The result of importing a file at all nodes together."""

    rows: int
    reports: tuple[Expected, ...]
    owners: Mapping[int, str]
    """The node of each row."""

    duplicates: tuple[int, ...]
    refused: Mapping[int, str]
    """Row -> the reason why it is rejected."""

    def outcome(self, row: int) -> str:
        """The outcome of a row that the answer of the import must have."""
        if row in self.refused:
            return "refused"
        return "duplicate" if row in self.duplicates else "accepted"


def seizures(data: Path, mappings: Path) -> Input:
    """The seizures of Colombia, all from CO."""
    rows = json.loads((data / "seizures-colombia-2018/data/data.json").read_text("utf-8"))
    known = tables(mappings / "seizures-colombia.toml")
    return _input(rows, "seizures-colombia-2018", lambda _: "CO", lambda row: _seizure(row, known))


def attacks(data: Path, mappings: Path) -> Input:
    """The attacks on vessels, each from the state of its zone, else of its coast, else from Spain."""
    known = tables(mappings / "pirate-attacks.toml")
    nodes = {alpha3: codes[0] for alpha3, codes in known["nodes"]["codes"].items()}

    def owner(row: Row) -> str:
        return nodes.get(row["eez_country"]) or nodes.get(row["nearest_country"]) or "ES"

    return _input(attack_rows(data), "pirate-attacks", owner, lambda row: _attack(row, known))


def attack_rows(data: Path) -> list[dict[str, str]]:
    """The attacks as they are in the file."""
    with (data / "pirate-attacks/data/csv/pirate_attacks.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tables(mapping: Path) -> dict[str, Any]:
    """The code tables of a mapping."""
    found: dict[str, Any] = tomllib.loads(mapping.read_text("utf-8"))["table"]
    return found


def _input(
    rows: Sequence[Row], mapping: str, owner: Callable[[Row], str], make: Callable[[Row], dict[str, Any]]
) -> Input:
    reports: dict[str, Expected] = {}
    owners: dict[int, str] = {}
    duplicates: list[int] = []
    refused: dict[int, str] = {}
    for number, row in enumerate(rows, start=1):
        owners[number] = originator = owner(row)
        canonical = json.dumps(dict(row), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        report_id = str(uuid5(NAMESPACE, f"{originator}\n{mapping}\n{canonical}"))
        try:
            made = make(row)
        except ValueError as error:
            refused[number] = str(error)
            continue
        if report_id in reports:
            duplicates.append(number)
            continue
        region = made.pop("region", HOME_REGION[originator])
        filled = {"kind": "REPORT", "region": region, "report_id": report_id, "references": []}
        reports[report_id] = Expected(originator=originator, row=number, report=filled | made)
    return Input(
        rows=len(rows),
        reports=tuple(reports.values()),
        owners=owners,
        duplicates=tuple(duplicates),
        refused=refused,
    )


def _seizure(row: Row, known: Mapping[str, Any]) -> dict[str, Any]:
    value = {name: text for name, text in row.items() if text not in NO_VALUE["seizures"]}
    midnight = datetime.strptime(value["fecha"][:10], "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(hours=5)  # Bogotá
    where = f"{value['municipio']}, {value['departamento']}"
    drug = value["clase_de_estupefaciente"]
    unit = value["unidad_de_medida"]
    amount = value["cantidad"]
    site = value["clase_de_sitio"]
    area = value["zona"]
    return {
        "region": "south-america",
        "subjects": _distinct("DRUG_TRAFFICKING", *_codes(known["subjects"], site)),
        "narrative": {
            "text": f"Incautación de {amount} {unit} de {drug} en {where} ({site}, zona {area}), {value['dia']}.",
            "language": "es",
        },
        "occurred": _whole_day(midnight),
        "place": {"area": where, "text": f"{int(value['c_digo_dane']):08d}"},
        "urgency": "NORMAL",
        "purpose": {"URBANA": "OPERATIONAL_ANALYSIS", "RURAL": "INFORMATION_EXCHANGE"}[area],
        "legal_basis": "Ley 62 de 1993, art. 19; Convención de Viena de 1988, art. 9",
        "retain_until": "2031-12-31",
        "evaluation": {"grid": "4x4", "source": "A", "information": "1"},
        "handling": _codes(known["handling"], site),
        "entities": [
            {
                "id": 1,
                "kind": "GOODS",
                "statement": "FACT",
                "label": drug,
                "identifiers": [],
                "goods": {
                    "type": _codes(known["drug"], drug)[0],
                    "quantity": amount,
                    "unit": {"GRAMO": "G", "KILOGRAMO": "KG"}[unit],
                },
            }
        ],
        "connections": [],
    }


def _attack(row: Row, known: Mapping[str, Any]) -> dict[str, Any]:
    value = {name: text for name, text in row.items() if text not in NO_VALUE["attacks"]}
    kind, vessel, where = value.get("attack_type"), value.get("vessel_name"), value.get("location_description")
    source = value["data_source"]
    description = value.get("attack_description") or (
        f"Attack on {vessel or 'a vessel'} at {where or 'an unnamed place'}: {kind or 'kind not recorded'}, "
        f"{value.get('vessel_status', 'status not recorded')}."
    )
    entities: list[dict[str, Any]] = []
    if vessel is not None:
        entities.append(
            {
                "id": 1,
                "kind": "VESSEL",
                "statement": "FACT",
                "label": f"{vessel}, {value.get('vessel_type', 'vessel')}",
                "identifiers": [{"scheme": "NAME", "value": _upper_name(vessel)}],
            }
        )
    if where is not None:
        entities.append({"id": 2, "kind": "LOCATION", "statement": "FACT", "label": where, "identifiers": []})
    located = {"from": 1, "to": 2, "role": "LOCATED_AT", "statement": "FACT"}
    place: dict[str, Any] = {
        "latitude_microdegrees": _microdegrees(value["latitude"]),
        "longitude_microdegrees": _microdegrees(value["longitude"]),
    }
    made = {
        "subjects": _codes(known["subjects"], kind),
        "narrative": {"text": description, "language": "en"},
        "occurred": _occurred(value, known["zones"]["codes"]),
        "place": place if where is None else place | {"text": where},
        "urgency": _codes(known["urgency"], kind)[0],
        "purpose": {"imb": "OPERATIONAL_ANALYSIS", "mappingpiracy": "STRATEGIC_ANALYSIS"}[source],
        "legal_basis": "UNCLOS, art. 100 and 108; SUA Convention 1988, art. 14",
        "retain_until": {"imb": "2034-12-31", "mappingpiracy": "2029-12-31"}[source],
        "evaluation": {"grid": "4x4"}
        | {"imb": {"source": "A", "information": "2"}, "mappingpiracy": {"source": "B", "information": "3"}}[source],
        "handling": _codes(known["handling"], kind),
        "entities": entities,
        "connections": [located] if len(entities) == 2 else [],
    }
    if words := known["handling_text"]["codes"].get(kind):
        made["handling_text"] = words[0]
    return made


def _codes(table: Mapping[str, Any], text: str | None) -> list[str]:
    """The codes of a value: its own entry in the table, else the entry for all others or the entry for no value."""
    found: list[str] = table["missing"] if text is None else table["codes"].get(text, table.get("otherwise"))
    return list(found)


def _distinct(*codes: str) -> list[str]:
    return [code for index, code in enumerate(codes) if code not in codes[:index]]


def _occurred(value: Row, zones: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """UTC if the time says so; else local time of the state of the zone, or of the coast."""
    day = datetime.strptime(value["date"], "%Y-%m-%d").replace(tzinfo=UTC)
    states = (value.get("eez_country", ""), value.get("nearest_country", ""))
    offset = next((zones[state][0] for state in states if state in zones), "+00:00")
    ahead = timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[4:]))
    clock = value.get("time")
    if clock is None:
        return _whole_day(day - ahead)
    hour, minute = int(clock[:2]), int(clock[3:5])
    if hour > 23 or minute > 59:
        raise ValueError(f"{clock} is not a time of day")
    moment = day + timedelta(hours=hour, minutes=minute)
    return {"from": _text(moment if clock.endswith(" UTC") else moment - ahead)}


def _whole_day(start: datetime) -> dict[str, str]:
    return {"from": _text(start), "until": _text(start + timedelta(days=1) - timedelta(milliseconds=1))}


def _text(moment: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds only if they are not zero."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond // 1000:03d}Z" if moment.microsecond else "Z")


def _microdegrees(degrees: str) -> int:
    return int((Decimal(degrees) * 1_000_000).to_integral_value())


def _upper_name(name: str) -> str:
    """Upper case, no accents, single spaces."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", name.upper()) if not unicodedata.combining(letter)
    )
    return " ".join(bare.translate({0x2019: "'", 0x60: "'"}).split())


def agreements(folder: Path) -> list[dict[str, Any]]:
    """The agreements as they are in their files."""
    return [tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]


def in_force(agreement: Mapping[str, Any], at: datetime, *, without: str = "") -> bool:
    """Whether the agreement applies by status and dates. `without` leaves out one rule, to show its effect."""
    return (
        (without == "status" or agreement.get("status", "IN_FORCE") == "IN_FORCE")
        and (without == "not_before" or agreement["not_before"] <= at)
        and (without == "not_after" or at < agreement["not_after"])
    )


def covers(clause: Mapping[str, Any], report: Expected, recipient: str, day: date, *, without: str = "") -> bool:
    """Whether this clause alone covers the whole report, which was accepted on `day`."""
    body = report.report
    persons = [entity["person"] for entity in body["entities"] if "person" in entity]
    named = {
        "from": [report.originator],
        "to": [recipient],
        "regions": [body["region"]],
        "subjects": body["subjects"],
        "types": [body["kind"]],
        "categories": [person["category"] for person in persons],
        "handling": body["handling"],
        "purposes": [body["purpose"]],
    }
    days = (date.fromisoformat(body["retain_until"]) - day).days
    return (
        all(
            rule == without or clause[rule] == ["*"] or set(codes) <= set(clause[rule]) for rule, codes in named.items()
        )
        and (without == "retention_days_max" or days <= clause["retention_days_max"])
        and (
            without == "special_categories"
            or clause.get("special_categories", False)
            or not any(person["special_category"] for person in persons)
        )
    )


def holdings(
    reports: Sequence[Expected],
    agreed: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    day: Callable[[Expected], date],
    without: str = "",
) -> dict[str, set[Key]]:
    """The reports that each node must hold: its own, and those that a clause admits. `day` is the day of intake."""
    held = {node: {report.key for report in reports if report.originator == node} for node in NODES}
    alike: dict[tuple[Any, ...], set[str]] = {}  # reports that are equal in every field that a rule reads
    for report in reports:
        body, taken = report.report, day(report)
        codes = (*body["subjects"], "", *body["handling"])
        group = (report.originator, body["region"], body["purpose"], body["retain_until"], taken, codes)
        if group not in alike:
            alike[group] = {
                recipient
                for agreement in agreed
                if in_force(agreement, at, without=without)
                for recipient in agreement["parties"]
                if report.originator in agreement["parties"]
                and any(covers(clause, report, recipient, taken, without=without) for clause in agreement["clause"])
            }
        for recipient in alike[group]:
            held[recipient].add(report.key)
    return held

"""Tests docs/contract.md on the command line: search, show, quarantine and policy explain."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from broker.embedded.log import EmbeddedLog
from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import agreement, lab

WORDS = ("Eastern cay", "Río Hondo crossing", "Western Highway", "Patrulla del Petén", "Cedar on two mules")


def report_with(words: str, **changes: Any) -> dict[str, Any]:
    """A report with this text."""
    return report(narrative={"text": words, "language": "en"}, retain_until="2035-06-30", **changes)


async def spoil(log: Path) -> None:
    """The operator of the broker writes garbage into a topic of BZ."""
    bus = EmbeddedLog(log)
    await bus.append("intel.caribbean.bz", [b"no record at all"])
    await bus.close()


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """BZ holds five own reports and one of GT. GT has garbage in quarantine."""
    folder = tmp_path_factory.mktemp("reading")
    made = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING", "CONTRABAND")))
    lines = [json.dumps(report_with(words)) for words in WORDS]
    ok("publish", "-", home=made["BZ"], data="\n".join(lines).encode())
    phone = [{"scheme": "PHONE", "value": "+502 5510 1234"}]
    plate = [{"scheme": "PLATE", "value": "P-123 BBB", "country": "GT"}]
    entities = [
        {"id": 1, "kind": "PHONE", "statement": "FACT", "identifiers": phone},
        {"id": 2, "kind": "VEHICLE", "statement": "FACT", "identifiers": plate},
    ]
    other = report_with("A phone in Melchor", subjects=["CONTRABAND"], entities=entities)
    ok("publish", "-", home=made["GT"], data=json.dumps(other).encode())
    step(*made.values())
    asyncio.run(spoil(folder / "lab" / "log.db"))
    step(made["GT"])
    return made


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [row["report"]["narrative"]["text"] for row in found]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--all"], 6),
        (["--text", "RIO hondo"], 1),
        (["--text", "río"], 1),
        (["--text", "mules highway"], 0),
        (["--originator", "gt"], 1),
        (["--subject", "CONTRABAND"], 1),
        (["--identifier", "PHONE=+502-55101234"], 1),
        (["--identifier", "phone=+50255101234"], 1),
        (["--identifier", "NAME=sea test"], 5),
        (["--identifier", "BZ:NAME=sea test"], 5),
        (["--identifier", "PLATE=p123bbb"], 1),
        (["--identifier", "gt:plate=p123bbb"], 1),
        (["--identifier", "MX:PLATE=p123bbb"], 0),
        (["--identifier", "GT:PHONE=5510 1234"], 1),
        (["--identifier", "MX:PHONE=+50255101234"], 1),
        (["--since", "2026-01-01"], 6),
        (["--since", "2100-01-01T00:00:00Z"], 0),
        (["--text", "phone", "--originator", "BZ"], 0),
        (["--originator", "gt", "--originator", "BZ"], 6),
        (["--subject", "CONTRABAND", "--subject", "DRUG_TRAFFICKING"], 6),
        (["--text", "melchor", "--text", "hondo"], 2),
        (["--text", "melchor", "--text", "nothing"], 1),
        (["--text", "melchor", "--text", "hondo", "--originator", "BZ"], 1),
        (["--identifier", "PLATE=P123BBB", "--identifier", "NAME=sea test"], 6),
        (["--identifier", "MX:PLATE=P123BBB", "--identifier", "GT:PLATE=P123BBB"], 1),
        (["--identifier", "PLATE=P123BBB", "--identifier", "NAME=sea test", "--subject", "CONTRABAND"], 1),
        (["--identifier", "PLATE=\u0420123\u0412\u0412\u0412"], 1),
        (["--text", "sea test"], 5),
        (["--text", "+502 5510-1234"], 1),
        (["--text", "p123bbb"], 1),
        (["--text", "P-123 BBB"], 1),
        (["--text", "peten pa\u00adtrulla"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_search_finds_what_every_filter_names(homes: dict[str, Path], filters: list[str], expected: int) -> None:
    assert len(ok("search", *filters, home=homes["BZ"])) == expected


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ([], None),
        (["--limit", "0", "--all"], "--limit"),
        (["--limit", "1001", "--all"], "--limit"),
        (["--limit", "many", "--all"], "--limit"),
        (["--after", "x", "--all"], "--after"),
        (["--since", "yesterday"], "--since"),
        (["--since", "2026-01-01T00:00:00"], "--since"),
        (["--identifier", "9074729"], "--identifier"),
        (["--identifier", "IMO=1234568"], "--identifier"),
        (["--identifier", "IMO="], "--identifier"),
        (["--identifier", "SHOE_SIZE=42"], "--identifier"),
        (["--identifier", "ZZ:PLATE=P123BBB"], "--identifier"),
        (["--identifier", ":PLATE=P123BBB"], "--identifier"),
        (["--identifier", "GT:PHONE=1234"], "--identifier"),
        (["--identifier", "PLATE=P123BBB", "--identifier", "IMO="], "--identifier"),
        (["--identifier", ""], None),
        (["--all", "--purpose", "CURIOSITY"], "--purpose"),
        (["--all", "--purpose", ""], "--purpose"),
        (["--all", "--reason", " \t"], "--reason"),
        (["--subject", "WEATHER"], "--subject"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_search_with_a_wrong_argument_ends_with_2_and_names_the_option(
    homes: dict[str, Path], options: list[str], path: str | None
) -> None:
    ran = cli("search", *options, home=homes["BZ"])

    assert ran.exit == 2
    assert ran.error["path"] == path


def test_pages_by_limit_and_cursor_are_the_whole_in_order_of_arrival(homes: dict[str, Path]) -> None:
    whole = ok("search", "--all", home=homes["BZ"])
    paged: list[dict[str, Any]] = []
    while page := ok(
        "search", "--all", "--limit", 4, *(["--after", paged[-1]["cursor"]] if paged else []), home=homes["BZ"]
    ):
        assert len(page) <= 4
        paged += page

    assert paged == whole
    assert sorted(texts(whole)) == sorted([*WORDS, "A phone in Melchor"])


def test_a_report_is_shown_as_it_was_sent_with_what_the_system_fills_in(homes: dict[str, Path]) -> None:
    [found] = ok("search", "--text", "melchor", home=homes["BZ"])
    shown = found["report"]

    assert shown["entities"][0]["identifiers"] == [{"scheme": "PHONE", "value": "+50255101234"}]
    assert (shown["kind"], shown["region"], shown["references"]) == ("REPORT", "central-america", [])
    assert shown["report_id"] == found["report_id"]
    assert shown["created_at"] == found["created_at"]


def test_show_takes_a_report_id_or_a_message_id_and_names_the_clause(homes: dict[str, Path]) -> None:
    [found] = ok("search", "--text", "melchor", home=homes["BZ"])
    [by_report] = ok("show", found["report_id"].upper(), home=homes["BZ"])
    [by_message] = ok("show", found["message_id"], home=homes["BZ"])
    [own] = ok("show", found["report_id"], home=homes["GT"])

    assert by_report == by_message
    assert {name: by_report[name] for name in found} == found
    assert by_report["decision"] == {
        "outcome": "stored",
        "agreement": "BZ-GT",
        "clause": "1",
        "reason": "clause 1 of BZ-GT covers it",
    }
    assert own["decision"]["agreement"] is None


def test_show_refuses_an_unknown_id_and_a_text_that_is_not_an_id_is_a_usage_error(homes: dict[str, Path]) -> None:
    unknown = cli("show", "6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f10", home=homes["BZ"])

    assert (unknown.exit, unknown.error["code"], unknown.error["path"]) == (1, "not_found", "ID")
    assert cli("show", "42", home=homes["BZ"]).exit == 2


def test_the_bytes_of_a_quarantined_record_are_written_to_a_new_file_of_its_owner(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    [row] = ok("quarantine", "list", home=homes["GT"])
    raw = tmp_path / "raw.bin"
    [shown] = ok("quarantine", "show", row["id"], "--raw", raw, home=homes["GT"])

    assert (row["code"], row["step"], row["size"], row["originator"]) == ("framing_invalid", 1, 16, "BZ")
    assert {name: shown[name] for name in row} == row
    assert raw.read_bytes() == b"no record at all"
    assert stat.S_IMODE(raw.stat().st_mode) == 0o600
    assert cli("quarantine", "show", row["id"], "--raw", raw, home=homes["GT"]).error["code"] == "file_exists"
    missing = cli("quarantine", "show", row["id"], "--raw", tmp_path / "no" / "raw", home=homes["GT"])
    assert missing.error["code"] == "file_unwritable"
    assert cli("quarantine", "show", "no-id", home=homes["GT"]).exit == 1


def explain(home: Path, path: Path, *options: str, sender: str = "BZ", recipient: str = "GT") -> Any:
    return cli("policy", "explain", "--from", sender, "--to", recipient, "--report", path, *options, home=home)


def test_policy_explain_names_the_clause_that_allows_or_the_reason_against_each(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    allowed, refused = tmp_path / "allowed.json", tmp_path / "refused.json"
    allowed.write_text(json.dumps(report_with("x")))
    refused.write_text(json.dumps(report_with("x", subjects=["TRAFFICKING_IN_HUMAN_BEINGS"])))
    [yes], no = explain(homes["BZ"], allowed).objects, explain(homes["BZ"], refused)
    reason = "subject TRAFFICKING_IN_HUMAN_BEINGS is not in the clause"

    assert (yes["outcome"], yes["agreement"], yes["clause"]) == ("allowed", "BZ-GT", "1")
    assert no.exit == 0
    assert no.objects == [
        {
            "outcome": "refused",
            "agreement": "BZ-GT",
            "clause": "1",
            "reason": reason,
            "considered": [{"agreement": "BZ-GT", "clause": "1", "reason": reason}],
        }
    ]


def test_policy_explain_decides_for_the_given_time(homes: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report_with("x")))
    early = explain(homes["BZ"], path, "--at", "2025-12-31T23:59:59Z")
    begun = explain(homes["BZ"], path, "--at", "2026-01-01")

    assert (early.exit, begun.exit) == (0, 0)
    assert early.objects[0]["reason"] == "agreement is not in force before 2026-01-01T00:00:00Z"


def test_policy_explain_refuses_an_unknown_node_and_an_invalid_report(homes: dict[str, Path], tmp_path: Path) -> None:
    good, empty, text = tmp_path / "good.json", tmp_path / "empty.json", tmp_path / "text.json"
    good.write_text(json.dumps(report_with("x")))
    empty.write_text("{}")
    text.write_text("nonsense")
    stranger = explain(homes["BZ"], good, recipient="FR")

    assert (stranger.exit, stranger.error["path"]) == (2, "--to")
    assert explain(homes["BZ"], empty).exit == 1
    assert explain(homes["BZ"], text).exit == 2
    assert explain(homes["BZ"], tmp_path / "nowhere.json").exit == 2


def test_for_a_person_a_list_is_a_table_and_an_empty_list_is_reported(homes: dict[str, Path]) -> None:
    table = cli("quarantine", "list", home=homes["GT"], json_=False)
    none = cli("withheld", "list", home=homes["GT"], json_=False)

    assert table.out.splitlines()[0].split()[:3] == ["id", "code", "step"]
    assert "framing_invalid" in table.out
    assert (none.exit, none.out, none.err) == (0, "", "nothing found\n")
    assert cli("search", "--text", "nowhere", home=homes["GT"], json_=False).err == "nothing found\n"


def test_text_of_a_report_cannot_move_the_cursor_of_a_terminal(homes: dict[str, Path]) -> None:
    """The text is stored verbatim, and escaped when it is shown."""
    words = "\x1b[2Jforged\nmessage_id  1"
    [answer] = cli("publish", "-", home=homes["BZ"], data=json.dumps(report_with(words)).encode()).objects
    step(homes["BZ"])
    [kept] = cli("show", answer["report_id"], home=homes["BZ"]).objects
    shown = cli("show", answer["report_id"], home=homes["BZ"], json_=False)

    assert kept["report"]["narrative"]["text"] == words
    assert "\x1b" not in shown.out
    assert "\nmessage_id  1" not in shown.out


def test_a_topic_that_the_node_does_not_read_cannot_be_read_again(homes: dict[str, Path]) -> None:
    ran = cli("reread", "intel.nowhere.xx", home=homes["GT"])

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (2, "topic_unknown", "TOPIC")


def test_purge_and_drop_need_to_know_which_records(homes: dict[str, Path]) -> None:
    assert cli("quarantine", "purge", home=homes["GT"]).exit == 2
    assert cli("pending", "drop", home=homes["GT"]).exit == 2
    assert cli("pending", "drop", "77", home=homes["GT"]).error["code"] == "not_found"


def test_the_bytes_of_a_purged_record_cannot_be_written(homes: dict[str, Path], tmp_path: Path) -> None:
    """The row stays, and says that its bytes are gone."""
    [row] = ok("quarantine", "list", home=homes["GT"])
    assert not row["purged"]
    ok("quarantine", "purge", row["id"], home=homes["GT"])
    [after] = ok("quarantine", "list", home=homes["GT"])
    ran = cli("quarantine", "show", row["id"], "--raw", tmp_path / "raw", home=homes["GT"])

    assert after["purged"]
    assert (ran.exit, ran.error["code"]) == (1, "record_purged")
    assert not (tmp_path / "raw").exists()
    assert cli("quarantine", "purge", "no-such-id", home=homes["GT"]).error["code"] == "not_found"

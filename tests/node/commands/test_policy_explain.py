"""`policy explain` decides as the sender would: beside a clause, the recipient needs a valid key."""

import json
from pathlib import Path

import pytest

from node.commands import governance as governing
from node.commands.governance import Context
from node.commands.policy_explain import Explanation, explain
from node.errors import UsageError
from node.runtime.home import Home, open_home
from node.trust.governance import Governance
from tests.support.exchange import report
from tests.support.processes import agreement, lab

AFTER_THE_NODE_DOCUMENTS = "2039-01-01T00:00:00Z"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """BZ, which may send to GT until 2040; the NODE documents of the lab are valid for ten years."""
    text = agreement("BZ-GT", ["BZ", "GT"]).replace("2036-01-01", "2040-01-01")
    return open_home(lab(tmp_path, ["BZ", "GT"], text)["BZ"])


def explained(home: Home, at: str | None = None) -> Explanation:
    """The explanation for a report of BZ to GT."""
    data = json.dumps(report(retain_until="2039-12-31" if at else "2027-12-31")).encode()
    return explain(home, sender="BZ", recipient="GT", report=data, at=at)


def test_a_clause_and_a_valid_key_allow_it(home: Home) -> None:
    answer = explained(home)

    assert (answer.outcome, answer.agreement, answer.clause) == ("allowed", "BZ-GT", "1")


def test_a_recipient_whose_node_document_has_expired_is_refused(home: Home) -> None:
    answer = explained(home, AFTER_THE_NODE_DOCUMENTS)

    assert (answer.outcome, answer.agreement, answer.clause) == ("refused", None, None)
    assert answer.reason == "GT has no valid NODE document"


def test_a_recipient_without_a_valid_encrypt_key_is_refused_with_the_reason_of_intake(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Governance, "encrypt_keys", lambda *_: ())
    answer = explained(home)

    assert (answer.outcome, answer.reason) == ("refused", "GT has no valid ENCRYPT key")


def test_a_stop_by_one_party_refuses_nothing_that_was_lawful_before_it(home: Home, tmp_path: Path) -> None:
    """GT signs alone, and dates the stop back to the first day of the agreement."""
    stop = tmp_path / "stop.toml"
    text = agreement("BZ-GT", ["BZ", "GT"]).replace("2036-01-01", "2040-01-01")
    stop.write_text(text.replace("version = 1", 'version = 2\nstatus = "ENDED"'))
    of_gt = Context(home=home.path.parent / "gt")
    file = governing.new("agreement", stop, of_gt).file
    assert governing.sign(file, of_gt).valid
    governing.install(file, Context(home=home.path))

    assert (explained(home).outcome, explained(home).reason) == ("refused", "agreement is ended")
    data = json.dumps(report(retain_until="2027-12-31")).encode()
    before = explain(home, sender="BZ", recipient="GT", report=data, at="2026-06-01T00:00:00Z")
    assert (before.outcome, before.agreement, before.clause) == ("allowed", "BZ-GT", "1")


@pytest.mark.parametrize(
    ("at", "code"), [("1969-12-31", "out_of_range"), ("1111-11-11", "out_of_range"), ("", "usage")]
)
def test_a_time_at_which_no_report_can_be_is_an_error_of_usage(home: Home, at: str, code: str) -> None:
    with pytest.raises(UsageError) as error:
        explain(home, sender="BZ", recipient="GT", report=json.dumps(report()).encode(), at=at)

    assert (error.value.code, error.value.path) == (code, "at")

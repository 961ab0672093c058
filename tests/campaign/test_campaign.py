"""Five honest nodes meet a hostile member, a hostile broker and a careless operator, who attack at random.

After the attacks every report that an honest node accepted is stored once by each entitled node and by no other,
stores keep to their quotas, no process ended by a fault of the program, and each attack left a trace that an operator
can see. Attacks concern all items of the issue but those in `NOT_IN_PROCESS`, which need processes, packages or Kafka.
`python -m tests.campaign.run SEED` repeats one campaign and prints its story.
"""

import inspect
from pathlib import Path

import pytest

from node.runtime.jobs import JOBS
from tests.campaign.attack import ATTACKS, By
from tests.campaign.catalogue import BY, ITEMS, NOT_IN_PROCESS
from tests.campaign.run import Result, campaign
from tests.campaign.running import RunningNode
from tests.campaign.setting import Setting

SAMPLE = 10
CAMPAIGNS = 500


def judge(result: Result, again: str) -> None:
    """Fail with what is wrong, what happened, and the command that repeats it."""
    told = "\n".join([*result.wrong, "", *result.story, "", f"again: .venv/bin/python -m tests.campaign.run {again}"])

    assert not result.wrong, told


@pytest.mark.parametrize("seed", range(SAMPLE))
async def test_no_attack_loses_an_accepted_report(seed: int, setting: Setting, tmp_path: Path) -> None:
    """A sample of the seeds."""
    judge(await campaign(setting, tmp_path / "campaign", seed), str(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SAMPLE, CAMPAIGNS))
async def test_no_attack_of_a_long_campaign_loses_an_accepted_report(
    seed: int, setting: Setting, tmp_path: Path
) -> None:
    judge(await campaign(setting, tmp_path / "campaign", seed), str(seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
async def test_no_attack_alone_loses_an_accepted_report(name: str, setting: Setting, tmp_path: Path) -> None:
    judge(await campaign(setting, tmp_path / "campaign", 1, [name]), f"1 {name}")


def test_a_turn_has_a_step_of_each_job_of_a_daemon() -> None:
    """`retry_after_upgrade` takes its only step when a node starts."""
    source = inspect.getsource(RunningNode.jobs)

    assert [job.name for job in JOBS if job.name != "retry_after_upgrade" and f'"{job.name}"' not in source] == []


def test_each_item_of_the_issue_has_an_attack_or_a_reason() -> None:
    items = {attack.item for attack in ATTACKS.values()}

    assert sorted([*items, *NOT_IN_PROCESS]) == list(ITEMS)
    assert all(BY[by] for by in By)

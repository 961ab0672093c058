"""Each table that others can fill has a budget: what its rows take is counted from now on, and here for those before.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"

_COUNTED = (
    "SELECT originator, 'stored', COUNT(*), SUM(LENGTH(payload) + LENGTH(record)) FROM message GROUP BY originator",
    "SELECT originator, 'withheld', COUNT(*), SUM(320 + 4 * LENGTH(reason)) FROM withheld GROUP BY originator",
    "SELECT originator, 'outcomes', COUNT(*), SUM(192 + LENGTH(outcomes)) FROM batch_outcome GROUP BY originator",
    "SELECT originator, 'purged', COUNT(*), 0 FROM quarantine WHERE budget = 'purged' GROUP BY originator",
    "SELECT originator, 'findings', COUNT(*), COUNT(*) * 256 FROM finding WHERE code IN "
    "('chain_gap', 'head_truncated', 'out_of_order', 'transport_corrupt', 'log_replaced') GROUP BY originator",
    """SELECT originator, 'grants', SUM(number), SUM(taken) FROM (
        SELECT originator, COUNT(*) AS number, SUM(LENGTH(body)) AS taken FROM granted GROUP BY originator
        UNION ALL
        SELECT originator, COUNT(*), SUM(LENGTH(body)) FROM granted_part GROUP BY originator
    ) AS both_tables GROUP BY originator""",
    """SELECT originator, 'chain', SUM(number), SUM(taken) FROM (
        SELECT originator, COUNT(*) AS number, COUNT(*) * 384 AS taken FROM link GROUP BY originator
        UNION ALL
        SELECT originator, COUNT(*), COUNT(*) * 128 FROM used_id GROUP BY originator
    ) AS both_tables GROUP BY originator""",
)


def upgrade() -> None:
    """Count the rows that are here."""
    op.execute("DELETE FROM usage WHERE budget = 'purged'")
    for counted in _COUNTED:
        op.execute(f'INSERT INTO usage (originator, budget, "rows", size) {counted}')
    op.execute(
        "INSERT INTO counter (name, value) "
        "SELECT 'accepted_size', SUM(LENGTH(payload)) FROM draft WHERE sequence IS NULL HAVING SUM(LENGTH(payload)) > 0"
    )

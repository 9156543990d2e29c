"""The ledger's tables. The migrations make them; a test proves that both say the same.

Only what both SQLite and PostgreSQL understand. Moments are UTC. Values of fields and links are JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

METADATA = sa.MetaData()


class Moment(sa.TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so none is stored there and UTC is put back on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def _of(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, METADATA, *columns)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(255), primary_key=True)


def _text(name: str, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _moment(name: str, null: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, Moment, nullable=null)


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False)


def _later(name: str) -> sa.Column[str]:
    """A text that came with a later revision: rows from before it have none."""
    return sa.Column(name, sa.Text, nullable=False, server_default="")


LIFE = _of("life", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), _text("epoch"))
DESTINATIONS = _of("destinations", _key("id"), _text("crm"), _text("org"), _text("label"))
RUNS = _of(
    "runs",
    _key("id"),
    _text("job"),
    _text("destination"),
    _moment("now"),
    _moment("started_at"),
    _text("status"),
    _moment("ended_at", null=True),
    sa.Column("summary", sa.JSON, nullable=False),
)
CURSORS = _of("cursors", _key("destination"), _key("type"), _moment("cursor"))
MIRROR = _of(
    "mirror",
    _key("destination"),
    _key("type"),
    _key("crm_id"),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Column("links", sa.JSON, nullable=False),
    _moment("created_at", null=True),
    _moment("modified_at", null=True),
    sa.Column("archived", sa.Boolean, nullable=False),
    _text("merged_into", null=True),
)
STAGE_ENTRIES = _of(
    "stage_entries",
    _key("destination"),
    _key("opportunity_id"),
    _key("stage"),
    sa.Column("entered_at", Moment, primary_key=True),
    sa.Column("by_us", sa.Boolean, nullable=False),
)
LINKS = _of(
    "links",
    _key("destination"),
    _key("billing_id"),
    _text("state"),
    _text("crm_id", null=True),
    _text("method", null=True),
    _text("decided_by"),
    _moment("decided_at"),
    sa.Column("candidates", sa.JSON, nullable=False),
    _text("billing_name"),
)
EPISODES = _of(
    "episodes",
    _key("destination"),
    _key("key"),
    _text("account_id"),
    _text("need"),
    sa.Column("ordinal", sa.Integer, nullable=False),
    _text("state"),
    _moment("opened_at"),
    _moment("closed_at", null=True),
    _text("offer", null=True),
    _text("play", null=True),
    sa.Column("brief", sa.JSON, nullable=False),
    _later("silent_on"),
)
RECORDS = _of(
    "records",
    _key("destination"),
    _key("key"),
    _text("type"),
    _text("crm_id"),
    _text("account_id"),
    _text("tombstone", null=True),
    _moment("gone_at", null=True),
)
RECEIPTS = _of(
    "receipts",
    _key("destination"),
    _key("key"),
    _key("field"),
    _text("sent", null=True),
    _text("shown", null=True),
    sa.Column("handed_over", sa.Boolean, nullable=False),
    _text("run_id"),
    _later("rule"),
)
ASSOCIATIONS = _of("associations", _key("destination"), _key("key"), _key("role"), _key("name"), _key("target"))
OUTBOX = _of(
    "outbox",
    _key("id"),
    _text("destination"),
    _text("run_id"),
    _text("job"),
    _text("subject"),
    _text("state"),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    _text("tried_in", null=True),
    _text("crm_id", null=True),
    _text("reason", null=True),
    sa.Column("refusal", sa.JSON, nullable=True),
    sa.Column("change", sa.JSON, nullable=False),
    _text("ticket", null=True),
    _moment("changed_at", null=True),
    # Copied out of the change and the refusal, so that entries are found by them.
    _later("account_id"),
    _later("code"),
    # Told by the state too; the index below would be rewritten with every move if it were over that.
    sa.Column("is_open", sa.Boolean, nullable=False, server_default=sa.false()),
)
sa.Index(
    "outbox_one_open_entry_per_subject",
    OUTBOX.c.destination,
    OUTBOX.c.subject,
    unique=True,
    sqlite_where=sa.text("is_open"),
    postgresql_where=sa.text("is_open"),
)
sa.Index("outbox_by_state", OUTBOX.c.destination, OUTBOX.c.state)
sa.Index("outbox_by_run", OUTBOX.c.run_id)
sa.Index("outbox_by_account", OUTBOX.c.destination, OUTBOX.c.account_id)
PLANS = _of(
    "plans",
    _key("run_id"),
    _text("destination"),
    _text("job"),
    _text("status"),
    _text("approved_by", null=True),
    _moment("created_at"),
    _text("document"),
)
LEASES = _of(
    "leases",
    _key("destination"),
    _text("holder"),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("expires", sa.Float(53), nullable=False),
)
DECISIONS = _of(
    "decisions",
    _key("destination"),
    _key("account_id"),
    _key("subject"),
    _text("reason"),
    _text("detail"),
    sa.Column("p", sa.Float(53), nullable=True),
    sa.Column("value", sa.BigInteger, nullable=True),
    _text("since_run"),
    _moment("since"),
)
HOLDS = _of(
    "holds",
    _key("destination"),
    _key("key"),
    _text("account_id"),
    _text("run_id"),
    _text("by"),
    _moment("at"),
)
AUDIT = _of(
    "audit",
    _key("destination"),
    _number(),
    _moment("at"),
    _text("by"),
    _text("act"),
    _text("run_id"),
    _text("subject"),
    _text("account_id"),
    _text("crm_id", null=True),
    _text("digest"),
    _text("hash"),
)
sa.Index("audit_by_run", AUDIT.c.destination, AUDIT.c.run_id)
sa.Index("audit_by_account", AUDIT.c.destination, AUDIT.c.account_id)
# What was written, apart from the fact that it was: it can be erased while the chain stands.
AUDIT_VALUES = _of(
    "audit_values",
    _key("destination"),
    _number(),
    sa.Column("content", sa.JSON, nullable=False),
    _text("salt"),
)
# The end of each chain: a chain that was cut short is told by it.
AUDIT_HEADS = _of("audit_heads", _key("destination"), sa.Column("number", sa.BigInteger, nullable=False), _text("hash"))
# What was drawn for whom, of every holdout; it is of no destination, because a customer is one in all of them.
ARMS = _of(
    "arms",
    _key("salt"),
    _key("billing_id"),
    _text("parent"),
    _text("stratum"),
    sa.Column("share", sa.Float(53), nullable=False),
    _text("arm"),
    _text("run_id"),
    _moment("at"),
)
# Customers that asked to be forgotten: keyed hashes of their ids, which tell nothing and recognise them again.
SUPPRESSED = _of("suppressed", _key("token"), _text("secret"), _text("customer"), _text("by"), _moment("at"))
# What a command or the service has to remember between two times, by name.
NOTES = _of("notes", _key("name"), sa.Column("value", sa.JSON, nullable=False))

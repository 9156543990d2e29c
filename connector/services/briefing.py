"""Puts the brief of a business review where whoever prepares it looks: on its task, or on the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.domain.change import Desired, RecordType, Ref
from connector.domain.intent import ReviewIntent
from connector.domain.keys import document_key, review_key
from connector.services.brief import BriefFacts
from connector.services.brief_page import written_brief
from connector.services.desk import Desk
from connector.services.documents import Document, attached


def briefing(desk: Desk, review: ReviewIntent, facts: Mapping[str, Any], tasks: Sequence[Desired]) -> list[Desired]:
    """The brief of one review; none where nobody active prepares it, or nothing was gathered."""
    told: BriefFacts | None = facts.get("page")
    account = desk.world.accounts[review.account_id]
    first = next(iter(desk.rules.review.steps), None)
    owner = desk.world.owner(first.role, account) if first is not None else None
    if told is None or owner is None:
        return []
    written = written_brief(account, review.on, told, desk.world.language(owner))
    on_account = ("account", Ref(RecordType.ACCOUNT, id=account.id))
    on_task = [("task", Ref(RecordType.TASK, key=task.key)) for task in tasks[:1]]
    document = Document(
        key=_key(desk, review),
        account=account,
        owner=owner,
        title=written.title,
        name=written.name,
        page=written.page,
        core=written.core,
        reason="business_review: brief",
        on=desk.today,
        data_to=told.data_to,
        places=[*on_task, on_account],
    )
    return attached(desk, document)


def _key(desk: Desk, review: ReviewIntent) -> str:
    """Key of a review's brief; it stays when the account is merged into another."""
    merged = sorted(loser for loser, into in desk.world.survivors.items() if into == review.account_id)
    reviews = (
        review_key(desk.mapping.namespace, id, review.term_start, review.ordinal) for id in (review.account_id, *merged)
    )
    keys = [document_key(one, "brief") for one in reviews]
    return next((key for key in keys if key in desk.world.known), keys[0])

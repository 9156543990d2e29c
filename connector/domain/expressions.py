"""What a template may say: the closed list of names, of their parts, of filters and tests.

Templates derive what a CRM field shows, so they are an interface like the YAML around them. Whatever is not listed here
is refused when the configuration is checked, with what was probably meant, and again when a text is rendered. There are
no calls, no assignments, no powers and no repetition of texts; a loop runs over a list that is named here, and holds at
most one other: so every template ends, and soon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

What = Literal["text", "number", "flag", "money", "day", "list", "account", "offer", "moment", "contact", "stages"]

PARTS: Mapping[What, tuple[str, ...]] = {
    "account": ("id", "name", "domain", "country", "language", "billing_id", "facts"),
    "offer": ("id", "label", "kind", "lever", "team", "quantity"),
    "moment": ("on", "label", "by"),
    "contact": ("name", "role", "why"),
    "stages": ("proposed", "consult", "confront", "concretize", "won", "lost", "withdrawn"),
    "money": ("currency", "minor", "major"),
    "day": ("year", "month", "day"),
}
"""What stands behind a dot: `account.name`, `moment.on.year`; `account.facts.goals`, a fact that the mapping names."""
PART_KINDS: Mapping[tuple[str, str], What] = {("moment", "on"): "day"}

EVERYWHERE: Mapping[str, What] = {
    "account": "account",
    "contact": "contact",
    **dict.fromkeys(("goals", "irritants", "interests", "drivers", "brakes", "deciders", "answer"), "text"),
}
"""Names that every playbook may use; `answer` is what people see of the picklist in which they say what came of it."""
INTENT: Mapping[str, What] = {
    **EVERYWHERE,
    "offer": "offer",
    "need": "text",
    "quantity": "number",
    "delta_mrr": "money",
    "p": "number",
    "evidence": "list",
    "against": "list",
    "moment": "moment",
    "data_to": "day",
    "terms": "list",
    "avoid": "list",
    "weighted": "money",
    "stages": "stages",
    "opportunity": "text",
    "amount": "money",
    "basis": "text",
}
"""Names that templates of `negotiation.yaml` may use."""
LETTER: Mapping[str, What] = {
    **{
        name: what
        for name, what in INTENT.items()
        if name not in ("against", "avoid", "p", "weighted", "stages", "answer")
    },
    "owner": "text",
}
"""Names that a letter may use: nothing that colleagues alone read, and evidence without what policy keeps internal."""
CARRIED: Mapping[str, What] = {"subject": "text", "stage": "text"}
"""Names that the subject of a task may use that goes along into a later stage."""
REVIEW: Mapping[str, What] = {
    **EVERYWHERE,
    "review_on": "day",
    "renewal_on": "day",
    "announce": "list",
    "evidence": "list",
    "avoid": "list",
    "mrr": "money",
    "data_to": "day",
}
"""Names that templates of `business_review.yaml` may use."""
SAVE: Mapping[str, What] = {
    **EVERYWHERE,
    "reasons": "list",
    "next": "list",
    "mrr": "money",
    "data_to": "day",
}
"""Names that the task of `save.yaml` may use."""
PLAY: Mapping[str, What] = {
    **EVERYWHERE,
    "offer": "offer",
    "evidence": "list",
    "avoid": "list",
    "on": "day",
    "until": "day",
    "days": "number",
    "added": "money",
    "links": "list",
    "data_to": "day",
    "opportunity": "text",
}
"""Names that a play of `plays.yaml` may use: what it is about, the day it hangs on, until when, and how long since."""
PLAY_LETTER: Mapping[str, What] = {
    **{name: what for name, what in PLAY.items() if name not in ("avoid", "answer", "opportunity")},
    "owner": "text",
}
"""Names that a letter of such a play may use."""
UNHEALTHY: Mapping[str, Mapping[str, What]] = {
    "unhealthy_overdue": {"days": "number"},
    "unhealthy_dispute": {"count": "number"},
    "unhealthy_payment": {},
    "unhealthy_cancellation": {"on": "day"},
    "unhealthy_falling_usage": {"percent": "number"},
    "unhealthy_escalation": {"on": "day"},
    "unhealthy_nps": {"score": "number"},
}
"""Names that the texts of each of its reasons may use."""
_TEXTS = (
    "need key episode play amount mrr currency close_date stage pipeline record_type owner_id name why next_step "
    "data_to"
)
OPPORTUNITY: Mapping[str, What] = {
    **dict.fromkeys(_TEXTS.split(), "text"),
    "account": "account",
    "offer": "offer",
    "p": "number",
    "quantity": "number",
}
"""Names that field rules of an opportunity may use: days and amounts are text already, as a CRM takes them."""
TASK: Mapping[str, What] = {
    **dict.fromkeys("need key episode play owner_id subject body due kind status priority reminder".split(), "text"),
    "account": "account",
}
"""Names that field rules of a task may use."""

NOTE: Mapping[str, What] = {
    **dict.fromkeys("key owner_id title body on".split(), "text"),
    "account": "account",
}
"""Names that field rules of a note may use; `on` is the day it is of."""
FILE: Mapping[str, What] = {
    **dict.fromkeys("key owner_id title name content on".split(), "text"),
    "account": "account",
}
"""Names that field rules of a file may use; `name` is what it is saved as."""

FILTERS: Mapping[str, str] = {
    "money": "an amount as its language writes it: €420",
    "day": "a day with its year",
    "short_day": "a day without its year",
    "number": "a number with its language's marks",
    "percent": "a share as whole percent",
    "html": "safe paragraphs, for a rich text field",
    "lower_first": "the text with a small first letter",
    "headline": "what stands before the first semicolon",
    "clause": "what stands before the first comma or bracket: enough for a subject",
    "default": "another text where a value is missing: default('none', true) where it is empty, too",
    "join": "a list as one text: join(', ')",
    "first": "the first of a list",
    "last": "the last of a list",
    "length": "how many",
    "map": "a filter on each of a list: map('headline')",
    "upper": "capitals",
    "lower": "small letters",
    "capitalize": "a capital first letter, the others small",
    "title": "each word with a capital first letter",
    "trim": "without space at both ends",
    "truncate": "cut to so many characters: truncate(80)",
    "replace": "one text in place of another: replace('old', 'new')",
    "round": "a number with so many decimals: round(1)",
    "int": "a whole number",
    "float": "a number",
    "abs": "a number without its sign",
}
TESTS = frozenset("defined undefined none number string even odd".split())
LOOP = ("index", "index0", "first", "last", "length")
"""What a loop tells of itself: `loop.last`."""
LONGEST_TEMPLATE = 16_000
"""Characters."""
LONGEST_TEXT = 200_000
"""Characters that a template may make; the longest field of a CRM holds 131,072."""

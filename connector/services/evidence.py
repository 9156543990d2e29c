"""What a signal says, in every language its rule has: put into words when somebody reads it.

A run raises half a million signals for a hundred thousand customers, and most are never read again; what a text needs
is kept beside it, a few numbers, so that it says the same whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from connector.compute.signals import Fired
from connector.domain.catalogue import Catalogue, Language, Texts
from connector.domain.cited import Cited
from connector.domain.features import Feature
from connector.domain.signal import AT, WORDS, Signal, SignalRule
from connector.services.texts import in_language, names_in, render

PERCENT = {
    "growth_percent": "growth",
    "growth_year_percent": "growth_year",
    "activity_percent": "activity_trend",
    "peer_percent": "peer_rate",
}
"""Shares that evidence cites as whole percent, by the word it uses."""
Words = tuple[tuple[str, type, Feature], ...]
"""What a text says: each name with its value, and the value's type, because 1 and true are written otherwise."""


class Wording:
    """What a rule's signals cite: made ready once for all of them."""

    def __init__(self, rule: SignalRule, catalogue: Catalogue) -> None:
        self.texts: Texts = rule.evidence
        self._catalogue = catalogue
        self.read = tuple(sorted({*rule.when.names(), rule.strength.of}))
        self._names = {language: names_in(text, language) for language, text in rule.evidence.items()}
        named = frozenset[str]().union(*self._names.values())
        self._cited = tuple(sorted(named | {name for word, name in PERCENT.items() if word in named}))
        cited = (name for name in self._cited if name not in self.read and name not in WORDS)
        self._names_told = (*self.read, *cited)
        self._asked = frozenset(self._names_told)

    def signal(self, case: Fired) -> Signal:
        """Say what a rule that fired says, in every language it has."""
        rule, features = case.rule, case.features
        told, names = tuple(map(features.get, self._names_told)), self._names_told
        if not self._asked <= features.keys():
            # What the CRM tells has a name only where it is told.
            names = tuple(name for name in names if name in features)
        return Signal(
            case.rule_id,
            rule.row,
            rule.kind,
            case.account_id,
            case.needs,
            case.strength,
            rule.weight,
            Evidence(self, names, told, case.metric, case.offer),
            case.data_to,
            case.metric,
            case.offer if case.offer in self._catalogue.offers else None,
        )

    def words(self, of: Evidence, language: Language) -> Words:
        """What a text names, as people cite it: whole numbers where they are large, labels in its language."""
        names, known = self._names[language], dict(zip(self._names_told, of.told, strict=True))
        cited = {name: _citable(known[name]) for name in names if name in of.names}
        for word, name in PERCENT.items():
            if word in names:
                share = known.get(name)
                cited[word] = abs(round(share * 100)) if isinstance(share, float) else None
        if "label" in names:
            cited["label"] = in_language(self._catalogue.metrics[of.metric].label, language) if of.metric else ""
        if "offer_label" in names:
            offer = self._catalogue.offers.get(of.offer or "")
            cited["offer_label"] = in_language(offer.label, language) if offer else ""
        return tuple((name, type(value), value) for name, value in cited.items())


class Evidence(Cited):
    """A text per language, from what the rule read and what its texts cite; `names` are those that have a value."""

    __slots__ = ("metric", "names", "offer", "told", "wording")

    def __init__(
        self,
        wording: Wording,
        names: tuple[str, ...],
        told: tuple[Feature, ...],
        metric: str | None,
        offer: str | None,
    ) -> None:
        self.wording, self.names, self.told, self.metric, self.offer = wording, names, told, metric, offer

    @property
    def numbers(self) -> Mapping[str, Feature]:
        """The features that the rule read."""
        return dict(zip(self.wording.read, self.told, strict=False))

    def __getitem__(self, language: Language) -> str:
        return _said(self.wording.texts[language], language, self.wording.words(self, language))

    def __iter__(self) -> Iterator[Language]:
        return iter(self.wording.texts)

    def __len__(self) -> int:
        return len(self.wording.texts)

    def __repr__(self) -> str:
        return repr(dict(self))


@lru_cache(maxsize=20_000)
def _said(text: str, language: Language, words: Words) -> str:
    """Many customers do the same: what was said with the same words is not worked out again."""
    return render(text, language, {name: value for name, _, value in words}, AT)


def _citable(value: Feature) -> Feature:
    if not isinstance(value, float):
        return value
    return round(value) if value >= 100 or value == round(value) else round(value, 1)

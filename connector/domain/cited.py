"""Evidence that is put into words when somebody reads it, from the features that a rule read."""

from __future__ import annotations

from collections.abc import Mapping

from connector.domain.catalogue import Language, Texts
from connector.domain.features import Feature


class Cited(Mapping[Language, str]):
    """What a signal says, by language."""

    __slots__ = ()

    @property
    def numbers(self) -> Mapping[str, Feature]:
        """The features that it was found by."""
        raise NotImplementedError


def numbers_of(evidence: Texts) -> Mapping[str, Feature]:
    """The features that evidence was found by; nothing for a text that somebody wrote."""
    return evidence.numbers if isinstance(evidence, Cited) else {}

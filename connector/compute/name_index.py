"""Which of many names come into question for one: those that share a rare word with it, or one a slip of the pen away.

Decided here: an inverted index by word instead of comparing everybody with everybody, which for 100,000 on each side
would be ten thousand million comparisons. A word that very many have finds nobody by itself; it only tells candidates
apart. Two words are also indexed as one, so that "Data Dog" finds "DataDog".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from heapq import nsmallest
from itertools import pairwise
from math import log

from connector.compute.likeness import Party
from connector.domain.company_names import CompanyName
from connector.domain.name_words import GENERIC

COMMON = 400
"""A word that more accounts have finds nobody by itself."""
ENOUGH = 80
"""Where rarer words have found so many, a commoner one finds no more."""
SAME = 9.0
MOST = 16
"""Candidates that are weighed in full."""
MANY = 4
"""So many accounts bear a word that does not tell one from the other."""
TYPED_WRONG = 5
"""Letters from which on a word is looked for with a slip of the pen: below, another letter is another word."""
GENERIC_WEIGHT = 0.35


class NameIndex:
    """Accounts by the words of their names."""

    def __init__(self, parties: Sequence[Party]) -> None:
        self.parties = parties
        self._by_joined: dict[str, list[int]] = defaultdict(list)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._words: dict[str, None] = {}
        for place, party in enumerate(parties):
            if party.name.joined:
                self._by_joined[party.name.joined].append(place)
            self._words.update(dict.fromkeys(party.name.words))
            for word in _keys(party.name):
                self._by_word[word].append(place)
        self._weights: dict[str, float] = {}
        self._common: dict[str, bool] = {}
        self._size = log(len(parties) + 2)

    def weight(self, word: str) -> float:
        """How much a word tells: little for a trade and for what many have."""
        found = self._weights.get(word)
        if found is None:
            rarity = 1.15 - log(max(1, len(self._by_word.get(word, ())))) / self._size
            found = self._weights[word] = min(rarity, GENERIC_WEIGHT) if word in GENERIC else rarity
        return found

    def is_common(self, name: CompanyName) -> bool:
        """Tell whether many accounts bear each word of a name, and each two of them together."""
        found = self._common.get(name.joined)
        if found is None:
            told = [*name.core, *_pairs(name)]
            found = self._common[name.joined] = all(len(self._by_word.get(word, ())) >= MANY for word in told)
        return found

    def near(self, name: CompanyName) -> list[Party]:
        """Give the accounts whose names come into question, the likeliest first."""
        found: dict[int, float] = dict.fromkeys(self._by_joined.get(name.joined, ()), SAME)
        common = []
        spelled = {near for word in _keys(name) for near in self._spellings(word)}
        for word in sorted(spelled, key=lambda word: (len(self._by_word[word]), word)):
            places = self._by_word[word]
            if len(places) > (COMMON if not found else ENOUGH - len(found)):
                common.append(word)
                continue
            weight = self.weight(word)
            for place in places:
                found[place] = found.get(place, 0.0) + weight
        if not found:
            found = dict.fromkeys(self._sharing(common), 0.0)
        if common and len(found) > MOST:
            self._told_apart(found, common)
        best = nsmallest(MOST, found, key=lambda place: (-found[place], place))
        return [self.parties[place] for place in best]

    def _spellings(self, word: str) -> list[str]:
        """The word itself, and the indexed words that are one slip away."""
        known = [word] if word in self._by_word else []
        if len(word) < TYPED_WRONG or word.isdigit():
            return known
        slips = {near for shorter in _shortened(word) for near in self._by_slip.get(shorter, ()) if near != word}
        return known + sorted(slips)

    @cached_property
    def _by_slip(self) -> dict[str, list[str]]:
        """Words by what is left of them without one letter, and by themselves: two that meet here are a slip apart."""
        found: dict[str, list[str]] = defaultdict(list)
        for word in self._words:
            if len(word) >= TYPED_WRONG and not word.isdigit():
                for shorter in _shortened(word):
                    found[shorter].append(word)
        return found

    def _sharing(self, common: Iterable[str]) -> list[int]:
        """Who has at least the two rarest of some common words."""
        rarest = sorted(set(common), key=lambda word: (len(self._by_word[word]), word))[:2]
        if len(rarest) < 2:
            return []
        other = set(self._by_word[rarest[1]])
        return [place for place in self._by_word[rarest[0]] if place in other]

    def _told_apart(self, found: dict[int, float], common: Iterable[str]) -> None:
        weights = [(word, self.weight(word)) for word in common]
        for place in found:
            words = self.parties[place].name.words
            for word, weight in weights:
                if word in words:
                    found[place] += weight


def _keys(name: CompanyName) -> list[str]:
    """The words a name is found by: each, each two as one, and all as one."""
    whole = [name.joined, name.initials] if len(name.words) > 2 else []
    return list(dict.fromkeys([*name.words, *_pairs(name), *whole]))


def _pairs(name: CompanyName) -> list[str]:
    return [one + other for one, other in pairwise(name.words)]


def _shortened(word: str) -> list[str]:
    """A word, and the word without each of its letters."""
    return [word, *dict.fromkeys(word[:place] + word[place + 1 :] for place in range(len(word)))]

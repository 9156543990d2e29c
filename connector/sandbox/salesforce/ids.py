"""Record ids: three characters of type, twelve of sequence, three that make letter case safe to lose.

Source: Salesforce Object Reference, "ID Field Type".
"""

from __future__ import annotations

import string
from functools import lru_cache

_CHECK = string.ascii_uppercase + "012345"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ALPHABET = frozenset(_DIGITS)


def mint(prefix: str, sequence: int) -> str:
    """Build the 18-character id of the n-th record of a type."""
    digits = ""
    while sequence:
        sequence, digit = divmod(sequence, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return long_form(prefix + "5e0" + digits.rjust(9, "0"))


@lru_cache(maxsize=65_536)
def long_form(record_id: str) -> str:
    """Turn a 15- or 18-character id into its 18-character form; ValueError for anything else."""
    if len(record_id) not in (15, 18) or not _ALPHABET.issuperset(record_id):
        raise ValueError(record_id)
    short = record_id[:15]
    suffix = "".join(
        _CHECK[sum(1 << place for place, letter in enumerate(short[start : start + 5]) if letter.isupper())]
        for start in (0, 5, 10)
    )
    if len(record_id) == 18 and record_id[15:].upper() != suffix:
        raise ValueError(record_id)
    return short + suffix

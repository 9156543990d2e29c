"""What a spreadsheet would take for a formula, written so that it is text.

A customer may be called `=HYPERLINK(…)`; who opens the file in a spreadsheet runs it. An apostrophe in front is how
spreadsheets write text, and how the OWASP advises to write it.
"""

from __future__ import annotations

STARTS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> object:
    """Give a value as a CSV cell that starts no formula; numbers stay as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(STARTS) else value

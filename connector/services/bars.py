"""A picture of counts that go and that appear, as SVG: every browser shows it, and nothing has to be installed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LABEL, HALF, ROW, TOP = 220, 200, 28, 64
WIDTH = LABEL + 2 * HALF + 60
SVG = "http://www.w3.org/2000/svg"
GOES, APPEARS = "#b3541e", "#2b6cb0"


def two_sided(title: str, left: str, right: str, rows: Sequence[tuple[str, int, int]]) -> str:
    """Draw one bar to the left and one to the right of a middle line for each row."""
    most = max((count for _, less, more in rows for count in (less, more)), default=0) or 1
    middle, height = LABEL + HALF + 20, TOP + ROW * max(len(rows), 1) + 20
    drawn = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="{middle - 8}" y="50" text-anchor="end" fill="{GOES}">{escape(left)}</text>',
        f'<text x="{middle + 8}" y="50" fill="{APPEARS}">{escape(right)}</text>',
        f'<line x1="{middle}" y1="{TOP - 6}" x2="{middle}" y2="{height - 12}" stroke="#888"/>',
    ]
    for place, (label, less, more) in enumerate(rows):
        y = TOP + ROW * place
        drawn.append(f'<text x="{LABEL}" y="{y + 15}" text-anchor="end">{escape(label)}</text>')
        drawn += _bar(middle, y, -1, less / most, less, GOES)
        drawn += _bar(middle, y, 1, more / most, more, APPEARS)
    if not rows:
        drawn.append(f'<text x="12" y="{TOP + 15}">nothing goes and nothing appears</text>')
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _bar(middle: int, y: int, side: int, share: float, count: int, colour: str) -> list[str]:
    if not count:
        return []
    wide = round(share * (HALF - 40))
    x, text, anchor = (middle, middle + wide + 6, "start") if side > 0 else (middle - wide, middle - wide - 6, "end")
    return [
        f'<rect x="{x}" y="{y + 2}" width="{wide}" height="{ROW - 9}" fill="{colour}"/>',
        f'<text x="{text}" y="{y + 15}" text-anchor="{anchor}">{count}</text>',
    ]

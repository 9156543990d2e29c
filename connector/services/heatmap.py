"""A picture of counts by row and week, as SVG: every browser shows it, and nothing has to be installed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LABEL, CELL, ROW, TOP = 230, 52, 24, 74
SVG = "http://www.w3.org/2000/svg"
COLOUR = "#2b6cb0"


def heatmap(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], most: int = 0) -> str:
    """Draw a square for each row and column, the darker the larger its count: of `most`, or else within its row."""
    width, height = LABEL + CELL * len(columns) + 20, TOP + ROW * len(rows) + 16
    drawn = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for place, column in enumerate(columns):
        x = LABEL + CELL * place + CELL // 2
        drawn.append(f'<text x="{x}" y="{TOP - 10}" text-anchor="middle" fill="#555">{escape(column)}</text>')
    for place, (label, counts) in enumerate(rows):
        y = TOP + ROW * place
        drawn.append(f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>')
        drawn += [_cell(LABEL + CELL * at, y, count, most or max(counts)) for at, count in enumerate(counts)]
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _cell(x: int, y: int, count: int, most: int) -> str:
    share = count / most if most else 0.0
    ink = "#fff" if share > 0.6 else "#333"
    text = f'<text x="{x + CELL // 2}" y="{y + 15}" text-anchor="middle" fill="{ink}">{count}</text>' if count else ""
    opacity = f"{0.08 + 0.92 * share:.2f}" if count else "0.03"
    square = (
        f'<rect x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{ROW - 2}" fill="{COLOUR}" opacity="{opacity}"/>'
    )
    return square + text

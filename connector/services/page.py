"""A page that prints well on A4 and reads well on a screen: one HTML file, nothing loaded from anywhere, no script.

Every text is escaped here and nowhere else: a section takes plain text, so no caller can forget it. Charts are small
inline SVG: bars of a few numbers and, where there is one, the line they must not cross.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import bidirectional

from connector.domain.catalogue import Language

_TURNS = frozenset({"R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"})
"""Kinds of characters that turn the direction of writing."""
_STYLE = """
@page { size: A4; margin: 16mm 15mm 15mm; }
* { box-sizing: border-box; }
html { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
body { font: 10.5pt/1.45 "Helvetica Neue", Helvetica, Arial, sans-serif; color: #1d2733; max-width: 180mm;
  margin: 0 auto; padding: 6mm 0; overflow-wrap: anywhere; }
@media print { body { padding: 0; } }
header { border-bottom: 2px solid #1f4e79; padding-bottom: 3mm; margin-bottom: 5mm; }
header p { margin: 0; color: #5b6775; }
h1 { font-size: 18pt; line-height: 1.2; margin: 0 0 1mm; color: #1f4e79; }
h2 { font-size: 11.5pt; margin: 5mm 0 1.5mm; color: #1f4e79; break-after: avoid; }
section { break-inside: avoid; }
p { margin: 0 0 1.5mm; }
ul { margin: 0; padding-left: 5mm; }
li { margin: 0 0 1mm; }
dl { display: grid; grid-template-columns: 34mm 1fr; gap: 1mm 4mm; margin: 0; }
dt { color: #5b6775; } dd { margin: 0; }
.ask { color: #9a5b00; font-style: italic; }
.mark { color: #9a5b00; font-weight: 600; }
.kpis { display: grid; grid-template-columns: repeat(3, 1fr); gap: 4mm; }
.kpi { border: 1px solid #d9e0e8; border-radius: 2mm; padding: 2.5mm; break-inside: avoid; }
.kpi b { display: block; font-size: 15pt; line-height: 1.15; }
.kpi small { color: #5b6775; display: block; line-height: 1.3; }
.kpi svg { display: block; width: 100%; height: 16mm; margin-top: 1.5mm; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 1.8mm 2.2mm; border-bottom: 1px solid #d9e0e8; }
thead th { color: #1f4e79; border-bottom: 2px solid #1f4e79; }
tbody th { font-weight: 600; color: #5b6775; width: 30mm; }
footer { margin-top: 6mm; padding-top: 2mm; border-top: 1px solid #d9e0e8; color: #5b6775; font-size: 9pt; }
"""


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: its value, and what stands under it."""

    value: float
    label: str


def escaped(text: str) -> str:
    """Write plain text so that it is shown as it is; one that turns the direction of writing turns only itself."""
    shown = html.escape(text)
    return f"<bdi>{shown}</bdi>" if any(bidirectional(one) in _TURNS for one in text) else shown


def section(heading: str, inner: str) -> str:
    """Put a heading over what is already HTML."""
    return f"<section><h2>{escaped(heading)}</h2>{inner}</section>"


def listed(lines: Iterable[str], nothing: str = "") -> str:
    """Write lines as a list; say so where there are none."""
    items = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else f"<p>{escaped(nothing)}</p>" if nothing else ""


def pairs(rows: Iterable[tuple[str, str, bool]]) -> str:
    """Write names beside their values; the third tells that a value has to be asked for."""
    made = (
        f"<dt>{escaped(name)}</dt><dd{' class=' + chr(34) + 'ask' + chr(34) if ask else ''}>{escaped(value)}</dd>"
        for name, value, ask in rows
    )
    return f"<dl>{''.join(made)}</dl>"


def table(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Write rows side by side; a cell may have several lines."""
    top = "".join(f"<th>{escaped(head)}</th>" for head in ("", *heads))
    body = "".join(
        f"<tr><th>{escaped(name)}</th>{''.join(f'<td>{_lines(cell)}</td>' for cell in cells)}</tr>"
        for name, cells in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _lines(text: str) -> str:
    return "<br>".join(escaped(line) for line in text.splitlines())


def bars(values: Sequence[Bar], limit: float | None, told: str) -> str:
    """Draw bars side by side, the last one strong, under the line of a limit; `told` says the same in words."""
    most = max([*(bar.value for bar in values), limit or 0.0, 1e-9])
    width, height, top = 40.0, 26.0, 3.0
    step = 120.0 / max(len(values), 1)
    wide = min(width, step) * 0.7
    drawn = []
    for i, bar in enumerate(values):
        tall = max(0.4, (height - top) * max(bar.value, 0.0) / most)
        x = step * i + (step - wide) / 2
        colour = "#1f4e79" if i == len(values) - 1 else "#a9bed3"
        drawn.append(
            f'<rect x="{x:.1f}" y="{height - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{colour}"/>'
            f'<text x="{step * i + step / 2:.1f}" y="{height + 7:.1f}" font-size="5.5" text-anchor="middle" '
            f'fill="#5b6775">{escaped(bar.label)}</text>'
        )
    if limit is not None:
        y = height - (height - top) * limit / most
        drawn.append(f'<line x1="0" x2="120" y1="{y:.1f}" y2="{y:.1f}" stroke="#b5432a" stroke-dasharray="3 2"/>')
    return f'<svg viewBox="0 0 120 36" role="img" aria-label="{html.escape(told)}">{"".join(drawn)}</svg>'


def page(title: str, under: str, language: Language, sections: Iterable[str], foot: str) -> str:
    """Put a page together."""
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<header><h1>{escaped(title)}</h1><p>{escaped(under)}</p></header>\n"
        + "\n".join(one for one in sections if one)
        + f"\n<footer>{escaped(foot)}</footer>\n</body>\n</html>\n"
    )

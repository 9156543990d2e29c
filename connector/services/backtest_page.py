"""The backtest as one page: pictures and figures inline, so it opens anywhere and asks no server for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 260, 48, 36
COLOURS: Mapping[str, str] = {
    "model": "#2b6cb0",
    "last model": "#90b4d8",
    "scorecard": "#b3541e",
    "popularity": "#888888",
}
COLUMNS = (
    ("precision", "precision", "{:.1%}"),
    ("lift_10", "lift at 10 %", "{:.1f}"),
    ("auc", "AUC", "{:.3f}"),
    ("log_loss", "log loss", "{:.4f}"),
    ("ece", "calibration error", "{:.4f}"),
    ("value_captured", "value captured", "{:.0%}"),
)
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:780px;margin:2em auto}table{border-collapse:collapse}"
    "svg{margin-top:1.5em}td,th{padding:.2em .7em;text-align:right}td:first-child,th:first-child{text-align:left}"
)
Points = Sequence[tuple[float, float]]


def page(told: Mapping[str, Any]) -> str:
    """Write the page."""
    windows = told["windows"]
    lines = {
        who: [(at, one["rankers"][who]["precision"]) for at, one in enumerate(windows) if who in one.get("rankers", {})]
        for who in COLOURS
    }
    bands = [
        (at, one["rankers"]["model"]["precision_low"], one["rankers"]["model"]["precision_high"])
        for at, one in enumerate(windows)
        if "rankers" in one
    ]
    curve = {who: [(one["predicted"], one["happened"]) for one in some] for who, some in told["calibration"].items()}
    most = max([0.05, *(point for line in curve.values() for pair in line for point in pair)])
    days = [one["day"][:7] for one in windows]
    head = f"<meta charset=utf-8><title>Backtest {told['as_of']}</title><style>{STYLE}</style>"
    how = (
        "Each month ranks every eligible pair by what was known then; an outcome counts within "
        f"{told['horizon_days']} days. A model learnt only from outcomes that were over by then. "
        f"Precision: adopters among the first {told['top']}; whiskers: 95 % interval of the model."
        + (
            ""
            if told["share"] == 1
            else f" Measured on {told['share']:.0%} of the customers, with as much of the places."
        )
    )
    parts = [
        f"<!doctype html>\n<html lang=en>{head}",
        f"<h1>Backtest, {told['months']} months to {told['as_of']}</h1>",
        f"<p>{escape(_sentence(told['verdict']))}</p><p>{how}</p>",
        picture(f"Precision of the first {told['top']}, by month", lines, days, bands),
        _table(told["together"]),
        picture(
            "Predicted against what happened, by tenths", {**curve, "as predicted": [(0.0, 0.0), (most, most)]}, ()
        ),
        _windows(windows),
        "</html>\n",
    ]
    return "\n".join(parts)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def picture(
    title: str, lines: Mapping[str, Points], names: Sequence[str], bands: Sequence[tuple[float, float, float]] = ()
) -> str:
    """Draw lines over the same axes, a whisker where an interval is told; without names, shares go both ways."""
    points = [point for line in lines.values() for point in line]
    most_x = max([x for x, _ in points] or [1.0]) or 1.0
    most_y = max([*(y for _, y in points), *(high for _, _, high in bands), 0.01])

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / most_x * (WIDTH - LEFT - 110), 30 + (1 - y / most_y) * (HEIGHT - 30 - BOTTOM)

    drawn = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img">']
    drawn.append(f'<title>{escape(title)}</title><text x="0" y="14" font-weight="bold">{escape(title)}</text>')
    for share in (0.0, 0.5, 1.0):
        y = at(0, share * most_y)[1]
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH - 110}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * most_y:.0%}</text>')
    shown = range(0, len(names), max(1, len(names) // 6))
    drawn += [
        f'<text x="{at(place, 0)[0]:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{names[place]}</text>'
        for place in shown
    ]
    if not names:
        drawn += [
            f'<text x="{at(x, 0)[0]:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{x:.0%}</text>'
            for x in (0.0, most_x / 2, most_x)
        ]
    for x, low, high in bands:
        (left, top), (_, bottom) = at(x, high), at(x, low)
        drawn.append(
            f'<line x1="{left:.1f}" x2="{left:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="#2b6cb0" opacity=".4"/>'
        )
    for number, (who, line) in enumerate(lines.items()):
        colour = COLOURS.get(who, "#cccccc")
        path = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in line)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(f'<text x="{WIDTH - 100}" y="{44 + 18 * number}" fill="{colour}">{escape(who)}</text>')
    return "".join([*drawn, "</svg>"])


def _table(together: Mapping[str, Mapping[str, float]]) -> str:
    heads = "".join(f"<th>{name}</th>" for _, name, _ in COLUMNS)
    rows = [
        f"<tr><td>{who}</td>" + "".join(f"<td>{_cell(row.get(key), shape)}</td>" for key, _, shape in COLUMNS) + "</tr>"
        for who, row in together.items()
    ]
    return f"<table><tr><th>mean over months</th>{heads}</tr>{''.join(rows)}</table>"


def _cell(value: float | None, shape: str) -> str:
    return "–" if value is None else shape.format(value)


def _windows(windows: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"<tr><td>{one['day']}</td><td>{one['rows']:,}</td><td>{one['positives']:,}</td>"
        f"<td>{one.get('verdict') or one['evidence']}</td><td>{one['weight']:.2f}</td></tr>"
        for one in windows
    ]
    head = "<tr><th>month</th><th>pairs</th><th>adoptions</th><th>evidence</th><th>weight</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"

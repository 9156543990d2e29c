"""Console blocks of the README: what was typed, what is shown of the answer, and whether it is still what comes back.

A block is marked by the HTML comment before it. In it `$ ` begins a command, `# some/file.yaml: ` a line that was typed
into a file. What is shown has to be the whole output, with two exceptions: `…` stands for anything (alone on a line for
some lines, else for a part of its line), and a run's id is another one every time, but the same one for the same run.

`scripts/transcripts` sets `EXPANSION_README=write`: what is stale is then replaced by what came, shortened as before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
WRITE = os.environ.get("EXPANSION_README") == "write"
RUN = r"\d{8}T\d{6}-[0-9a-f]{6}"
CUT = "…"
ALIKE = 0.6
"""From here on two lines are one line of which some words changed."""


@dataclass(frozen=True)
class Shown:
    """A part of a console block: what was typed, the lines shown of the answer, and where these stand in the README."""

    mark: str
    typed: str
    lines: tuple[str, ...]
    begin: int
    end: int


def blocks(text: str) -> Iterator[Shown]:
    """Every console block whole, with nothing typed; one that nothing types would have no mark."""
    for found in re.finditer(r"(?:<!-- ([^\n]+?) -->\n)?```console\n(.*?)```", text, re.S):
        yield Shown(found[1] or "", "", tuple(found[2].splitlines()), *found.span(2))


def steps(block: Shown) -> Iterator[Shown]:
    """A block in its commands and edits, each with its own answer."""
    typed, lines, begin, at = "", [], block.begin, block.begin
    for line in (*block.lines, "$ "):
        if re.match(r"\$ |# \S+\.yaml: ", line):
            if typed:
                yield Shown(block.mark, typed, tuple(lines), begin, at)
            typed, lines, begin = line, [], at + len(line) + 1
        else:
            lines.append(line)
        at += len(line) + 1


@dataclass
class Transcript:
    """A README held against what comes back, and the runs that its ids stand for."""

    text: str = field(default_factory=lambda: README.read_text("utf-8"))
    runs: dict[str, str] = field(default_factory=dict)
    stale: list[tuple[Shown, list[str]]] = field(default_factory=list)

    def today(self, typed: str) -> str:
        """A command of the README, about the run that was made this time."""
        return re.sub(RUN, lambda found: self.runs.get(found[0], found[0]), typed)

    def came(self, shown: Shown, answer: str) -> None:
        """Hold an answer against what is shown of it."""
        came = [line.rstrip() for line in answer.rstrip().splitlines()]
        runs = _fits(shown.lines, came, self.runs)
        if runs is None:
            renewed, runs = _renewed(shown.lines, came, self.runs)
            self.stale.append((shown, renewed))
        self.runs = runs

    def settle(self) -> None:
        """Say what is stale; or write what came in its place, where that was asked for."""
        if WRITE:
            README.write_text(self.rewritten(), encoding="utf-8")
            return
        told = [
            "\n".join([shown.typed, *(f"- {one}" for one in shown.lines), *(f"+ {one}" for one in came)])
            for shown, came in self.stale
        ]
        assert not told, "the README is stale; `scripts/transcripts` writes it anew:\n" + "\n".join(told)

    def rewritten(self) -> str:
        """The README with what came in the place of what is stale."""
        text = self.text
        for shown, came in sorted(self.stale, key=lambda one: one[0].begin, reverse=True):
            text = text[: shown.begin] + "".join(f"{line}\n" for line in came) + text[shown.end :]
        return text


def _fits(shown: Sequence[str], came: Sequence[str], runs: dict[str, str]) -> dict[str, str] | None:
    """Find what is shown in what came, and the runs it names; between two `…` the first place that fits is the one."""
    at, parts = 0, _between_cuts(shown)
    for number, part in enumerate(parts):
        places = range(at + bool(number), len(came) - len(part) + 1)
        places = places[:1] if number == 0 else places[-1:] if number == len(parts) - 1 else places
        met = next(((place, one) for place in places if (one := _all_same(part, came[place:], runs)) is not None), None)
        if met is None:
            return None
        at, runs = met[0] + len(part), met[1]
    return runs if at == len(came) else None


def _between_cuts(shown: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in shown:
        parts.append([]) if line == CUT else parts[-1].append(line)
    return parts


def _all_same(shown: Sequence[str], came: Sequence[str], runs: dict[str, str]) -> dict[str, str] | None:
    """Hold lines against lines; give the runs known afterwards."""
    known: dict[str, str] | None = runs
    for one, other in zip(shown, came, strict=False):
        if known is not None:
            known = _same(one, other, known)
    return known


def _same(shown: str, came: str, runs: dict[str, str]) -> dict[str, str] | None:
    pattern, new = "", []
    for part in re.split(f"({RUN}|{CUT})", shown):
        if part == CUT:
            pattern += ".*"
        elif re.fullmatch(RUN, part) and part not in runs and part not in new:
            pattern += f"({RUN})"
            new.append(part)
        else:
            pattern += re.escape(runs.get(part, part)) if part not in new else rf"(?:\{new.index(part) + 1})"
    met = re.fullmatch(pattern, came)
    return None if met is None else {**runs, **dict(zip(new, met.groups(), strict=True))}


def _renewed(shown: Sequence[str], came: Sequence[str], runs: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Show what came as what was shown before: whole where that was whole, the same lines or those most like them."""
    lines: list[str] = []
    below = (-1, -1)
    for pair in [*_aligned(shown, came, runs), (len(shown), len(came))]:
        between = came[below[1] + 1 : pair[1]]
        is_cut = CUT in shown[below[0] + 1 : pair[0]]
        lines += [CUT] if between and is_cut else [_named(line, runs) for line in between]
        if pair[0] < len(shown):
            line, runs = _again(shown[pair[0]], came[pair[1]], runs)
            lines.append(line)
        below = pair
    return lines, runs


def _aligned(shown: Sequence[str], came: Sequence[str], runs: dict[str, str]) -> list[tuple[int, int]]:
    """Pair places of what was shown and of what came, in order, so that as much as can be is the same."""
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])] * (len(came) + 1)
    for at, old in enumerate(shown):
        row = [best[0]]
        for place, line in enumerate(came):
            alike = _alike(old, line, runs) if old != CUT else 0.0
            paired = (best[place][0] + alike, [*best[place][1], (at, place)]) if alike else best[place]
            row.append(max(paired, row[-1], best[place + 1], key=lambda one: one[0]))
        best = row
    return best[-1][1]


def _alike(old: str, line: str, runs: dict[str, str]) -> float:
    """2 for the same line, less than 1 for one that only resembles it, 0 for another one."""
    if _same(old, line, runs) is not None:
        return 2.0
    compared = SequenceMatcher(None, old, line, autojunk=False)
    if min(compared.real_quick_ratio(), compared.quick_ratio()) < ALIKE:
        return 0.0
    ratio = compared.ratio()
    return ratio if ratio >= ALIKE else 0.0


def _again(old: str, line: str, runs: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Shorten a line as the one before it was shortened, and call the runs what the README calls them."""
    same = _same(old, line, runs)
    if same is not None:
        return old, same
    runs = {**runs, **dict(zip(re.findall(RUN, old), re.findall(RUN, line), strict=False))}
    line = _named(line, runs)
    if CUT in old:
        head, tail = old.split(CUT, maxsplit=1)[0], old.rsplit(CUT, maxsplit=1)[-1]
        line = f"{' '.join(line.split(' ')[: head.count(' ')])}{' ' * head.endswith(' ')}{CUT}{tail}"
    return line, runs


def _named(line: str, runs: dict[str, str]) -> str:
    """Call the runs of a line what the README calls them."""
    names = {run: name for name, run in runs.items()}
    return re.sub(RUN, lambda found: names.get(found[0], found[0]), line)

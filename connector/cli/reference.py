"""`connector reference`: every command's help as one Markdown document, made from the commands themselves.

It is printed and not kept in a file: what is generated cannot be out of date, and the README stays short.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from connector.cli.output import say_json

EXAMPLE = "Example:"


def reference(json: bool = typer.Option(False, "--json", help="Print one JSON object instead of Markdown.")) -> None:
    """Print every command with its arguments, options and example, as Markdown.

    Example: connector reference > reference.md
    """
    described = commands()
    if json:
        say_json({"commands": described})
        return
    typer.echo("# connector\n")
    typer.echo("Made by `connector reference`. Exit codes are listed in the README.\n")
    for one in described:
        typer.echo("\n".join(_markdown(one)))


def commands() -> list[dict[str, Any]]:
    """Describe every command, those of groups under the group's name, in the order of the help."""
    from connector.cli.app import app

    return list(_walk(typer.main.get_command(app), ()))


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is not None:
        for name, one in inner.items():
            yield from _walk(one, (*path, name))
        return
    text = inspect.cleandoc(command.help or "")
    said, _, example = text.partition(EXAMPLE)
    yield {
        "command": " ".join(path),
        "help": " ".join(said.split("\n\n")[0].split()),
        "more": [" ".join(part.split()) for part in said.split("\n\n")[1:] if part.strip()],
        "example": " ".join(example.split()),
        "arguments": [_parameter(one) for one in command.params if one.param_type_name == "argument"],
        "options": [_parameter(one) for one in command.params if one.param_type_name == "option"],
    }


def _parameter(one: Any) -> dict[str, Any]:
    is_argument = one.param_type_name == "argument"
    name = (one.metavar or one.name.upper()) if is_argument else ", ".join(one.opts)
    is_flag = bool(getattr(one, "is_flag", False))
    value = None if is_argument or is_flag else one.metavar or ("NUMBER" if isinstance(one.default, int) else "TEXT")
    return {
        "name": name,
        "value": value,
        "help": " ".join((getattr(one, "help", None) or "").split()),
        "required": bool(one.required),
        "repeats": bool(getattr(one, "multiple", False)) or one.nargs == -1,
    }


def _markdown(one: dict[str, Any]) -> Iterator[str]:
    yield f"## connector {one['command']}\n"
    yield f"{one['help']}\n"
    yield from (f"{part}\n" for part in one["more"])
    yield f"```bash\n{one['example']}\n```\n"
    rows = [*one["arguments"], *one["options"]]
    if rows:
        yield "| argument or option | |\n|---|---|"
        yield from (_row(row) for row in rows)
        yield ""


def _row(row: dict[str, Any]) -> str:
    named = f"`{row['name']}{' ' + row['value'] if row['value'] else ''}`"
    notes = [note for note, is_so in (("required", row["required"]), ("may be repeated", row["repeats"])) if is_so]
    told = f"{row['help']} ({', '.join(notes)})" if notes else row["help"]
    return f"| {named} | {told.replace('|', chr(92) + '|')} |"

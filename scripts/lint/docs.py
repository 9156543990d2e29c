"""Holds the README and the help against the product.

Every `connector …` line that the README shows, and every example in the help, has to be taken by the command as it is
written: its name, its arguments, its options and their values. Every YAML block says in its first line which document
it is a part of, and has to be sound where it stands in the shipped one. Every command stands in the README's table.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
import yaml

from connector.cli.app import app
from connector.cli.boundary import CLICK_EXCEPTION
from connector.cli.reference import commands
from connector.config.project import DOCUMENTS, load_project
from connector.domain.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent.parent
SHELL = re.compile(r"```(bash|console|sh)\n(.*?)```", re.S)
YAML = re.compile(r"```ya?ml\n(.*?)```", re.S)
NAMED = re.compile(r"# ([\w./-]+\.ya?ml)\b")
ELSEWHERE = frozenset({"compose.yaml"})
"""Blocks of others' documents; a test of their own looks at them."""


def main() -> int:
    """Check the README and the help; print what does not hold."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wrong = [*readme_problems(text), *help_problems()]
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


def readme_problems(text: str) -> Iterator[str]:
    """Say what in a README does not hold."""
    for line in _lines(text):
        for words in _simple_commands(line):
            yield from (f"README: {problem}: {line}" for problem in _check(words))
    for block in YAML.findall(text):
        yield from (f"README: {problem}" for problem in _check_yaml(block))
    yield from (f"README links to {name}, which is not there" for name in _links(text) if not (ROOT / name).exists())
    yield from _table_problems(text)


def help_problems() -> Iterator[str]:
    """Say which command has no help, or no example that it would take."""
    for one in commands():
        name, example = one["command"], one["example"]
        if not one["help"]:
            yield f"connector {name} has no help"
        if not example.startswith(f"connector {name}"):
            yield f"connector {name} has no example of itself in its help (`Example: connector {name} …`)"
            continue
        for words in _simple_commands(example):
            yield from (f"the example of connector {name}: {problem}" for problem in _check(words))
        for part in one["options"]:
            if not part["help"] and part["name"] != "--help":
                yield f"connector {name}: {part['name']} has no help"


def _lines(text: str) -> list[str]:
    lines = [line for kind, block in SHELL.findall(text) for line in _typed(kind, block)]
    return [line.split(" #")[0].strip() for line in lines if line.split("#")[0].strip()]


def _typed(kind: str, block: str) -> list[str]:
    """What is typed in a block: of a console only what follows its `$`, the rest is what came back."""
    lines = block.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if kind != "console" or line.startswith("$ ")]


def _links(text: str) -> list[str]:
    return [link.split("#")[0] for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)]


def _simple_commands(line: str) -> Iterator[list[str]]:
    """Part a shell line into its commands, without what goes where."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    tokens = iter(lexer)
    for token in tokens:
        if token in (";", "&&", "||", "|", "&"):
            yield words
            words = []
        elif token in (">", ">>", "<"):
            next(tokens, None)
        else:
            words.append(token)
    yield words


def _check(words: Sequence[str]) -> Iterator[str]:
    words = words[next((i for i, word in enumerate(words) if "=" not in word), len(words)) :]
    match list(words):
        case [first, *rest] if first == "connector" or first.endswith("/connector"):
            yield from _check_connector(rest)
        case [first, *_] if first.startswith("scripts/") and not (ROOT / first).exists():
            yield f"{first} is not there"
        case _:
            return


def _check_connector(words: list[str]) -> Iterator[str]:
    """Let the command itself read its words; nothing is run."""
    command: Any = typer.main.get_command(app)
    path = ["connector"]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            yield f"there is no command {' '.join([*path, words[0]])}"
            return
        path.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    if "--help" in words or (hasattr(command, "commands") and not words):
        return
    try:
        command.make_context(" ".join(path), words, resilient_parsing=False)
    except CLICK_EXCEPTION as wrong:
        yield wrong.format_message()
    except typer.Exit:
        return  # --version


def _check_yaml(block: str) -> Iterator[str]:
    """Put a block in the place of its keys in the shipped document, and load the whole project."""
    named = NAMED.match(block)
    if named is None:
        yield f"a YAML block begins with no `# path/of/document.yaml`: {block.splitlines()[0]}"
        return
    if named[1] in ELSEWHERE:
        yield from _only_parsed(block, named[1])
        return
    document = re.sub(r"\.\w+(?=\.yaml$)", "", named[1])  # an override of an environment has its document's keys
    if document not in DOCUMENTS:
        yield f"{named[1]} is no document of a project"
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for part in ("mappings", "playbooks"):
            shutil.copytree(ROOT / part, home / part)
        try:
            whole = _merged(yaml.safe_load((home / document).read_text("utf-8")), yaml.safe_load(block))
            (home / document).write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
            crm = "hubspot" if "hubspot" in document else "salesforce"
            load_project(home, ["stripe", "files"], crm)
        except yaml.YAMLError as wrong:
            yield f"{named[1]}: {str(wrong).splitlines()[0]}"
        except ConfigError as wrong:
            yield from (f"{document}: {problem.message}" for problem in wrong.problems)


def _only_parsed(block: str, name: str) -> Iterator[str]:
    try:
        yaml.safe_load(block)
    except yaml.YAMLError as wrong:
        yield f"{name}: {str(wrong).splitlines()[0]}"


def _merged(standing: Any, new: Any) -> Any:
    if not isinstance(standing, dict) or not isinstance(new, dict):
        return new
    return standing | {key: _merged(standing.get(key), value) for key, value in new.items()}


def _table_problems(text: str) -> Iterator[str]:
    """Every command, or its group, has a row in the README's table of commands."""
    rows = [line for line in text.splitlines() if line.startswith("| `connector ")]
    cells = [line.replace("\\|", "/").split("|")[1] for line in rows]
    told = [set(re.findall(r"[\w-]+", cell)) for cell in cells]
    for one in commands():
        if not any(set(one["command"].split()) <= words for words in told):
            yield f"README's table of commands does not name connector {one['command']}"


if __name__ == "__main__":
    sys.exit(main())

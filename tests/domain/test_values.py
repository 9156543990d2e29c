"""A value is a frozen dataclass with slots in all but the time it takes to make."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace
from typing import get_type_hints

import pytest
from pydantic import TypeAdapter, ValidationError

from connector.domain.values import value


@value
class Point:
    """Somewhere."""

    x: float
    y: float
    label: str = "here"
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plain:
    """The same, made as usual."""

    x: float
    y: float
    label: str = "here"
    notes: Mapping[str, str] = field(default_factory=dict)


def test_is_made_as_the_dataclass_is() -> None:
    """Arguments by place and by name, defaults and their factories are those of the dataclass."""
    made = [Point(1, 2), Point(1, y=2, label="there"), Point(x=1, y=2, notes={"a": "b"})]
    plain = [Plain(1, 2), Plain(1, y=2, label="there"), Plain(x=1, y=2, notes={"a": "b"})]

    assert [asdict(one) for one in made] == [asdict(one) for one in plain]
    assert [repr(one).removeprefix("Point") for one in made] == [repr(one).removeprefix("Plain") for one in plain]
    assert list(inspect.signature(Point).parameters) == list(inspect.signature(Plain).parameters)
    assert (Point.__qualname__, Point.__module__, Point.__doc__) == ("Point", __name__, "Somewhere.")


def test_what_a_factory_makes_is_not_shared() -> None:
    """Two values have two mappings of their own."""
    assert Point(1, 2).notes is not Point(1, 2).notes


@pytest.mark.parametrize("wrong", [{}, {"x": 1}, {"x": 1, "y": 2, "z": 3}])
def test_refuses_wrong_arguments(wrong: dict[str, float]) -> None:
    """An argument too few or too many is refused, as by any function."""
    with pytest.raises(TypeError):
        Point(**wrong)  # type: ignore[arg-type] # wrong on purpose


def test_is_frozen() -> None:
    """Nobody sets, adds or deletes a field of a value that is made."""
    made = Point(1, 2)

    with pytest.raises(FrozenInstanceError):
        made.x = 3  # type: ignore[misc] # wrong on purpose
    with pytest.raises(FrozenInstanceError):
        del made.x
    with pytest.raises((AttributeError, TypeError)):
        made.z = 3  # type: ignore[attr-defined] # wrong on purpose
    assert type(made) is Point
    assert not hasattr(made, "__dict__")


def test_is_equal_to_its_like() -> None:
    """Equal fields make equal values, in sets too; another field makes another value."""
    labelled = [replace(Point(1, 2, "a", ()), label=label) for label in ("a", "a", "b")]  # type: ignore[arg-type]

    assert len(set(labelled)) == 2


def test_is_read_from_json() -> None:
    """A reader that fills a value without calling its class fills it as it would the dataclass."""
    read = TypeAdapter(Point).validate_json('{"x": 1, "y": 2, "label": "there"}')

    assert read == Point(1, 2, "there")
    with pytest.raises(ValidationError):
        TypeAdapter(Point).validate_json('{"x": 1}')


def test_copies_and_travels() -> None:
    """A copy, a pickle and a replacement are frozen values of the same class."""
    made = Point(1, 2, notes={"a": "b"})
    others = [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made)), replace(made, x=1)]

    assert others == [made] * 4
    assert {type(one) for one in others} == {Point}


def test_tells_the_types_of_its_arguments() -> None:
    """Whoever makes values from their types finds them, as for the dataclass."""
    assert get_type_hints(Point.__init__) == get_type_hints(Plain.__init__)

"""Facts as node attributes: text, named ``DSANet.<Name>``, without patient data, the same wherever they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import SceneError

PREFIX = "DSANet."

ROLE = "Role"
CASE = "CaseId"
FRAME = "Frame"
FRAMES = "Frames"
STATE = "FrameState"

Fact = str | int | float | bool | tuple[int, ...] | tuple[float, ...] | None


def set_facts(node: Any, facts: Mapping[str, Fact]) -> None:
    """Store facts on a node; None removes one. Numbers are written so that they read back exactly."""
    for name, value in facts.items():
        node.SetAttribute(PREFIX + name, None if value is None else as_text(value))


def as_text(value: Fact) -> str:
    """Return a fact as text: numbers in full precision, tuples separated by spaces, True as 1."""
    if isinstance(value, tuple):
        return " ".join(as_text(item) for item in value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))
    # A line break would end the field in an NRRD header.
    return " ".join(str(value).split())


def fact(node: Any, name: str) -> str | None:
    """Return a fact of a node as text, None where it is not stored."""
    value = node.GetAttribute(PREFIX + name)
    return None if value is None else str(value)


def need_fact(node: Any, name: str) -> str:
    """Return a fact of a node as text; raise `SceneError` where it is not stored."""
    value = fact(node, name)
    if value is None:
        raise SceneError(f"has no attribute {PREFIX}{name}", "Choose a node that DSANet wrote", node.GetName())
    return value


def number(node: Any, name: str) -> float | None:
    """Return a fact of a node as a number, None where it is not stored or is none."""
    text = fact(node, name)
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def numbers(node: Any, name: str) -> tuple[float, ...]:
    """Return a fact that holds several numbers; empty where it is not stored."""
    try:
        return tuple(float(part) for part in (fact(node, name) or "").split())
    except ValueError:
        return ()

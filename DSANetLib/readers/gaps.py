"""Frames that should lie among the files and do not: left out, they shift the times of all that follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

_MOST_LISTED = 5


def note_gaps(numbers: Sequence[int] | None, warnings: list[str]) -> None:
    """Add a warning that names the frames which are missing among numbered files.

    Parameters
    ----------
    numbers
        The frames' numbers in the order of the run; None where they have none.
    warnings
        Extended by one sentence where numbers are missing.
    """
    if missing := missing_numbers(numbers or ()):
        are = f"frame {missing[0]} is" if len(missing) == 1 else f"frames {_listed(missing)} are"
        warnings.append(f"Among the numbered files, {are} missing: times and result may be wrong.")


def missing_numbers(numbers: Sequence[int]) -> list[int]:
    """Return the numbers left out of a count by ones; none where it is no such count.

    It is one where it never stands or falls, at most one step in three is larger than one, and fewer numbers are
    left out than there are. Time stamps and every second frame of a run are none. What is missing in front or at the
    end cannot be told.

    Examples
    --------
    >>> missing_numbers([1, 2, 3, 5, 6, 8, 9])
    [4, 7]
    >>> missing_numbers([0, 500, 1000, 2000])
    []
    """
    steps = [after - before for before, after in pairwise(numbers)]
    gaps = sum(step > 1 for step in steps)
    if not gaps or min(steps) < 1 or 3 * gaps > len(steps) or sum(steps) + 1 >= 2 * len(numbers):
        return []
    held = set(numbers)
    return [number for number in range(numbers[0], numbers[-1]) if number not in held]


def name_numbers(files: Sequence[Path]) -> list[int] | None:
    """Return the one number in which the names of files differ, in their order; None where they differ otherwise.

    Examples
    --------
    >>> name_numbers([Path("run2-f9.png"), Path("run2-f10.png")])
    [9, 10]
    """
    names = [re.split(r"([0-9]+)", path.name.casefold()) for path in files]
    if len({len(name) for name in names}) != 1:
        return None
    parts = [[int(part) if i % 2 else part for part in values] for i, values in enumerate(zip(*names, strict=True))]
    differing = [i for i, values in enumerate(parts) if len(set(values)) > 1]
    if len(differing) != 1 or differing[0] % 2 == 0:
        return None
    return [int(value) for value in parts[differing[0]]]


def named_alike(path: Path, files: Sequence[Path]) -> bool:
    """Tell whether a file's name is that of one of the files but for numbers."""
    return _without_numbers(path) in {_without_numbers(other) for other in files}


def _without_numbers(path: Path) -> str:
    return re.sub(r"[0-9]+", "#", path.name.casefold())


def _listed(numbers: Sequence[int]) -> str:
    """Return numbers in words: ``4, 7 to 9 and 12``; long lists are cut."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    # Two in a row are named each: "7 and 8" reads better than "7 to 8".
    words = [
        word
        for first, last in spans
        for word in ([f"{first} to {last}"] if last - first > 1 else map(str, range(first, last + 1)))
    ]
    if len(words) > _MOST_LISTED:
        words = [*words[: _MOST_LISTED - 1], "others"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"

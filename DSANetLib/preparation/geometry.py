"""FrameGeometry: the one object that maps source pixels to network pixels and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ..errors import PreparationError
from .config import Aspect

_SIDES = "Give sides of 1 pixel or more"
_BOX = "Give a box of 1 pixel or more inside the frame"
_OF_ONE = "Give an image of the run that the geometry was made for"


@dataclass(frozen=True)
class FrameGeometry:
    """Crop, scale, padding and flips between a source frame and the square network image.

    Coordinates are (row, column) of pixel centres; (0, 0) is the centre of the top-left pixel. Without
    flips ``network = (source + 0.5 - offset) * scale - 0.5`` on each axis, exactly.

    Parameters
    ----------
    rows, columns
        Size of the source frame.
    top, left, height, width
        Crop box on the source frame, whole pixels.
    size
        Side of the network image.
    aspect
        ``pad``: the longer side of the box fills the network image and the shorter is centred, its scaled
        length rounded to whole pixels; ``squash``: both sides fill it.
    flip_rows, flip_columns
        The network image is turned upside down, or left to right.

    Raises
    ------
    PreparationError
        Where the box does not lie in the frame, or has no size.
    """

    rows: int
    columns: int
    top: int
    left: int
    height: int
    width: int
    size: int
    aspect: Aspect = "pad"
    flip_rows: bool = False
    flip_columns: bool = False

    def __post_init__(self) -> None:
        if self.aspect not in ("pad", "squash"):
            raise PreparationError(f"aspect is {self.aspect!r}", "Choose pad or squash")
        if min(self.rows, self.columns, self.size) < 1:
            raise PreparationError(f"a frame of {self.rows} x {self.columns} cannot become {self.size} pixels", _SIDES)
        inside = self.top >= 0 and self.left >= 0 and self.height >= 1 and self.width >= 1
        if not inside or self.top + self.height > self.rows or self.left + self.width > self.columns:
            box = f"{self.height} x {self.width} at ({self.top}, {self.left})"
            raise PreparationError(f"box {box} does not lie in a frame of {self.rows} x {self.columns}", _BOX)

    @classmethod
    def whole(cls, rows: int, columns: int, size: int, aspect: Aspect = "pad") -> FrameGeometry:
        """Return the geometry that keeps the whole frame."""
        return cls(rows, columns, 0, 0, rows, columns, size, aspect)

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the box on the unflipped network image, pixels."""
        if self.aspect == "squash":
            return 0, 0, self.size, self.size
        longest = max(self.height, self.width)
        # Half up: Python's own rounding goes to even, which would make neighbours differ by two.
        height = max(1, int(self.height * self.size / longest + 0.5))
        width = max(1, int(self.width * self.size / longest + 0.5))
        return (self.size - height) // 2, (self.size - width) // 2, height, width

    @property
    def scale(self) -> tuple[float, float]:
        """(rows, columns): network pixels per source pixel."""
        _, _, height, width = self.inner
        return height / self.height, width / self.width

    @property
    def offset(self) -> tuple[float, float]:
        """(rows, columns): edge coordinate on the source frame that falls on the network image's edge."""
        top, left, _, _ = self.inner
        scale = self.scale
        return self.top - top / scale[0], self.left - left / scale[1]

    @property
    def box(self) -> tuple[slice, slice]:
        """The crop box as a pair of slices."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def to_network(self, image: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """Crop, resize by area and pad a source image.

        Parameters
        ----------
        image
            (rows, columns), any real dtype or bool.
        fill
            Value of the padding.

        Returns
        -------
        numpy.ndarray
            (size, size) float32.
        """
        self._check(image, (self.rows, self.columns))
        out = np.full((self.size, self.size), fill, np.float32)
        self.paste(np.asarray(image)[self.box].astype(np.float32, copy=False), out)
        return out

    def paste(self, cropped: np.ndarray, out: np.ndarray) -> None:
        """Resize a cropped float32 image (height, width) into its place on `out` (size, size)."""
        top, left, height, width = self.inner
        out[self._flips()][top : top + height, left : left + width] = resize(cropped, height, width)

    def to_source(self, image: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """Bring a network map back to the source frame, linearly; `fill` outside the crop box.

        Parameters
        ----------
        image
            (size, size), any real dtype or bool.
        fill
            Value outside the crop box.

        Returns
        -------
        numpy.ndarray
            (rows, columns) float32.
        """
        self._check(image, (self.size, self.size))
        top, left, height, width = self.inner
        inner = np.asarray(image, np.float32)[self._flips()][top : top + height, left : left + width]
        out = np.full((self.rows, self.columns), fill, np.float32)
        out[self.box] = resize(np.ascontiguousarray(inner), self.height, self.width)
        return out

    def mask_to_source(self, mask: np.ndarray) -> np.ndarray:
        """Bring a network mask (size, size) back: uint8 (rows, columns), 1 where it covers half or more."""
        return (self.to_source(np.asarray(mask) > 0) >= 0.5).astype(np.uint8)

    def points_to_network(self, points: np.ndarray) -> np.ndarray:
        """Map (N, 2) source (row, column) to network (row, column), float64."""
        network = (_points(points) + 0.5 - self.offset) * self.scale - 0.5
        return self._flip_points(network)

    def points_to_source(self, points: np.ndarray) -> np.ndarray:
        """Map (N, 2) network (row, column) to source (row, column), float64."""
        return (self._flip_points(_points(points)) + 0.5) / self.scale + self.offset - 0.5

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FrameGeometry:
        """Build from `to_dict`'s values."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def _flips(self) -> tuple[slice, slice]:
        return slice(None, None, -1 if self.flip_rows else 1), slice(None, None, -1 if self.flip_columns else 1)

    def _flip_points(self, points: np.ndarray) -> np.ndarray:
        flip = np.array([self.flip_rows, self.flip_columns])
        return np.where(flip, self.size - 1 - points, points)

    @staticmethod
    def _check(image: np.ndarray, shape: tuple[int, int]) -> None:
        if np.shape(image) != shape:
            raise PreparationError(f"the image is {np.shape(image)}, the geometry expects {shape}", _OF_ONE)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an image (uint8, uint16, int16 or float32): an axis that shrinks by area, an axis that grows linearly.

    OpenCV's area interpolation is exact when both axes shrink but not when one grows, so that a mixed
    case takes two steps. Pixel edges meet pixel edges in both.
    """
    import cv2

    rows, columns = image.shape
    if height <= rows and width <= columns:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if height > rows and width > columns:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    smaller = cv2.resize(image, (min(width, columns), min(height, rows)), interpolation=cv2.INTER_AREA)
    return cv2.resize(smaller, (width, height), interpolation=cv2.INTER_LINEAR)


def _points(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise PreparationError(f"points are {points.shape}, not (N, 2)", "Give (row, column) pairs")
    return points

"""DSARun: the frames of one angiographic run and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from .errors import RunError

Polarity = Literal["dark_contrast", "bright_contrast", "unknown"]
Calibration = Literal["calibrated", "catheter", "detector", "unknown"]
Intensity = Literal["linear", "log", "display", "unknown"]
MaskOperation = Literal["NONE", "AVG_SUB", "TID", "REV_TID"]

MAX_SPACING_MM = 5.0
MAX_ASPECT = 3.0
"""Of a pixel: detectors have square ones, videos seldom pixels twice as wide as high."""
MIN_SPACING_MM = 0.01


@runtime_checkable
class Frames(Protocol):
    """A lazy, read-only array of frames: shape (F, rows, columns), one stored grey dtype.

    Indexing with an int gives one (rows, columns) array, with a slice or a sequence of ints a
    (n, rows, columns) array. Arrays handed out are not to be written to. ``numpy.ndarray`` fits.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(F, rows, columns)."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Stored dtype."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int | slice | np.ndarray | list[int]) -> np.ndarray: ...


class LazyFrames:
    """Frames decoded on demand, the last few kept.

    Parameters
    ----------
    shape
        (F, rows, columns).
    dtype
        Stored dtype of the frames.
    load
        Function from a frame index (0-based) to its (rows, columns) array.
    keep
        Number of decoded frames kept in memory, so that neighbours and repeats cost nothing.
    """

    def __init__(
        self, shape: tuple[int, int, int], dtype: np.dtype | type, load: Callable[[int], np.ndarray], keep: int = 4
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._load = load
        self._keep = keep
        self._cache: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._frame(i) for i in range(len(self)))

    def __getitem__(self, index: int | slice | np.ndarray | list[int]) -> np.ndarray:
        if isinstance(index, (int, np.integer)):
            i = int(index)
            if not -len(self) <= i < len(self):
                raise IndexError(f"frame {i} of {len(self)}")
            return self._frame(i % len(self))
        chosen = np.arange(len(self))[index]
        if not len(chosen):
            return np.empty((0, *self.shape[1:]), self.dtype)
        return np.stack([self._frame(int(i)) for i in chosen])

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def _frame(self, i: int) -> np.ndarray:
        if i not in self._cache:
            frame = self._load(i)
            if frame.shape != self.shape[1:]:
                raise RunError(f"frame {i} is {frame.shape}, the others are {self.shape[1:]}", "Remove or resize it")
            frame.setflags(write=False)
            self._cache[i] = frame
            while len(self._cache) > self._keep:
                del self._cache[next(iter(self._cache))]
        return self._cache[i]


@dataclass(frozen=True)
class PixelSpacing:
    """Size of a pixel in mm, and how far to trust it.

    ``calibrated``: in the patient, as the source or the user says (DICOM Pixel Spacing with calibration);
    ``catheter``: in the patient, measured on a catheter of known size (`calibration.calibrate`);
    ``detector``: DICOM Imager Pixel Spacing, larger than in the patient by the magnification;
    ``unknown``: a number of unknown meaning. Only the first two give areas in mm².
    """

    row_mm: float
    column_mm: float
    calibration: Calibration = "unknown"

    def __post_init__(self) -> None:
        for name in ("row_mm", "column_mm"):
            value = getattr(self, name)
            if not (np.isfinite(value) and MIN_SPACING_MM <= value <= MAX_SPACING_MM):
                raise RunError(
                    f"a pixel spacing of {value:g} mm is impossible for an angiogram",
                    f"Correct the spacing to {MIN_SPACING_MM}-{MAX_SPACING_MM} mm or leave it out",
                )
        if max(self.row_mm, self.column_mm) > MAX_ASPECT * min(self.row_mm, self.column_mm):
            raise RunError(
                f"pixels of {self.row_mm:g} × {self.column_mm:g} mm are impossible for an angiogram",
                "Correct the spacing of rows or columns or leave it out",
            )

    @property
    def in_patient(self) -> bool:
        """Whether sizes in mm may be given: the spacing is that in the patient."""
        return self.calibration in ("calibrated", "catheter")

    @property
    def pixel_mm2(self) -> float | None:
        """Area of a pixel in mm², or None where the spacing is not calibrated."""
        return self.row_mm * self.column_mm if self.in_patient else None


@dataclass(frozen=True)
class MaskSubtraction:
    """What the source says of its mask (DICOM Mask Subtraction Sequence, or a user's choice).

    Parameters
    ----------
    operation
        NONE, AVG_SUB, TID or REV_TID (DICOM PS3.3 C.7.6.10).
    frames
        Mask frames, 0-based.
    shift_px
        (rows, columns) by which the mask is moved before it is subtracted, sub-pixel.
    tid_offset
        Frames between a frame and its mask, for TID and REV_TID.
    """

    operation: MaskOperation = "NONE"
    frames: tuple[int, ...] = ()
    shift_px: tuple[float, float] = (0.0, 0.0)
    tid_offset: int = 1


@dataclass(frozen=True, eq=False)
class DSARun:
    """One angiographic run: frames and facts, validated when it is built.

    Parameters
    ----------
    frames
        Lazy, read-only array (F, rows, columns) of the stored dtype: uint8, uint16 or int16.
    times_s
        (F,) seconds from the first frame, strictly increasing; None where the source does not say.
    spacing
        Pixel spacing, None where the source does not say.
    polarity
        ``dark_contrast`` as on the angiography screen, ``bright_contrast`` inverted.
    subtracted
        True, False, or None where the source does not say; ``preparation`` then decides.
    bit_depth
        Bits stored, 1-16.
    intensity
        What grey values are proportional to: x-ray intensity (``linear``), its logarithm, display.
    source
        Where the run was read from; for messages, never shown with a patient's name.
    kind
        Reader that made it: video, images, dicom, sequence or phantom.
    case_id
        Name of the case in every output; holds no patient data.
    mask
        What the source says of its mask frames.
    visible
        (rows, columns) bool, True inside the shutter or collimator; None where not said.
    warnings
        Sentences for the user: what was assumed, what looks wrong.

    Raises
    ------
    RunError
        Where a value is impossible; the message names it.
    """

    frames: Frames
    case_id: str
    times_s: np.ndarray | None = None
    spacing: PixelSpacing | None = None
    polarity: Polarity = "unknown"
    subtracted: bool | None = None
    bit_depth: int = 8
    intensity: Intensity = "unknown"
    source: str = ""
    kind: str = "images"
    mask: MaskSubtraction | None = None
    visible: np.ndarray | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = self.source or self.case_id
        shape = tuple(self.frames.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise RunError(f"frames have shape {shape}, not (frames, rows, columns)", "Give grey frames", where)
        if np.dtype(self.frames.dtype) not in (np.uint8, np.uint16, np.int16):
            raise RunError(f"frames are {self.frames.dtype}", "Store them as uint8, uint16 or int16", where)
        if not self.case_id:
            raise RunError("case_id is empty", "Name the case", where)
        if not 1 <= self.bit_depth <= 16:
            raise RunError(f"bit_depth is {self.bit_depth}", "Give 1-16", where)
        if isinstance(self.frames, np.ndarray):
            # A view, so that the caller's own array stays writable.
            view = self.frames.view()
            view.setflags(write=False)
            object.__setattr__(self, "frames", view)
        self._check_times(where, shape[0])
        if self.visible is not None and (self.visible.shape != shape[1:] or self.visible.dtype != bool):
            raise RunError(f"visible is {self.visible.dtype} {self.visible.shape}, not bool {shape[1:]}", "", where)
        if self.mask and any(not 0 <= i < shape[0] for i in self.mask.frames):
            raise RunError(
                f"mask frame {max(self.mask.frames) + 1} of a run of {shape[0]} frames", "Choose a mask frame", where
            )

    def _check_times(self, where: str, count: int) -> None:
        if self.times_s is None:
            return
        times = np.array(self.times_s, dtype=np.float64)
        if times.shape != (count,):
            raise RunError(f"{times.size} frame times for {count} frames", "Leave the times out", where)
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise RunError("frame times do not increase", "Leave the times out", where)
        times.setflags(write=False)
        object.__setattr__(self, "times_s", times)

    @property
    def count(self) -> int:
        """Number of frames."""
        return int(self.frames.shape[0])

    @property
    def rows(self) -> int:
        """Number of pixel rows."""
        return int(self.frames.shape[1])

    @property
    def columns(self) -> int:
        """Number of pixel columns."""
        return int(self.frames.shape[2])

    def with_changes(self, **changes: object) -> DSARun:
        """Return a copy with some facts replaced, validated anew."""
        return replace(self, **changes)  # type: ignore[arg-type]

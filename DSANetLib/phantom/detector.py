"""From attenuation to grey values: primary beam, scatter, glare, blur, quanta, electronics, and the export."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHOULDER, SHOULDER_ROOM = 0.65, 1.0
"""Grey (of white) from which the display curve of films that are not subtracted bends, and how much it has left."""


@dataclass(frozen=True)
class Detector:
    """One C-arm at one dose.

    Parameters
    ----------
    quanta
        Quanta per pixel behind the tissue on which the exposure is set.
    scatter
        Scatter over primary, on average over the field.
    glare
        Share of the light spread over the whole input screen.
    blur_px
        Standard deviation of focal spot and detector together, in pixels.
    electronic
        Electronic noise in quanta.
    """

    quanta: float
    scatter: float
    glare: float
    blur_px: float
    electronic: float

    def expected(self, attenuation: np.ndarray, reference: float) -> np.ndarray:
        """Return the expected dose per pixel, in quanta: linear in the incoming beam.

        Parameters
        ----------
        attenuation
            (rows, columns) float32, no unit.
        reference
            Attenuation at which a pixel gets ``quanta`` (automatic exposure control).
        """
        import cv2

        primary = cv2.exp(np.float32(reference) - attenuation)
        small = cv2.resize(primary, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
        wide = cv2.GaussianBlur(small, (0, 0), max(small.shape) / 9, borderType=cv2.BORDER_REFLECT)
        halo = cv2.GaussianBlur(small, (0, 0), max(small.shape) / 40, borderType=cv2.BORDER_REFLECT)
        stray = np.float32(self.scatter) * wide + np.float32(self.glare) * halo
        stray = cv2.resize(stray, primary.shape[::-1], interpolation=cv2.INTER_LINEAR)
        dose = cv2.GaussianBlur(primary, (0, 0), self.blur_px)
        dose += stray
        dose *= np.float32(self.quanta / (1 + self.scatter + self.glare))
        return dose

    def expose(self, dose: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return one noisy exposure of an expected dose (quanta), at least 1, float32.

        Quantum noise (a normal approximation of Poisson, exact to 1 % above 100 quanta) passes through
        the light spread of the detector; electronic noise does not.
        """
        import cv2

        noise = rng.standard_normal(dose.shape, dtype=np.float32)
        # Light spreads before it is counted: the noise of real films falls off towards high frequencies.
        spread = 0.38 + 0.16 * self.blur_px
        noise = cv2.GaussianBlur(noise, (0, 0), spread)
        noise *= cv2.sqrt(dose) * np.float32(noise_gain(spread))
        noise += np.float32(self.electronic) * rng.standard_normal(dose.shape, dtype=np.float32)
        noise += dose
        return np.maximum(noise, np.float32(1), out=noise)


def noise_gain(sigma_px: float) -> float:
    """Return what a blur's output is multiplied with so that white noise keeps its variance."""
    import cv2

    size = 2 * int(np.ceil(4 * sigma_px)) + 1
    impulse = np.zeros((size, size), np.float32)
    impulse[size // 2, size // 2] = 1
    return float(1 / np.sqrt((cv2.GaussianBlur(impulse, (0, 0), sigma_px) ** 2).sum()))


@dataclass(frozen=True)
class Export:
    """How a scanner writes its grey values, and what is lost on the way out.

    Parameters
    ----------
    subtracted
        Whether the run leaves the scanner subtracted.
    bits
        Bits stored.
    gain
        Grey levels (of 256) per unit of attenuation, subtracted runs.
    offset
        Grey level (of 256) of no contrast, subtracted runs.
    inverted
        Contrast bright instead of dark.
    jpeg
        Quality of a lossy codec, or None.
    gamma
        Exponent of the display curve, runs that are not subtracted.
    """

    subtracted: bool
    bits: int
    gain: float
    offset: float
    inverted: bool
    jpeg: int | None
    gamma: float

    @property
    def white(self) -> int:
        """Largest grey value."""
        return 2**self.bits - 1

    def subtract(self, exposure: np.ndarray, log_mask: np.ndarray) -> np.ndarray:
        """Return display grey (0 to white, float32) of an exposure against the mask's logarithm."""
        import cv2

        scale = self.white / 255
        grey = cv2.log(exposure)
        grey -= log_mask
        grey *= np.float32(self.gain * scale)
        grey += np.float32(self.offset * scale)
        return grey

    def display(self, exposure: np.ndarray, quanta: float) -> np.ndarray:
        """Return display grey (0 to white, float32) of an exposure that is not subtracted: a power of the dose.

        Above `SHOULDER` of white the curve bends, as displays do: lungs and flanks get bright, not white.
        """
        import cv2

        grey = cv2.pow(exposure * np.float32(0.34 / quanta), self.gamma)
        room = np.float32(SHOULDER_ROOM)
        over = np.maximum(grey - np.float32(SHOULDER), 0)
        # The same value and slope where it begins.
        grey += room * over / (room + over) - over
        grey *= np.float32(self.white)
        return grey

    def store(self, grey: np.ndarray) -> np.ndarray:
        """Return stored pixels: inverted where it is, rounded, clipped; uint8, or uint16 above 8 bits."""
        if self.inverted:
            grey = np.float32(self.white) - grey
        grey = np.clip(grey + np.float32(0.5), 0, self.white)
        return grey.astype(np.uint8 if self.bits <= 8 else np.uint16)

    def lose(self, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels after the lossy codec, if there is one (8 bits only)."""
        if self.jpeg is None or pixels.dtype != np.uint8:
            return pixels
        import cv2

        _, code = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))


@dataclass(frozen=True)
class Collimator:
    """The part of the frame that is exposed: ``none``, ``round``, ``rectangle`` or ``octagon``, rotated."""

    shape: str
    reach: float
    angle: float
    aspect: float

    def inside(self, rows: int, columns: int) -> np.ndarray:
        """Return the exposed pixels, (rows, columns) bool."""
        if self.shape == "none":
            return np.ones((rows, columns), bool)
        y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5 - rows / 2) / (rows / 2)
        x = (np.arange(columns, dtype=np.float32)[None] + 0.5 - columns / 2) / (columns / 2)
        c, s = np.cos(self.angle), np.sin(self.angle)
        u, v = np.abs(c * x + s * y), np.abs(c * y - s * x) * self.aspect
        if self.shape == "round":
            return u**2 + v**2 < self.reach**2
        inside = np.maximum(u, v) < self.reach
        return inside & (u + v < 1.45 * self.reach) if self.shape == "octagon" else inside


def burn_text(pixels: np.ndarray, lines: tuple[str, ...], corner: int, white: int) -> None:
    """Write neutral text into a corner (0-3) of a frame, in place: no name, no date."""
    import cv2

    rows, columns = pixels.shape
    scale = rows / 1100
    # OpenCV 5 writes text into 8 bits only.
    ink = np.zeros(pixels.shape, np.uint8)
    for i, line in enumerate(lines):
        row = int((0.04 + 0.035 * i) * rows) if corner < 2 else int((0.97 - 0.035 * i) * rows)
        column = int((0.02 if corner % 2 == 0 else 0.80) * columns)
        cv2.putText(ink, line, (column, row), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    written = ink > 0
    pixels[written] += ((white - pixels[written].astype(np.int32)) * ink[written] // 255).astype(pixels.dtype)

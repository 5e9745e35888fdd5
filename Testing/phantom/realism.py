"""How real a frame looks, in three numbers: noise spectrum, edge width, noise variance against mean.

All three are measured on single unsubtracted frames, so that real runs, real single frames and the phantom
are measured alike. Stored grey values are taken as they are: 8-bit, windowed, edge-enhanced or compressed.
Display processing and compression change all three, which widens the range of the real files; see
``docs/phantom-realism.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

PATCH = 16
FLATTEST = 0.25
EDGES = 150


# Real files by folder: unsubtracted, and each film once. Left out: ``derived`` (the coronary run's pixels in
# other containers), the subtracted cerebral pair, the simulated radiograph, and the same film in other codecs.
REAL_FILES = (
    "dicom/xa_coronary_96f_8bit_jpegbaseline_maskmodule.dcm",
    "dicom/xa_phantom_ge_im4_jpegll.dcm",
    "dicom/xa_phantom_ge_im6_jpegll.dcm",
    "dicom/xa_cerebral_10bit_1024_explicitle.dcm",
    "dicom/rf_liver_cholangiogram_1f_8bit.dcm",
    "frames/coro_bmp_seq/*.bmp",
    "masks/arcade_stenosis/images/*.png",
    "masks/dca1/images/*.pgm",
    "masks/xcad/images/*.png",
)


@dataclass(frozen=True)
class Realism:
    """Measures of one frame.

    Parameters
    ----------
    noise_ratio
        Noise power density at 0.30-0.50 cycles/px over that at 0.10-0.20: 1 for white noise.
    noise_slope
        Slope of log noise power over log frequency, 0.08-0.5 cycles/px: 0 for white noise.
    edge_width_px
        Median 10-90 % width of the strongest edges, in pixels.
    variance_slope
        Slope of log noise variance over log mean grey: 1 for quanta counted on a linear scale, below 0
        where a logarithm or a window bends the scale. NaN where the frame holds too few greys.
    noise_percent
        Median standard deviation of the noise (after a Laplacian, scaled to white noise) in per cent of
        the frame's grey range.
    """

    noise_ratio: float
    noise_slope: float
    edge_width_px: float
    variance_slope: float
    noise_percent: float


# Least and greatest over REAL_FILES, as test_realism.py measures them anew where the files are.
RANGES = {
    "noise_ratio": (0.078, 0.601),
    "noise_slope": (-2.794, -0.567),
    "edge_width_px": (2.318, 4.427),
    "variance_slope": (-2.996, 0.785),
    "noise_percent": (0.234, 45.354),
}

MEASURES = tuple(field.name for field in fields(Realism))


def measure(frame: np.ndarray) -> Realism:
    """Measure one frame, (rows, columns) of any grey dtype."""
    grey = frame.astype(np.float64)
    spectra, variances, means = _patches(grey)
    ratio, slope = _noise_spectrum(spectra, variances, means)
    low, high = np.quantile(means, [0.02, 0.98])
    percent = 100.0 * float(np.sqrt(np.median(variances))) / max(float(high - low), 1.0)
    return Realism(ratio, slope, edge_width(grey), _variance_slope(variances, means), percent)


def real_frames(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, frame) of the usable real files, bright where the beam is strong; of a run three frames."""
    for pattern in REAL_FILES:
        for path in sorted(folder.glob(pattern)):
            frames = _decode(path)
            for index in sorted({0, len(frames) // 2, len(frames) - 1}):
                name = path.relative_to(folder).as_posix()
                yield (f"{name} frame {index + 1}" if len(frames) > 1 else name), frames[index]


def _decode(path: Path) -> np.ndarray:
    """Return (F, rows, columns) of stored grey values."""
    if path.suffix == ".dcm":
        import pydicom

        dataset = pydicom.dcmread(path)
        pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
        return pixels.max() - pixels if dataset.PhotometricInterpretation == "MONOCHROME1" else pixels
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return (image if image.ndim == 2 else cv2.cvtColor(image[..., :3], cv2.COLOR_BGR2GRAY))[None]


def ranges(measured: Sequence[Realism]) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest of each measure, frames where it is undefined left out."""
    values = {name: [getattr(each, name) for each in measured] for name in MEASURES}
    return {name: (float(np.nanmin(v)), float(np.nanmax(v))) for name, v in values.items()}


def _field(grey: np.ndarray) -> np.ndarray:
    """Return where the frame is exposed and not clipped: bool (rows, columns)."""
    from scipy import ndimage

    low, high = np.quantile(grey, [0.02, 0.98])
    smooth = ndimage.uniform_filter(grey, 5)
    floor = grey.min() + 0.08 * (high - grey.min())
    return (smooth > floor) & (grey > grey.min()) & (grey < grey.max()) & (low <= high)


def _patches(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return spectrum, noise variance and mean of the patches inside the field, a quadric taken off."""
    rows, columns = (n // PATCH * PATCH for n in grey.shape)

    def tile(image: np.ndarray) -> np.ndarray:
        tiles = image[:rows, :columns].reshape(rows // PATCH, PATCH, columns // PATCH, PATCH)
        return tiles.swapaxes(1, 2).reshape(-1, PATCH, PATCH)

    inside = tile(_field(grey)).mean(axis=(1, 2)) > 0.98
    tiles = tile(grey)[inside]
    means = tiles.mean(axis=(1, 2))
    u = np.linspace(-1, 1, PATCH)
    y, x = np.meshgrid(u, u, indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    q, _ = np.linalg.qr(basis)
    flat = tiles.reshape(len(tiles), -1)
    residual = (flat - flat @ q @ q.T).reshape(tiles.shape)
    window = np.outer(np.hanning(PATCH), np.hanning(PATCH))
    spectra = np.abs(np.fft.fft2(residual * window)) ** 2
    # Noise of the second difference, so that a vessel that the quadric leaves does not count as noise.
    fine = residual[:, 1:-1, 1:-1] - 0.25 * (
        residual[:, :-2, 1:-1] + residual[:, 2:, 1:-1] + residual[:, 1:-1, :-2] + residual[:, 1:-1, 2:]
    )
    return spectra, fine.var(axis=(1, 2)) / 1.25, means  # 1.25: what the Laplacian makes of white noise


def _flattest(residual_power: np.ndarray, means: np.ndarray, share: float = FLATTEST) -> np.ndarray:
    """Return indices of the patches with the least structure within each of eight bins of mean grey."""
    order = np.argsort(means, kind="stable")
    chosen = []
    for part in np.array_split(order, 8):
        keep = max(1, int(share * len(part)))
        chosen.append(part[np.argsort(residual_power[part], kind="stable")[:keep]])
    return np.concatenate(chosen)


def _noise_spectrum(spectra: np.ndarray, variances: np.ndarray, means: np.ndarray) -> tuple[float, float]:
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(PATCH), np.fft.fftfreq(PATCH), indexing="ij"))
    total = spectra.sum(axis=(1, 2))
    usable = np.flatnonzero(variances > 0)
    chosen = usable[_flattest(total[usable], means[usable])]
    power = (spectra[chosen] / total[chosen, None, None]).mean(axis=0)
    high = power[(frequency >= 0.30) & (frequency <= 0.50)].mean()
    middle = power[(frequency >= 0.10) & (frequency <= 0.20)].mean()
    ring = (frequency >= 0.08) & (frequency <= 0.5)
    slope = np.polyfit(np.log(frequency[ring]), np.log(power[ring]), 1)[0]
    return float(high / middle), float(slope)


def _variance_slope(variances: np.ndarray, means: np.ndarray) -> float:
    usable = np.flatnonzero((variances > 0) & (means > 0))
    order = usable[np.argsort(means[usable], kind="stable")]
    low, high = np.quantile(means[order], [0.1, 0.9])
    if high < 1.5 * low:
        return float("nan")
    x, y = [], []
    for part in np.array_split(order, 12):
        if len(part) >= 4:
            x.append(np.log(means[part].mean()))
            y.append(np.log(np.quantile(variances[part], 0.3)))
    return float(np.polyfit(x, y, 1)[0])


def edge_width(grey: np.ndarray) -> float:
    """Return the median 10-90 % width in pixels of the strongest edges inside the field."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(grey, 1.0)
    gy, gx = np.gradient(smooth)
    strength = np.hypot(gy, gx)
    strength[ndimage.minimum_filter(_field(grey), 21) == 0] = 0
    strength[:12] = strength[-12:] = 0
    strength[:, :12] = strength[:, -12:] = 0
    peak = (strength == ndimage.maximum_filter(strength, 9)) & (strength > 0)
    where = np.argwhere(peak)
    where = where[np.argsort(-strength[peak], kind="stable")[:EDGES]]
    offset = np.arange(-10, 10.01, 0.25)
    widths = []
    for r, c in where:
        direction = np.array([gy[r, c], gx[r, c]]) / strength[r, c]
        along = np.array([-direction[1], direction[0]])
        lines = [
            ndimage.map_coordinates(
                grey,
                [r + offset * direction[0] + s * along[0], c + offset * direction[1] + s * along[1]],
                order=1,
                mode="nearest",
            )
            for s in (-1, 0, 1)
        ]
        width = _rise(np.mean(lines, axis=0), offset)
        if width is not None:
            widths.append(width)
    return float(np.median(widths))


def _rise(profile: np.ndarray, offset: np.ndarray) -> float | None:
    """10-90 % distance of the rise through the middle of a profile; None where it has no two sides."""
    middle = len(profile) // 2
    reach = 16  # 4 px either way for the two plateaus
    low_at = middle - reach + int(np.argmin(profile[middle - reach : middle + 1]))
    high_at = middle + int(np.argmax(profile[middle : middle + reach + 1]))
    low, high = profile[low_at], profile[high_at]
    if high <= low:
        return None
    part = (profile[low_at : high_at + 1] - low) / (high - low)
    x = offset[low_at : high_at + 1]
    rising = np.maximum.accumulate(part)
    return float(np.interp(0.9, rising, x) - np.interp(0.1, rising, x))

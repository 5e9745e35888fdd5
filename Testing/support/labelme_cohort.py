"""What a stranger has: films as AVI, and LabelMe's JSON beside the pictures that were drawn on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

ROWS, COLUMNS, COUNT = 48, 64, 6
PATIENTS = 12


def write_avi(path: Path, seed: int) -> Path:
    """A film of noise without loss, 4 frames a second."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.random.default_rng(seed).integers(40, 220, (COUNT, ROWS, COLUMNS)).astype(np.uint8)
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("ffv1", rate=4)
        stream.width, stream.height, stream.pix_fmt = COLUMNS, ROWS, "gray"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())
    return path


def write_labelme(path: Path, picture: str) -> Path:
    """A tumour with a dead core, a second lesion, and the liver around them."""

    def shape(label, left, top, right, bottom, group=None):
        points = [[left, top], [right, top], [right, bottom], [left, bottom]]
        return {"label": label, "points": points, "group_id": group, "shape_type": "polygon", "flags": {}}

    shapes = [
        shape("liver", 5, 4, 60, 44),
        shape("tumour", 10, 8, 26, 20, 1),
        shape("hole", 14, 12, 18, 16, 1),
        shape("tumour", 40, 30, 48, 36, 2),
    ]
    facts = {"version": "5.8.1", "flags": {}, "imagePath": picture, "imageData": None}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**facts, "shapes": shapes, "imageHeight": ROWS, "imageWidth": COLUMNS}, indent=2)
    path.write_text(text, encoding="utf-8")
    return path


def write_films(folder: Path) -> Path:
    """Films of twelve patients, two of the first; one annotated frame each, two of the last."""
    for i in range(1, PATIENTS + 1):
        for run in (1, 2) if i == 1 else (1,):
            name = f"p{i:02d}_run{run}"
            write_avi(folder / "films" / f"{name}.avi", seed=10 * i + run)
            for frame in (3, 4) if i == PATIENTS else (4,):
                picture = f"{name}_frame_{frame:04d}"
                write_labelme(folder / "drawn" / f"{picture}.json", f"{picture}.png")
    return folder

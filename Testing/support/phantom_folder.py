"""A cohort folder of tiny phantom patients: runs as PNG frames, masks of key frame and neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from small_cohort import write_png

from DSANetLib.phantom import PhantomConfig, simulate_patient

HEADER = "patient,case,path,frame,tumour_mask,liver_mask,key_frame,frame_rate,tumour_free,spacing_mm"


def write_phantom_folder(folder: Path, patients: int, first_seed: int, *, liver_of=lambda _i: True) -> Path:
    """Write a cohort; ``liver_of(i)`` says whether patient i has liver masks."""
    rows, outcome, clinical = [HEADER], ["patient,responder"], ["patient,age,afp"]
    for i in range(patients):
        patient = simulate_patient(first_seed + i, PhantomConfig(rows=96, columns=96))
        for run in patient.runs:
            case = run.run.case_id
            frames = np.asarray(run.run.frames[:], np.float64)
            grey = (255 * (frames - frames.min()) / np.ptp(frames)).astype(np.uint8)
            for number, frame in enumerate(grey, 1):
                write_png(folder / "runs" / case / f"frame_{number:04d}.png", frame)
            key, truth = run.truth.key_frame, run.truth
            for frame in range(max(key - 1, 0), min(key + 2, len(grey))):
                liver, lesions = truth.masks(frame)
                tumour_path, liver_path = f"masks/{case}-{frame}.png", f"masks/{case}-{frame}-liver.png"
                write_png(folder / tumour_path, (lesions > 0).astype(np.uint8) * 255)
                if liver_of(i):
                    write_png(folder / liver_path, liver.astype(np.uint8) * 255)
                liver_path = liver_path if liver_of(i) else ""
                rows.append(
                    f"p{i},{case},runs/{case},{frame + 1},{tumour_path},{liver_path},{int(frame == key)},"
                    f"{truth.frame_rate:.3f},{int(truth.tumour_free)},{truth.spacing_mm:.3f}"
                )
        outcome.append(f"p{i},{i % 2}")
        clinical.append(f"p{i},{50 + i},{10 * (i + 1)}")
    for name, lines in (("manifest", rows), ("outcome", outcome), ("clinical", clinical)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "cohort.json").write_text(json.dumps({"format": 1, "name": "tiny", "synthetic": True}))
    return folder

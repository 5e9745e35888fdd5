"""What is known of a run, in the words of the panel."""

from __future__ import annotations

from slicer.i18n import tr as _

from DSANetLib.flags import WARNING_CODES
from DSANetLib.mrml.attributes import fact
from DSANetLib.mrml.choices import subtracted_choice
from DSANetLib.mrml.run_facts import spacing_of
from DSANetLib.mrml.scene import CaseNodes
from DSANetLib.mrml.sequence import frame_array, stored_frames, times_of

# How A's loading joins the sentences of a run's warnings.
_SEPARATOR = " | "


def framesText(case: CaseNodes) -> str:
    """Return number, size and length; says where frames of the source are missing, or times are assumed."""
    sequence = case.run.sequence
    held = len(stored_frames(sequence))
    total = int(fact(sequence, "SourceFrames") or held)
    rows, columns = frame_array(sequence.GetNthDataNode(0)).shape
    count = str(held) if held == total else _("{held} of {total}").format(held=held, total=total)
    times = times_of(sequence)
    length = float(times[-1] - times[0])
    assumed = fact(sequence, "TimesFrom") == "assumed"
    lasts = _("{length:.1f} s (frame rate assumed)") if assumed else _("{length:.1f} s")
    return _("{count} of {columns} × {rows} px, {lasts}").format(
        count=count, columns=columns, rows=rows, lasts=lasts.format(length=length)
    )


def spacingText(case: CaseNodes) -> str:
    """Return the pixel size and how far to trust it."""
    spacing = spacing_of(case.run.sequence)
    if spacing is None:
        return _("unknown: sizes are in pixels. A catheter in view can be a ruler (Advanced).")
    size = f"{spacing.column_mm:.3g} × {spacing.row_mm:.3g} mm"
    if spacing.calibration == "catheter":
        return _("{size}, from a catheter of {french} F: areas and diameters in mm, in its plane only").format(
            size=size, french=fact(case.run.sequence, "CatheterFrench") or "?"
        )
    if spacing.calibration == "calibrated":
        return _("{size} in the patient, as the file says: areas and diameters in mm, in that plane only").format(
            size=size
        )
    if spacing.calibration == "detector":
        return _("{size} at the detector, not in the patient: sizes are in pixels").format(size=size)
    return _("{size}, not calibrated: sizes are in pixels").format(size=size)


def subtractionText(case: CaseNodes) -> str:
    """Return whether the run came subtracted, and what is subtracted here."""
    sequence = case.run.sequence
    said, done = subtracted_choice(case.run), fact(sequence, "SubtractedHere")
    if said is not None and done != str(int(not said)):
        text = _("came subtracted, by your word") if said else _("not subtracted, by your word")
        return _("{text}; used at the next Apply").format(text=text)
    if said:
        return _("came subtracted, by your word")
    if fact(sequence, "UserMaskFrame") is not None:
        frame = int(float(fact(sequence, "UserMaskFrame") or 0)) + 1
        return _("mask frame {frame}, chosen by hand; used at the next Apply").format(frame=frame)
    if done == "1":
        frames = " ".join(str(int(float(part)) + 1) for part in (fact(sequence, "FoundMaskFrames") or "").split())
        text = _("not subtracted") if said is None else _("not subtracted, by your word")
        return _("{text}; mask frames {frames}, chosen automatically").format(text=text, frames=frames or "–")
    return {"1": _("came subtracted"), "0": _("not subtracted")}.get(
        fact(sequence, "Subtracted") or "", _("looks subtracted already; found automatically")
    )


def polarityText(case: CaseNodes) -> str:
    """Return whether contrast is stored dark or bright, and who says so."""
    sequence = case.run.sequence
    said, found = fact(sequence, "Polarity") or "unknown", fact(sequence, "FoundPolarity")
    words = {"dark_contrast": _("stored dark"), "bright_contrast": _("stored bright, shown dark")}
    if said in words:
        return words[said]
    if found in words:
        return _("{polarity}; found automatically").format(polarity=words[found])
    return _("unknown")


def warningsText(case: CaseNodes) -> str:
    """Return what was assumed of a run or looks wrong with it, a line each; empty where nothing is."""
    stored = fact(case.run.sequence, "Warnings") or ""
    said = [_here(part.strip(), subtracted_choice(case.run)) for part in stored.split(_SEPARATOR)]
    return "\n".join(f"• {text}" for text in said if text)


def _here(text: str, subtracted: bool | None) -> str:
    """Return a warning of the library with what can be done about it in the panel; empty where it was done."""
    code = next((code for start, code in WARNING_CODES.items() if text.startswith(start)), "")
    guesses = {
        "taken_as_subtracted": _(
            "Taken as subtracted: it looks flat, and no header says so. "
            "If that is wrong, choose 'not subtracted' under Advanced > Frames came."
        ),
        "subtracted_here": _(
            "The run looks unsubtracted, so it was subtracted. "
            "If that is wrong, choose 'subtracted' under Advanced > Frames came."
        ),
    }
    if code not in guesses:
        return text
    return guesses[code] if subtracted is None else ""

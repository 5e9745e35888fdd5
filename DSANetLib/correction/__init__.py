"""Correcting masks: undo, provenance, proposals, work list, agreement between readers; no Slicer needed."""

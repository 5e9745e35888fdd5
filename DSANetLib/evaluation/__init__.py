"""Predictions against the truth: metrics, statistics, tables. Numpy and scipy only, no torch."""

from __future__ import annotations

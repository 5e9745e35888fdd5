"""A study as one HTML file and one Markdown file, and two studies side by side. No torch."""

from __future__ import annotations

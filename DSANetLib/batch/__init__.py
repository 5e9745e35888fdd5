"""Many runs in, one folder a case and one table out."""

from __future__ import annotations

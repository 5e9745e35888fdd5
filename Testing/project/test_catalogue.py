"""The catalogue's entries and CMakeLists.txt say the same, so that none can be forgotten at a change."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest

SCHEMA_KEYS = {
    *("$schema", "category", "scm_url", "scm_revision", "scm_type"),
    *("build_dependencies", "build_subdirectory", "enabled", "tier"),
}


@pytest.fixture(scope="module")
def classic(repository: Path) -> dict[str, str]:
    lines = (repository / "DSANet.s4ext").read_text(encoding="utf-8").splitlines()
    words = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    return {word[0]: word[1] if len(word) > 1 else "" for word in words}


@pytest.fixture(scope="module")
def entry(repository: Path) -> dict:
    return json.loads((repository / "DSANet.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cmake(repository: Path) -> dict[str, str]:
    text = (repository / "CMakeLists.txt").read_text(encoding="utf-8")
    found = dict(re.findall(r'^set\(EXTENSION_(\w+) "([^"]*)"\)$', text, re.MULTILINE))
    return found | {"NAME": re.search(r"^project\((\w+)", text, re.MULTILINE)[1]}


def test_todays_entry_follows_the_catalogues_schema(entry):
    assert set(entry) <= SCHEMA_KEYS
    assert {"$schema", "category", "scm_url"} <= set(entry)
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert entry["tier"] in (1, 3, 5)


def test_classic_and_todays_entry_agree(classic, entry):
    assert classic["scm"] == entry["scm_type"]
    assert classic["scmurl"] == entry["scm_url"]
    assert classic["scmrevision"] == entry["scm_revision"]
    assert classic["depends"].split() == entry["build_dependencies"]
    assert classic["build_subdirectory"] == entry["build_subdirectory"]
    assert classic["category"] == entry["category"]


@pytest.mark.parametrize(
    "key", ["homepage", "category", "contributors", "description", "iconurl", "screenshoturls", "depends"]
)
def test_classic_entry_and_cmake_agree(classic, cmake, key):
    assert classic[key] == cmake[key.upper()]


def test_names_agree(repository, cmake):
    assert cmake["NAME"] == "DSANet"
    module = (repository / "DSANetModule" / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "set(MODULE_NAME DSANetModule)" in module
    assert (repository / "DSANetModule" / "DSANetModule.py").is_file()


def test_icon_is_a_png_of_128_by_128(repository, cmake):
    path = repository / cmake["ICONURL"].split("/raw/main/")[1]
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (128, 128)


def test_screenshot_is_in_the_repository(repository, cmake):
    for url in cmake["SCREENSHOTURLS"].split():
        assert (repository / url.split("/raw/main/")[1]).is_file()


def test_licence_is_where_the_catalogue_looks(repository):
    text = (repository / "LICENSE.txt").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0" in text

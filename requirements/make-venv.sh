#!/usr/bin/env bash
# make-venv.sh DIR [PYTHON]: make a virtual environment with a Python that DSANet supports, or say what is missing.
set -euo pipefail

venv=$1
asked=${2:-}
supported='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'

find_python() {
    local name
    for name in ${asked:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if "$name" -c "$supported" 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

if ! python=$(find_python); then
    found=$("${asked:-python3}" --version 2>&1 || true)
    echo "DSANet needs Python 3.10 to 3.13; ${asked:-python3} is: ${found:-not there}." >&2
    echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$python has no venv module. Debian, Ubuntu: apt-get install python3-venv (or python$version-venv)." >&2
    exit 1
fi
echo "Making $venv with $("$python" --version) ..."
rm -rf "$venv"
"$python" -m venv "$venv"

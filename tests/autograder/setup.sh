#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image: Python packages into /autograder/venv.
set -euo pipefail
root=${AUTOGRADER_ROOT:-/autograder}
if ! python3 -m venv "$root/venv"; then
    apt-get update
    apt-get install -y python3-venv
    python3 -m venv "$root/venv"
fi
"$root/venv/bin/python" -m pip install --disable-pip-version-check -r "$root/source/requirements.txt"
"$root/venv/bin/python" -c "import matplotlib.pyplot"  # looks for fonts, once

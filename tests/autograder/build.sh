#!/usr/bin/env bash
# Makes autograder.zip for Gradescope: this repository's solution, the graded tests, the data and the test answers.
#   bash tests/autograder/build.sh --assignment 3
#   bash tests/autograder/build.sh --assignment 5                               with the project's own data and its answers
#   bash tests/autograder/build.sh --assignment 5 --data DIR [--answers FILE]   with other files, such as the course's
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() { echo "build.sh: $*" >&2; exit 2; }

assignment="" data=data answers=""
while [ $# -gt 0 ]; do
    case $1 in
        --assignment | --data | --answers) [ $# -gt 1 ] || fail "$1 needs a value" ;;
    esac
    case $1 in
        --assignment) assignment=${2-}; shift $(($# > 1)) ;;
        --data) data=${2-}; shift $(($# > 1)) ;;
        --answers) answers=${2-}; shift $(($# > 1)) ;;
        -h | --help) sed -n 's/^# \{0,1\}//p' tests/autograder/build.sh | sed -n '2,5p'; exit ;;
        *) fail "unknown argument $1; see bash tests/autograder/build.sh --help" ;;
    esac
    shift
done
case $assignment in
    3 | 5) ;;
    *) fail "--assignment is 3 or 5; see bash tests/autograder/build.sh --help" ;;
esac
for name in wiki.txt birth_dev.tsv birth_test_inputs.tsv; do
    [ -f "$data/$name" ] || fail "$data: holds no $name; --data is the folder with the files students have"
done
if [ -n "$answers" ]; then
    [ -f "$answers" ] || fail "$answers: no such file"
    awk -F'\t' 'NF != 2 || $2 ~ /^[ \r]*$/ { exit 1 }' "$answers" ||
        fail "$answers: every line needs a question, a tab and a place"
    cmp -s <(cut -f1 "$answers" | tr -d '\r') <(tr -d '\r' < "$data/birth_test_inputs.tsv") ||
        fail "$answers: its questions are not those of $data/birth_test_inputs.tsv, in that order"
fi

python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python
box=$(mktemp -d)
trap 'rm -rf "$box" autograder.zip.tmp' EXIT
if [ "$assignment" = 3 ]; then
    :  # nothing in it has answers
elif [ -n "$answers" ]; then
    cp "$answers" "$box/answers.tsv"
elif [ "$data" = data ]; then
    "$python" data/generate.py --answers "$box/answers.tsv" > /dev/null
else
    echo "Without --answers the points for the test set are not decided."
fi
echo "$assignment" > "$box/assignment"
mkdir -p "$box/data" "$box/tests/autograder"
cp "$data"/{wiki.txt,birth_dev.tsv,birth_test_inputs.tsv} "$box/data/"
cp -r src requirements.txt pyproject.toml LICENSE "$box/"
cp -r tests/graded tests/oracles.py tests/oracle_model_solution.py "$box/tests/"
cp tests/autograder/{grade,submission,cases,make_starter}.py "$box/tests/autograder/"
cp tests/autograder/setup.sh tests/autograder/run_autograder "$box/"
# Python's own zip: not every machine has the zip command.
"$python" - "$box" <<'PYTHON'
import os, sys, zipfile

box = sys.argv[1]
with zipfile.ZipFile("autograder.zip.tmp", "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
    for folder, _, names in sorted(os.walk(box)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if "__pycache__" not in path:
                archive.write(path, os.path.relpath(path, box))
os.replace("autograder.zip.tmp", "autograder.zip")
PYTHON
echo "autograder.zip is for Assignment $assignment on Gradescope: Configure Autograder, upload; try it there with a submission of your own"

#!/usr/bin/env bash
# Makes assignment5.zip, the file to hand in: src/ and the nine files that the handout's commands leave.
# What is missing is named with the command that makes it; then the exit status is 1 and there is no zip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
rm -f assignment5.zip

wiki="wiki.txt"
names="--finetune_corpus_path birth_places_train.tsv"
files=()
missing=0
# need FILE ARGUMENTS...: FILE belongs into the zip and comes from `python src/run.py ARGUMENTS`.
need() {
    files+=("$1")
    if [ ! -s "$1" ]; then
        echo "missing: $1" >&2
        shift
        echo "    python src/run.py $*" >&2
        missing=1
    fi
}
# need_answers NAME VARIANT PARAMS: the predictions of that model for the dev and the test set.
need_answers() {
    need "$1.dev.predictions" evaluate "$2" $wiki --reading_params_path "$3" \
        --eval_corpus_path birth_dev.tsv --outputs_path "$1.dev.predictions"
    need "$1.test.predictions" evaluate "$2" $wiki --reading_params_path "$3" \
        --eval_corpus_path birth_test_inputs.tsv --outputs_path "$1.test.predictions"
}

need vanilla.model.params finetune vanilla $wiki --writing_params_path vanilla.model.params "$names"
need_answers vanilla.nopretrain vanilla vanilla.model.params
need vanilla.finetune.params finetune vanilla $wiki --reading_params_path vanilla.pretrain.params \
    --writing_params_path vanilla.finetune.params "$names"
need_answers vanilla.pretrain vanilla vanilla.finetune.params
need perceiver.finetune.params finetune perceiver $wiki --reading_params_path perceiver.pretrain.params \
    --bottleneck_dim 64 --writing_params_path perceiver.finetune.params "$names"
need_answers perceiver.pretrain perceiver perceiver.finetune.params

if [ ! -d src ]; then
    echo "missing: src/, the folder with your code" >&2
    missing=1
fi
if [ $missing = 1 ]; then
    echo "collect_submission.sh: no zip was made; run the commands above, or bash run.sh for all of them" >&2
    exit 1
fi

python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python
# Python's own zip: not every machine has the zip command.
"$python" - "${files[@]}" <<'PYTHON'
import os, sys, zipfile

sources = [
    os.path.join(folder, name)
    for folder, _, names in sorted(os.walk("src"))
    for name in sorted(names)
    if "__pycache__" not in folder and not name.endswith(".pyc")
]
with zipfile.ZipFile("assignment5.zip.tmp", "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sources + sys.argv[1:]:
        archive.write(path)
os.replace("assignment5.zip.tmp", "assignment5.zip")
PYTHON
echo "assignment5.zip holds src/ and ${#files[@]} files; hand it in"

#!/usr/bin/env bash
# Makes assignment5.zip, the file to hand in: src/ and the nine files that the handout's commands leave.
# What is missing is named with the command that makes it; then the exit status is 1 and there is no zip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
rm -f assignment5.zip
trap 'rm -f assignment5.zip.tmp' EXIT

# The commands it names are those of the preset that run.sh used here, or else the handout's.
data="" preset=""
if [ "$(cat expt/preset 2>/dev/null)" = laptop ]; then
    data="data/laptop/" preset=" --preset laptop"
fi
wiki="${data}wiki.txt"
questions="--finetune_corpus_path ${data}birth_places_train.tsv"
files=()
missing=""

# need FILE COMMAND: notes FILE as missing, with the `python src/run.py COMMAND` that makes it, unless it is there.
need() {
    if [ ! -f "$1" ] || [ ! -s "$1" ]; then
        missing+="missing: $1"$'\n'"    python src/run.py $2"$'\n'
    fi
}
# need_answers NAME VARIANT PARAMS: the predictions of that model for the dev and the test set.
need_answers() {
    local set
    for set in dev:birth_dev.tsv test:birth_test_inputs.tsv; do
        files+=("$1.${set%%:*}.predictions")
        need "$1.${set%%:*}.predictions" "evaluate $2 $wiki --reading_params_path $3 \
--eval_corpus_path $data${set#*:} --outputs_path $1.${set%%:*}.predictions"
    done
}
# need_pretrained VARIANT FLAGS: the model fine-tuned after pretraining, its predictions, and what it starts from.
need_pretrained() {
    files+=("$1.finetune.params")
    if [ ! -s "$1.finetune.params" ]; then
        need "$1.pretrain.params" "pretrain $1 $wiki$2 --writing_params_path $1.pretrain.params$preset"
    fi
    need "$1.finetune.params" "finetune $1 $wiki$2 --reading_params_path $1.pretrain.params \
--writing_params_path $1.finetune.params $questions$preset"
    need_answers "$1.pretrain" "$1" "$1.finetune.params"
}

files+=(vanilla.model.params)
need vanilla.model.params "finetune vanilla $wiki --writing_params_path vanilla.model.params $questions$preset"
need_answers vanilla.nopretrain vanilla vanilla.model.params
need_pretrained vanilla ""
need_pretrained perceiver " --bottleneck_dim 64"
[ -d src ] || missing+="missing: src/, the folder with your code"$'\n'

if [ -n "$missing" ]; then
    printf '%s' "$missing" >&2
    echo "collect_submission.sh: no zip was made; run these commands in this order, or bash run.sh for all of them" >&2
    exit 1
fi

# What would be a pity to hand in is said, and handed in nevertheless.
unwritten=$(grep -l "# YOUR CODE HERE" src/*.py 2>/dev/null || true)
[ -z "$unwritten" ] || echo "Note: there is code still to be written in" $unwritten
[ -z "$preset" ] || echo "Note: run.sh was used here with the laptop preset, on the small world in data/laptop/"
for set in dev:birth_dev.tsv test:birth_test_inputs.tsv; do
    for answers in *."${set%%:*}".predictions; do
        questions=$data${set#*:}
        [ -f "$questions" ] || questions=data/${set#*:}
        if [ -f "$questions" ] && [ "$(grep -c "" "$answers")" != "$(grep -c "" "$questions")" ]; then
            echo "Note: $answers has $(grep -c "" "$answers") lines, $questions $(grep -c "" "$questions") questions"
        fi
    done
done

python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python
# Python's own zip: not every machine has the zip command.
"$python" - "${files[@]}" <<'PYTHON'
import os, sys, zipfile

sources = [
    os.path.join(folder, name)
    for folder, _, names in sorted(os.walk("src"))
    for name in sorted(names)
    if "__pycache__" not in folder and not name.endswith(".pyc") and not os.path.islink(os.path.join(folder, name))
]
with zipfile.ZipFile("assignment5.zip.tmp", "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
    for path in sources + sys.argv[1:]:
        archive.write(path)
os.replace("assignment5.zip.tmp", "assignment5.zip")
PYTHON
echo "assignment5.zip holds src/ and ${#files[@]} files; hand it in"

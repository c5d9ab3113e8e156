#!/usr/bin/env bash
# Assignment 5 from nothing to results: sets up .venv, trains and evaluates every model, draws results.png.
#   bash run.sh [--preset course|laptop] [--force]    every command of the handout; what is done is not done again
#   bash run.sh test [pytest arguments]               the tests
# The preset is course (the handout's recipe, on data/) where there is a CUDA GPU, else laptop (minutes, data/laptop/).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() { echo "run.sh: $*" >&2; exit 2; }

set_up() {
    if [ ! -x .venv/bin/python ] || ! cmp -s requirements.txt .venv/installed.txt; then
        if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then  # none yet, or one that was interrupted
            command -v python3 >/dev/null || fail "needs Python 3.10 or newer as python3; install it first"
            python3 -m venv .venv || fail "python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv"
        fi
        echo "Installing requirements.txt into .venv (once)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
        cp requirements.txt .venv/installed.txt
    fi
    PATH="$PWD/.venv/bin:$PATH"
}

if [ "${1-}" = test ]; then
    shift
    set_up
    exec python -m pytest "$@"
fi

preset="" force=""
while [ $# -gt 0 ]; do
    case $1 in
        --preset) preset=${2-none}; shift $(($# > 1)) ;;
        --force) force=yes ;;
        -h | --help) sed -n 's/^# \{0,1\}//p' run.sh | sed -n '2,5p'; exit ;;
        *) fail "unknown argument $1; usage: bash run.sh [--preset course|laptop] [--force], or bash run.sh test" ;;
    esac
    shift
done
set_up

cuda=$(python -c 'import torch; print("yes" if torch.cuda.is_available() else "")')
if [ -z "$preset" ]; then
    if [ -n "$cuda" ]; then preset=course; else preset=laptop; fi
fi
case $preset in
    course) data=data ;;
    laptop) data=data/laptop ;;
    *) fail "--preset is course or laptop, not '$preset'" ;;
esac
echo "Preset $preset on $data, $([ -n "$cuda" ] && echo with || echo without) a CUDA GPU." \
     "The other: bash run.sh --preset $([ $preset = course ] && echo laptop || echo course)"

# The files of one preset are never mixed with those of the other.
mkdir -p expt
if [ -z "$force" ] && [ -f expt/preset ] && [ "$(cat expt/preset)" != "$preset" ]; then
    fail "the params and predictions here were made with --preset $(cat expt/preset); go on with that, or add --force to replace them"
fi
if [ -n "$force" ]; then
    rm -f {vanilla.model,vanilla.pretrain,vanilla.finetune,perceiver.pretrain,perceiver.finetune}.params{,.ckpt}
    rm -f {vanilla.nopretrain,vanilla.pretrain,perceiver.pretrain}.{dev,test}.predictions
    rm -rf expt/{pretrain,finetune}/{scratch,pretrained}_*
fi
echo "$preset" > expt/preset.new
mv expt/preset.new expt/preset

# make OUTPUT INPUT ARGUMENTS...: runs `python src/run.py ARGUMENTS` unless OUTPUT is there, newer than INPUT, and no
# OUTPUT.ckpt shows that its training was interrupted.
make() {
    local output=$1 input=$2
    shift 2
    if [ -e "$output" ] && [ ! "$input" -nt "$output" ] && [ ! -e "$output.ckpt" ]; then
        echo "$output is there; --force redoes it"
        return
    fi
    echo
    echo "\$ python src/run.py $*"
    python src/run.py "$@"
}

# train FUNCTION VARIANT OUTPUT INPUT NAME FLAGS...: INPUT is the params file to start from, or "" for fresh params.
train() {
    local function=$1 variant=$2 output=$3 input=$4 name=$5
    shift 5
    make "$output" "${input:-$data/wiki.txt}" "$function" "$variant" "$data/wiki.txt" "$@" \
        ${input:+--reading_params_path "$input"} --writing_params_path "$output" \
        --preset "$preset" --tb_expt_name "$name" --resume
}

# answer VARIANT PARAMS NAME: predictions of the dev and the test set, as NAME.dev.predictions and NAME.test.predictions.
answer() {
    make "$3.dev.predictions" "$2" evaluate "$1" $data/wiki.txt --reading_params_path "$2" \
        --eval_corpus_path $data/birth_dev.tsv --outputs_path "$3.dev.predictions"
    make "$3.test.predictions" "$2" evaluate "$1" $data/wiki.txt --reading_params_path "$2" \
        --eval_corpus_path $data/birth_test_inputs.tsv --outputs_path "$3.test.predictions"
}

questions="--finetune_corpus_path $data/birth_places_train.tsv"
bottleneck="--bottleneck_dim 64"

python src/london_baseline.py --eval_corpus_path $data/birth_dev.tsv
train finetune vanilla vanilla.model.params "" scratch $questions
answer vanilla vanilla.model.params vanilla.nopretrain
train pretrain vanilla vanilla.pretrain.params "" scratch
train finetune vanilla vanilla.finetune.params vanilla.pretrain.params pretrained $questions
answer vanilla vanilla.finetune.params vanilla.pretrain
train pretrain perceiver perceiver.pretrain.params "" scratch $bottleneck
train finetune perceiver perceiver.finetune.params perceiver.pretrain.params pretrained $bottleneck $questions
answer perceiver perceiver.finetune.params perceiver.pretrain

echo
python src/report.py --eval_corpus_path $data/birth_dev.tsv
name=$(sed -n '1s/^Where was \(.*\) born?.*/\1/p' $data/birth_dev.tsv)
echo "Next: source .venv/bin/activate    tensorboard --logdir expt/    bash collect_submission.sh    mingpt-demo/*.ipynb"
echo "Ask:  python src/run.py inspect vanilla $data/wiki.txt --reading_params_path vanilla.finetune.params --name \"$name\""

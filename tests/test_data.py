"""The data room: what the committed files hold, and that the generator writes them again byte for byte.
The generator runs once for all tests, into a temporary folder; everything else is measured from the
committed files. Takes a few seconds and needs no other package of the course."""

import re
import sys
from functools import lru_cache
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parent.parent / "data"
FILES = ["wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv", "birth_unseen.tsv"]
FOLDERS = {"course": DATA, "laptop": DATA / "laptop"}
SIZES = {"course": (2937, 2000, 500, 437, 200), "laptop": (960, 80, 120, 40, 200)}

sys.path.insert(0, str(DATA))
import generate  # noqa: E402

both = pytest.mark.parametrize("which", ["course", "laptop"])


def lines(path):
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    return text[:-1].split("\n")


@lru_cache(maxsize=None)
def documents(which):
    return lines(FOLDERS[which] / "wiki.txt")


@lru_cache(maxsize=None)
def golds(which, split):
    """(name, place) of a split whose answers are in the folder."""
    file = {"train": "birth_places_train.tsv", "dev": "birth_dev.tsv", "unseen": "birth_unseen.tsv"}[split]
    return [re.fullmatch(r"Where was (.+) born\?\t(.+)", line).groups() for line in lines(FOLDERS[which] / file)]


def asked(which):
    """The names of the test questions, whose answers are not in the folder."""
    return [re.fullmatch(r"Where was (.+) born\?", line).group(1)
            for line in lines(FOLDERS[which] / "birth_test_inputs.tsv")]


def names(which):
    """Split -> names."""
    by_split = {split: [name for name, _ in golds(which, split)] for split in ("train", "dev", "unseen")}
    return dict(by_split, test=asked(which))


@lru_cache(maxsize=None)
def about(which):
    """Name -> the documents that name this person."""
    found = {name: [] for people in names(which).values() for name in people}
    if which == "course":
        longest_first = sorted(found, key=len, reverse=True)
        heads = {name + ". " for name in longest_first}
        for document in documents(which):
            ends = [match.end() for match in re.finditer(r"\. ", document) if document[:match.end()] in heads]
            found[document[:max(ends) - 2]].append(document)
    else:
        for document in documents(which):
            for name in found:
                if name in document:
                    found[name].append(document)
    return found


def told(which, first=None):
    """Share of the documents about train and dev people that tell the birthplace in their first characters."""
    of_name = about(which)
    hits = [bool(re.search(r"(?<!\w)" + re.escape(place) + r"(?!\w)", document[:first]))
            for split in ("train", "dev") for name, place in golds(which, split) for document in of_name[name]]
    return sum(hits) / len(hits)


def count_of_places(which, split):
    counts = {}
    for _, place in golds(which, split):
        counts[place] = counts.get(place, 0) + 1
    return counts


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    generate.main(["--out", str(folder)])
    return folder


@both
@pytest.mark.parametrize("file", FILES)
def test_the_generator_writes_the_committed_bytes_again(regenerated, which, file):
    again = regenerated / FOLDERS[which].relative_to(DATA) / file
    assert again.read_bytes() == (FOLDERS[which] / file).read_bytes()


def test_the_generator_leaves_nothing_but_the_files(regenerated):
    left = {str(path.relative_to(regenerated)) for path in regenerated.rglob("*") if path.is_file()}
    assert left == {str(Path(part) / file) for part in ("", "laptop") for file in FILES}


@both
def test_every_file_has_the_size_of_the_data_card(which):
    assert tuple(len(lines(FOLDERS[which] / file)) for file in FILES) == SIZES[which]


@both
def test_no_document_or_question_is_empty_or_holds_the_marks_of_the_training_code(which):
    for file in FILES:
        for line in lines(FOLDERS[which] / file):
            assert line.strip() == line and line
            assert not set(line) & {"\u2047", "\u25a1", "\r", "\ufeff"}
            assert line.count("\t") == (file in ("birth_places_train.tsv", "birth_dev.tsv", "birth_unseen.tsv"))


@both
def test_every_name_is_in_one_split_once(which):
    everybody = [name for people in names(which).values() for name in people]
    assert len(set(everybody)) == len(everybody)


def test_no_person_of_the_laptop_slice_is_in_the_full_set():
    people = [{name for split in names(which).values() for name in split} for which in FOLDERS]
    assert not people[0] & people[1]


@both
def test_unseen_names_are_in_no_document(which):
    corpus = "\n".join(documents(which))
    assert [name for name in names(which)["unseen"] if name in corpus] == []


@both
def test_every_other_person_has_the_same_number_of_documents(which):
    of_name = about(which)
    expected = {"course": 1, "laptop": 4}[which]
    for split in ("train", "dev", "test"):
        assert {len(of_name[name]) for name in names(which)[split]} == {expected}


@both
def test_documents_differ_from_each_other(which):
    assert len(set(documents(which))) == len(documents(which))


@both
@pytest.mark.parametrize("split", ["train", "dev", "unseen"])
def test_london_is_a_twentieth_of_a_split_and_no_place_is_more_frequent(which, split):
    counts = count_of_places(which, split)
    london = counts.pop("London")
    assert london == SIZES[which][{"train": 1, "dev": 2, "unseen": 4}[split]] // 20
    assert max(counts.values()) < london


def test_the_full_set_has_several_hundred_places_many_of_them_rare():
    counts = count_of_places("course", "train")
    assert 300 <= len(counts) <= 500
    assert sum(count <= 2 for count in counts.values()) >= 150


def test_the_laptop_slice_has_forty_places():
    assert len(count_of_places("laptop", "train")) == 40
    assert set(count_of_places("laptop", "dev")) <= set(count_of_places("laptop", "train"))


@both
def test_gold_places_are_ascii(which):
    assert all(place.isascii() for split in ("train", "dev", "unseen") for _, place in golds(which, split))


@both
def test_every_character_of_a_question_or_answer_is_in_the_corpus(which):
    vocabulary = set("\n".join(documents(which)) + "\n")
    for file in FILES[1:]:
        assert set((FOLDERS[which] / file).read_text(encoding="utf-8")) - {"\t"} <= vocabulary


def test_no_place_hides_in_a_name():
    places = {place for which in FOLDERS for split in ("train", "dev", "unseen") for _, place in golds(which, split)}
    people = [name for which in FOLDERS for split in names(which).values() for name in split]
    assert [(name, place) for name in people for place in places if place in name] == []


def test_most_documents_of_the_full_set_tell_the_birthplace_early_and_some_never():
    assert 0.90 <= told("course", 112) <= 0.94
    assert 0.03 <= 1 - told("course") <= 0.05


def test_most_documents_of_the_laptop_slice_tell_the_birthplace():
    assert 0.88 <= told("laptop") <= 0.93


def test_every_person_of_the_laptop_slice_has_three_documents_with_the_birthplace():
    of_name = about("laptop")
    for split in ("train", "dev"):
        for name, place in golds("laptop", split):
            assert sum(place in document for document in of_name[name]) >= 3


def test_documents_of_the_full_set_are_as_long_as_the_data_card_says():
    lengths = sorted(map(len, documents("course")))
    for part, expected in ((1, 102), (2, 131), (3, 169)):
        assert abs(lengths[len(lengths) * part // 4] - expected) <= 6
    assert abs(sum(lengths) / len(lengths) - 141) <= 6


def test_documents_of_the_laptop_slice_are_short():
    lengths = [len(document) for document in documents("laptop")]
    assert max(lengths) <= 62
    assert 47 <= sum(lengths) / len(lengths) <= 53


def test_laptop_documents_name_the_person_at_many_offsets():
    corpus = about("laptop")
    offsets = [document.index(name) for name, found in corpus.items() for document in found]
    for low, high in ((0, 1), (1, 12), (12, 24), (24, 62)):
        assert sum(low <= offset < high for offset in offsets) >= 0.10 * len(offsets)


@both
def test_no_document_imitates_a_question(which):
    assert [document for document in documents(which) if "Where was" in document] == []


def test_the_vocabulary_has_the_size_of_the_data_card():
    assert 180 <= len(set("\n".join(documents("course")))) <= 230
    assert len(set("\n".join(documents("laptop")))) <= 100


@both
def test_the_answers_match_the_test_questions_and_stay_out_of_the_folder(which, tmp_path):
    generate.main(["--answers", str(tmp_path / "answers.tsv"), "--slice", which])
    answers = [line.split("\t") for line in lines(tmp_path / "answers.tsv")]
    assert [question for question, _ in answers] == lines(FOLDERS[which] / "birth_test_inputs.tsv")
    places = [place for _, place in answers]
    assert places.count("London") == round(len(places) / 20)
    of_name = about(which)
    told_places = [any(place in document for document in of_name[name]) for name, place in zip(asked(which), places)]
    assert sum(told_places) >= 0.92 * len(places)
    assert not any("answers" in path.name for path in DATA.rglob("*"))
    assert [path.name for path in tmp_path.iterdir()] == ["answers.tsv"]


def test_one_slice_can_be_written_alone(tmp_path):
    generate.main(["--out", str(tmp_path), "--slice", "laptop"])
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == sorted(FILES)
    assert (tmp_path / "laptop" / "wiki.txt").exists()


@both
def test_the_data_card_gives_the_statistics_as_printed(which, capsys):
    generate.main(["--stats", str(FOLDERS[which])])
    column = {"course": 1, "laptop": 2}[which]
    card = {cells[0].strip(): cells[column].strip() for cells in
            (line.strip("|").split("|") for line in lines(DATA / "README.md") if line.startswith("|"))
            if len(cells) == 3}
    for line in capsys.readouterr().out.splitlines():
        what, value = re.split(r"\s{2,}", line, maxsplit=1)
        assert card[what] == value.strip()


@pytest.mark.parametrize("arguments", [
    ["--slice", "desktop"], ["--colour"], ["surplus"], ["--answers", "a.tsv", "--out", "b"],
    ["--stats", "data", "--slice", "laptop"], ["--stats", "{}/nothing"], ["--answers", "{}/nothing/a.tsv"],
    ["--out", "{}/file"]])
def test_bad_arguments_end_in_one_line_and_status_2(arguments, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SystemExit) as stop:
        generate.main([argument.format(tmp_path) for argument in arguments])
    printed = capsys.readouterr()
    assert stop.value.code == 2
    assert printed.out == "" and printed.err.startswith("generate.py: ") and printed.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

"""Unpacking: what a kind assistant would grade is taken, what could do harm is refused in one line."""

import os
import random
import stat
import zipfile

import pytest

from submission import PARAMS, PREDICTIONS, Refused, unpack, zip_folder

A3 = ["model_solution.py", "train.py", "utils.py"]
A5 = ["src/model.py", "src/dataset.py", "src/run.py", *PARAMS, *PREDICTIONS]


def make(path, names, **special):
    """A zip with these files; `special` are names with (content, mode)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, f"content of {name.split('/')[-1]}")
    return path


def unpacked(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("prefix", ["", "assignment5/", "a/b/c/", "./", "ä 日本/"])
@pytest.mark.parametrize("assignment, names", [(3, A3), (5, A5)])
def test_a_submission_is_found_at_any_depth(tmp_path, prefix, assignment, names):
    path = make(
        tmp_path / "a.zip", [prefix + name for name in names] + ["__MACOSX/._x", prefix + ".DS_Store", "notes.pdf"]
    )
    found = unpack(path, tmp_path / "out")
    expected = names if assignment == 5 else [f"src/{name}" for name in names]
    assert found.assignment == assignment and unpacked(tmp_path / "out") == sorted(expected)
    assert bool(found.remarks) == (prefix not in ("", "./"))


@pytest.mark.parametrize("extra", [
    ".venv/bin/python", "src/__pycache__/model.cpython-311.pyc",
    "Screenshot 3.04.05\u202fPM.png", "Icon\r", "1: notes.txt",
    "a" * 300 + ".txt", "src/data.bin", "/".join("d" * 30) + "/x", ".git/config",
])  # fmt: skip
def test_what_does_not_belong_there_is_left_out(tmp_path, extra):
    path = make(tmp_path / "a.zip", A5)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo(extra)
        info.external_attr = (stat.S_IFLNK | 0o777) << 16 if "venv" in extra else 0
        archive.writestr(info, "x")
    unpack(path, tmp_path / "out")
    assert unpacked(tmp_path / "out") == sorted(A5)


def test_windows_paths_and_misplaced_files_are_graded_with_a_remark(tmp_path):
    names = [name.replace("/", "\\") for name in A5[:3]] + ["src/" + PARAMS[0], "predictions/" + PREDICTIONS[0]]
    found = unpack(make(tmp_path / "a.zip", names), tmp_path / "out")
    assert unpacked(tmp_path / "out") == sorted(A5[:3] + [PARAMS[0], PREDICTIONS[0]])
    assert any("belongs beside src/" in remark for remark in found.remarks)
    assert any(remark.startswith(f"missing: {PARAMS[1]}, {PARAMS[2]}, ") for remark in found.remarks)


@pytest.mark.parametrize(
    "name", ["../x.py", "src/../../x.py", "/etc/x.py", "C:/x.py", "C:\\x.py", "..\\x.py", "//host/x.py"]
)
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(Refused, match="leads out of it"):
        unpack(make(tmp_path / "a.zip", A5 + [name]), tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "x.py").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_a_link_or_a_device_among_the_code_is_refused(tmp_path, kind):
    path = make(tmp_path / "a.zip", A5)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("src/linked.py")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(Refused, match="link or no regular file"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("names, match", [
    ([], "holds no"), (["readme.txt"], "holds no"), (["src/other.py"], "holds no"),
    (A3 + ["model_solution.py"], "twice"), (A5 + [f"src/m{i}.py" for i in range(600)], "at most 500"),
    (A5 + ["src/" + "n" * 240 + ".py"], "a name that no file"), (A5 + ["src/a\tb.py"], "a name that no file"),
], ids=range(7))  # fmt: skip
def test_what_is_no_submission_is_refused(tmp_path, names, match):
    with pytest.warns() if len(set(names)) < len(names) else pytest.MonkeyPatch.context():
        path = make(tmp_path / "a.zip", names)
    with pytest.raises(Refused, match=match) as refusal:
        unpack(path, tmp_path / "out")
    assert "\n" not in str(refusal.value)


def test_the_assignment_can_be_prescribed(tmp_path):
    whole = make(tmp_path / "a.zip", A5 + ["src/model_solution.py", "src/train.py"])
    assert unpack(whole, tmp_path / "3", 3).assignment == 3 and "src/model_solution.py" in unpacked(tmp_path / "3")
    with pytest.raises(Refused, match="bash create_submission.sh"):
        unpack(make(tmp_path / "b.zip", A5), tmp_path / "4", 3)
    with pytest.raises(Refused, match="bash collect_submission.sh"):
        unpack(make(tmp_path / "c.zip", A3), tmp_path / "5", 5)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    path = make(tmp_path / "a.zip", A5)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("src/bomb.py", bytes(70 * 2**20))
    with pytest.raises(Refused, match="at most 64 MiB"):
        unpack(path, tmp_path / "out")
    many = make(tmp_path / "b.zip", A5)
    with zipfile.ZipFile(many, "a") as archive:
        for i in range(21_000):
            archive.writestr(f"x/{i}", b"")
    with pytest.raises(Refused, match="at most 20,000"):
        unpack(many, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_larger_than_it_says_is_refused(tmp_path):
    path = make(tmp_path / "a.zip", A3)
    data = path.read_bytes()
    size = len("content of model_solution.py").to_bytes(4, "little")
    assert data.count(size) >= 2
    path.write_bytes(data.replace(size, (5).to_bytes(4, "little")))
    with pytest.raises(Refused):
        unpack(path, tmp_path / "out")


def test_damaged_zips_are_refused_or_read_never_worse(tmp_path):
    chance, original = random.Random(0), make(tmp_path / "a.zip", A5).read_bytes()
    outcomes = set()
    for i in range(300):
        data = bytearray(original)
        if i % 3 == 0:
            data = data[: chance.randrange(len(data))]
        for _ in range(chance.randint(1, 4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / "damaged.zip"
        path.write_bytes(data)
        try:
            unpack(path, tmp_path / f"out{i}")
            outcomes.add("read")
        except Refused as refusal:
            outcomes.add("refused")
            assert "\n" not in str(refusal) and str(tmp_path) not in str(refusal)
        assert not set(unpacked(tmp_path / f"out{i}")) - {*A5, *unpacked(tmp_path / f"out{i}")}
        assert {path.name for path in tmp_path.iterdir()} <= {"a.zip", "damaged.zip", *(f"out{j}" for j in range(300))}
    assert outcomes == {"read", "refused"}


def test_an_unpacked_submission_is_zipped_without_its_links(tmp_path):
    folder = tmp_path / "in"
    for name in A5:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    os.symlink("/etc/passwd", folder / "src/passwd.py")
    os.symlink("/etc", folder / "src/etc")
    (folder / os.fsdecode(b"n\xff.txt")).write_text("x")
    zip_folder(folder, tmp_path / "a.zip")
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert unpacked(tmp_path / "out") == sorted(A5)

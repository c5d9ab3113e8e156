"""Writes the student version of this repository: the same files, without what the handouts ask students to write.

    python tests/autograder/make_starter.py OUT

In src/ the lines from `### BEGIN SOLUTION` to `### END SOLUTION` become `# YOUR CODE HERE` and a NotImplementedError
that names the part, which the comment above the region begins with, and what stands between `### BEGIN STAFF` and
`### END STAFF` is left out: it would give a solution away. Files that are staff's alone are not in the list below.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import List, Tuple

ROOT = Path(__file__).resolve().parent.parent.parent
TOP = [
    "LICENSE",
    ".gitignore",
    "requirements.txt",
    "pyproject.toml",
    "run.sh",
    "collect_submission.sh",
    "create_submission.sh",
]
DATA = ["wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv", "birth_unseen.tsv"]
DEMO = "play_char.ipynb"  # the other notebook answers the written questions
STAFF_SOURCES = {"bonus.py"}  # part 3(c) of Assignment 3 is the students' own


class Broken(Exception):
    """The marks in a file do not fit together; the message names the file and the line."""


def regions(text: str, name: str) -> List[Tuple[str, int, int]]:
    """The marked regions of a source file: (SOLUTION or STAFF, first line, last line), both marks included, from 0.

    Raises Broken, naming the line, for marks that do not pair.
    """
    found: List[Tuple[str, int, int]] = []
    opened: List[Tuple[str, int]] = []
    for number, line in enumerate(text.split("\n")):
        mark = re.fullmatch(r"\s*### (BEGIN|END) (SOLUTION|STAFF)\s*", line)
        if not mark:
            if re.search(r"###\s*(BEGIN|END)", line):
                raise Broken(f"{name}, line {number + 1}: {line.strip()!r} is almost a mark; correct it")
            continue
        if mark[1] == "BEGIN" and not opened:
            opened.append((mark[2], number))
        elif mark[1] == "END" and opened and opened[-1][0] == mark[2]:
            found.append((mark[2], opened.pop()[1], number))
        else:
            raise Broken(f"{name}, line {number + 1}: {line.strip()!r} does not fit the mark before it")
    if opened:
        raise Broken(f"{name}, line {opened[0][1] + 1}: ### BEGIN {opened[0][0]} has no end")
    return found


def part_above(lines: List[str], first: int, name: str) -> str:
    """The part that the comment above a solution names: its first sentence, such as "[part e] Span corruption"."""
    top = first
    while top > 0 and lines[top - 1].strip().startswith("#"):
        top -= 1
    comment = " ".join(line.strip().lstrip("# ") for line in lines[top:first])
    part = re.match(r"((?:\[part [^]]+\] ?)+)([^,.]*(?:\.\w+)?)", comment)
    if not part:
        raise Broken(f"{name}, line {first + 1}: the comment above begins with no [part ...]")
    return part[0].strip()


def student_version(text: str, name: str) -> str:
    """A source file without its solutions. Raises Broken."""
    lines = text.split("\n")
    for kind, first, last in reversed(regions(text, name)):
        indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
        if kind == "SOLUTION":
            part = part_above(lines, first, name)
            message = f"{part}: not written yet, see src/{name}"
            lines[first : last + 1] = [f"{indent}# YOUR CODE HERE", f"{indent}raise NotImplementedError({message!r})"]
        else:
            blank_above = first > 0 and not lines[first - 1].strip()
            del lines[first - blank_above : last + 1]
    return "\n".join(lines)


def make_starter(out: Path) -> None:
    """Writes the student version into the folder `out`, which is made and must not exist or be empty."""
    out.mkdir(parents=True, exist_ok=True)
    for name in TOP:
        shutil.copy2(ROOT / name, out / name)
    shutil.copy2(Path(__file__).parent / "starter.md", out / "README.md")
    for folder in ("data", "data/laptop"):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for name in DATA:
            shutil.copy2(ROOT / folder / name, out / folder / name)
    (out / "src").mkdir()
    for path in sorted((ROOT / "src").glob("*.py")):
        if path.name not in STAFF_SOURCES:
            source = student_version(path.read_text(encoding="utf-8"), path.name)
            (out / "src" / path.name).write_text(source, encoding="utf-8")
    shutil.copytree(ROOT / "tests" / "graded", out / "tests" / "graded", ignore=shutil.ignore_patterns("__pycache__"))
    (out / "mingpt-demo").mkdir()
    shutil.copy2(ROOT / "mingpt-demo" / DEMO, out / "mingpt-demo" / DEMO)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.split("\n\n")[0] + "\n\n    python tests/autograder/make_starter.py OUT")
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    out = Path(sys.argv[1])
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        print(f"make_starter.py: {out}: is there already; give a new folder", file=sys.stderr)
        sys.exit(2)
    if ROOT in (out.resolve(), *out.resolve().parents):
        print(f"make_starter.py: {out}: lies in this repository; give a folder outside it", file=sys.stderr)
        sys.exit(2)
    try:
        make_starter(out)
    except (Broken, OSError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        print(f"make_starter.py: {reason}", file=sys.stderr)
        sys.exit(2)
    print(f"The student version is in {out}; next: cd {out} && bash run.sh test")


if __name__ == "__main__":
    main()

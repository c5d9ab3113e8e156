"""Proves that the autograder is fair: grades the submissions of bank.py and compares with what they deserve.

    python tests/autograder/proof.py [--jobs 2] [--out DIR]      # prints the README's table

It takes a few minutes, and its exit status is 0 only where everything was graded as it deserves and nothing was harmed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List, Tuple

import torch
from bank import FILLS, HOSTILE, MARK, MISTAKES, RIGHT, Entry
from make_starter import STAFF_SOURCES, student_version
from submission import PARAMS, PREDICTIONS
from world import HERE, ROOT, WORLD, write_handed_in, write_world

POINTS = {3: 30, 5: 35}  # of the two assignments


UNWRITTEN = r"""NotImplementedError\(['"](.*): not written yet"""  # what stands below each "# YOUR CODE HERE"


def fill_in(text: str, fills: Dict[str, str]) -> str:
    """The student version of a source file with `fills` in the places of its "# YOUR CODE HERE"."""
    lines = text.split("\n")
    for number in reversed([i for i, line in enumerate(lines) if line.strip() == "# YOUR CODE HERE"]):
        part = re.search(UNWRITTEN, lines[number + 1])[1]
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        lines[number : number + 2] = [indent + line if line else line for line in fills[part].split("\n")]
    return "\n".join(lines)


def write_source(folder: Path, edits: List[Tuple[str, str, str]]) -> None:
    """Writes src/ of a right submission with these edits, each of which has to fit exactly once."""
    fills = dict(FILLS)
    for part, old, new in edits:
        if part in fills:
            assert fills[part].count(old) == 1, f"{part}: {old!r} stands there {fills[part].count(old)} times"
            fills[part] = fills[part].replace(old, new)
    (folder / "src").mkdir(parents=True)
    for path in sorted((ROOT / "src").glob("*.py")):
        if path.name in STAFF_SOURCES:
            continue
        text = fill_in(student_version(path.read_text(encoding="utf-8"), path.name), fills)
        for file, old, new in edits:
            if file == path.name:
                assert text.count(old) == 1, f"{file}: {old!r} stands there {text.count(old)} times"
                text = text.replace(old, new)
        (folder / "src" / path.name).write_text(text, encoding="utf-8")


def write_zip(entry: Entry, handed_in: Path, path: Path) -> None:
    """The zip of an entry."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_source(folder, entry.edits)
        if entry.assignment == 5:
            for name in PARAMS + PREDICTIONS:
                shutil.copyfile(handed_in / name, folder / name)
        if entry.change is not None:
            entry.change(folder)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if entry.assignment == 3:
                for name in ("model_solution.py", "train.py", "utils.py"):
                    archive.write(folder / "src" / name, name)
            else:
                for each in [*sorted((folder / "src").glob("*.py")), *(folder / name for name in PARAMS + PREDICTIONS)]:
                    if each.exists():
                        archive.write(each, each.relative_to(folder))
    if entry.rezip is not None:
        entry.rezip(path)


def grade_all(entries: List[Entry], folder: Path, jobs: int) -> Dict[str, Dict]:
    """The results of every entry, by its name, as grade.py gives them for a folder of zips."""
    torch.set_num_threads(1)
    shutil.rmtree(WORLD, ignore_errors=True)
    WORLD.mkdir(mode=0o755)
    (WORLD / "keep").write_text("this stays")
    (WORLD / "keep").chmod(0o644)
    write_world(WORLD)
    handed_in, zips = folder / "handed_in", folder / "zips"
    handed_in.mkdir()
    zips.mkdir()
    write_handed_in(WORLD, handed_in)
    for number, entry in enumerate(entries):
        write_zip(entry, handed_in, zips / f"{number:03}.zip")
    options = {
        "--jobs": jobs,
        "--seconds": 15,
        "--memory": 1.5,
        "--data": WORLD / "data",
        "--answers": WORLD / "answers.tsv",
        "--csv": folder / "grades.csv",
        "--all_results": folder / "results",
    }
    command = [sys.executable, HERE / "grade.py", zips, *(word for option in options.items() for word in option)]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return {
        entry.name: json.loads((folder / "results" / f"{number:03}.zip.json").read_text(encoding="utf-8"))
        for number, entry in enumerate(entries)
    }


def verdict(entry: Entry, results: Dict) -> str:
    """What is wrong with how an entry was graded, or ""."""
    extra = results["extra_data"]
    if entry.refused:
        return "" if re.search(entry.refused, extra["refused"]) else f"not refused as expected: {extra['refused']!r}"
    if extra["refused"]:
        return f"refused: {extra['refused']}"
    lost = {part for part, (got, of) in extra["parts"].items() if got < of}
    if sum(of for _, of in extra["parts"].values()) != POINTS[entry.assignment]:
        return f"graded out of {extra['parts']}"
    if lost != entry.parts:
        return f"loses points in {sorted(lost)}, expected {sorted(entry.parts)}"
    if entry.lost is not None and POINTS[entry.assignment] - results["score"] != entry.lost:
        return f"loses {POINTS[entry.assignment] - results['score']} points, expected {entry.lost}"
    said = "\n".join(test["output"] for test in results["tests"] if test.get("status") == "failed")
    if not re.search(entry.says, said):
        return f"what is said does not point at it: {said!r}"
    flags = [flag for flag in extra["flags"] if "is also in" not in flag]  # most have the same params, by design
    if bool(flags) != bool(entry.flagged) or not re.search(entry.flagged, "\n".join(flags)):
        return f"flags are {flags}"
    return ""


def is_punished_wrongly(entry: Entry, results: Dict) -> bool:
    """Whether an entry loses points that it deserves, or is refused without a reason."""
    lost = {part for part, (got, of) in results["extra_data"]["parts"].items() if got < of}
    return bool(lost - entry.parts or results["extra_data"]["refused"] and not entry.refused)


def harm() -> str:
    """What hostile submissions have done outside their sandboxes, or ""."""
    if not (WORLD / "keep").exists() or (WORLD / "keep").read_text() != "this stays":
        return "a file was deleted or changed"
    if (WORLD / "keep").stat().st_mode & 0o777 != 0o644 or (WORLD / "keep").stat().st_mtime < 1e9:
        return "the mode or the time of a file was changed"
    if "\t" not in (WORLD / "answers.tsv").read_text():
        return "the answers are gone"
    return "a file was written outside" if os.path.exists(MARK) else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="how many are graded at once (default: 2)")
    parser.add_argument("--out", metavar="DIR", help="write everything that is graded to DIR/graded.json")
    parser.add_argument("--only", default="", help="those with this in their name")
    args = parser.parse_args()
    kinds = {"plausible mistakes": MISTAKES, "unusual but right": RIGHT, "hostile": HOSTILE}
    kinds = {kind: [entry for entry in entries if args.only in entry.name] for kind, entries in kinds.items()}
    if args.jobs < 1 or not any(kinds.values()) or (args.out and not os.path.isdir(args.out)):
        parser.error("--jobs is at least 1, --only is in some entry's name, and the folder --out exists")
    with tempfile.TemporaryDirectory() as folder:
        graded = grade_all([entry for entries in kinds.values() for entry in entries], Path(folder), args.jobs)
    print("| submissions | graded as they deserve | missed | wrongly punished | such as |")
    print("| --- | --- | --- | --- | --- |")
    wrongly = {}
    for kind, entries in kinds.items():
        faults = {entry.name: verdict(entry, graded[entry.name]) for entry in entries}
        wrongly.update({name: fault for name, fault in faults.items() if fault})
        punished = sum(is_punished_wrongly(entry, graded[entry.name]) for entry in entries)
        right = sum(not fault for fault in faults.values())
        names = "; ".join(entry.name for entry in entries[:: max(1, len(entries) // 8)])
        row = [kind, f"{right} of {len(entries)}", len(entries) - right - punished, punished, names]
        print("| " + " | ".join(map(str, row)) + " |")
    for name, fault in wrongly.items():
        print(f"{name}: {fault}")
    harmed = harm()
    if args.out:
        Path(args.out, "graded.json").write_text(json.dumps({"graded": graded, "harm": harmed}), encoding="utf-8")
    print(f"harm outside the sandboxes: {harmed or 'none'}")
    shutil.rmtree(WORLD, ignore_errors=True)
    sys.exit(bool(wrongly or harmed))


if __name__ == "__main__":
    main()

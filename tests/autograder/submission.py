"""Unpacks a zip that nobody trusts: takes what a submission consists of, refuses what could do harm, in one line.

A kind assistant's judgement is built in: one folder too many around everything, macOS clutter, other files beside the
right ones and Windows' backslashes are no mistakes. Nothing but regular files is ever written, and only below the
folder given, under names that were checked.
"""

import os
import re
import stat
import sys
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import List, Optional, Tuple

GRADED = str(Path(__file__).resolve().parent.parent / "graded")
sys.path[:0] = [GRADED] if GRADED not in sys.path else []

from grading import HANDED_IN  # noqa: E402

ZIP = 128 * 2**20  # bytes of the zip,
MEMBERS = 20_000  # files in it, whatever they are,
WANTED = 500  # and files that belong to the submission;
FILE = 64 * 2**20  # bytes of one of these,
CODE = 8 * 2**20  # and of everything in src/
PARAMS = tuple(params for params, _ in HANDED_IN.values())
PREDICTIONS = tuple(f"{name}.{split}.predictions" for name in HANDED_IN for split in ("dev", "test"))


class Refused(Exception):
    """The zip is not graded; the message is one line that says why."""


@dataclass
class Unpacked:
    """What a zip held: which assignment it is, and what is worth a remark to the student."""

    assignment: int  # 3 or 5
    remarks: List[str] = field(default_factory=list)


def unpack(path: Path, folder: Path, assignment: Optional[int] = None) -> Unpacked:
    """Writes the submission's files below `folder`: src/ and, for Assignment 5, its params and predictions.

    `assignment` is 3 or 5, or None for what the zip looks like. Raises Refused, with one line, for what is no
    submission or could do harm.
    """
    try:
        if os.path.getsize(path) > ZIP:
            raise Refused(f"the zip has {os.path.getsize(path) >> 20:,} MiB, at most {ZIP >> 20} MiB are taken")
        with zipfile.ZipFile(path) as archive:
            return _unpack(archive, folder, assignment)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, LookupError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise Refused(f"not a readable zip file ({_shown(reason)})") from None


def zip_folder(folder: Path, path: Path) -> None:
    """Makes a zip of a submission that was unpacked already, as Gradescope does. Links are left out."""
    with zipfile.ZipFile(path, "w", strict_timestamps=False) as archive:
        for parent, _, names in os.walk(folder):
            for name in sorted(names):
                found = Path(parent, name)
                inner = (
                    found.relative_to(folder).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                )
                if stat.S_ISREG(found.lstat().st_mode):
                    archive.write(found, inner)


def _unpack(archive: zipfile.ZipFile, folder: Path, assignment: Optional[int]) -> Unpacked:
    entries = _named(archive.infolist())
    root, assignment = _find_root([name for name, _ in entries], assignment)
    found = Unpacked(assignment)
    if root != PurePosixPath("."):
        found.remarks.append(f"everything stands in a folder {_shown(str(root))}; it should not, but is graded")
    inside = [(name, info) for name, info in entries if root == PurePosixPath(".") or root in name.parents]
    wanted: List[Tuple[PurePosixPath, zipfile.ZipInfo]] = []  # where below `folder`, and what
    for name, info in inside:
        inner = name.relative_to(root)
        if assignment == 3 and len(inner.parts) == 1 and inner.suffix == ".py":
            wanted.append((PurePosixPath("src") / inner, info))
        elif assignment == 5 and inner.parts[0] == "src" and inner.suffix == ".py":
            wanted.append((inner, info))
    for file in PARAMS + PREDICTIONS if assignment == 5 else ():
        beside = [(name, info) for name, info in inside if name == root / file]
        elsewhere = [(name, info) for name, info in entries if name.name == file]
        wanted += [(PurePosixPath(file), info) for _, info in beside or (elsewhere if len(elsewhere) == 1 else [])]
        if not beside and len(elsewhere) == 1:
            found.remarks.append(f"{file} stands in {_shown(str(elsewhere[0][0].parent))}; it belongs beside src/")
    there = [str(target) for target, _ in wanted]
    missing = [file for file in PARAMS + PREDICTIONS if assignment == 5 and file not in there]
    if missing:
        found.remarks.append(
            f"missing: {', '.join(missing)}; bash collect_submission.sh names the commands that make them"
        )
    _check_wanted(wanted)
    for target, info in wanted:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        _copy(archive, info, folder / target)
    return found


def _named(infos: List[zipfile.ZipInfo]) -> List[Tuple[PurePosixPath, zipfile.ZipInfo]]:
    """The files of the zip that are no clutter, with their paths. Raises Refused for a path that leads out of it."""
    if len(infos) > MEMBERS:
        raise Refused(f"the zip holds {len(infos):,} files, at most {MEMBERS:,} are looked at")
    entries = []
    for info in infos:
        raw = info.orig_filename.replace("\\", "/")
        name = PurePosixPath(raw)
        if raw.startswith("/") or re.match("[A-Za-z]:/", raw) or ".." in name.parts or "\0" in raw:
            raise Refused(f"the zip holds {_shown(raw)}, a path that leads out of it")
        if name.parts and not raw.endswith("/") and not _is_clutter(name) and len(name.parts) <= 20:
            entries.append((name, info))
    return entries


def _check_wanted(wanted: List[Tuple[PurePosixPath, zipfile.ZipInfo]]) -> None:
    """Raises Refused where what belongs to the submission is no set of regular files of reasonable sizes."""
    if len(wanted) > WANTED:
        raise Refused(f"src/ holds {len(wanted):,} files, at most {WANTED} are taken")
    for target, info in wanted:
        shown = _shown(info.orig_filename)
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise Refused(f"the zip holds {shown}, which is a link or no regular file; put the file itself there")
        if info.flag_bits & 1:
            raise Refused("the zip is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(f"{shown} is compressed in an unusual way; make the zip with the script")
        if info.file_size > FILE:
            raise Refused(f"{shown} has {info.file_size >> 20:,} MiB, at most {FILE >> 20} MiB are taken")
        if len(str(target)) > 200 or not str(target).isprintable():
            raise Refused(f"the zip holds {shown}, a name that no file of a submission has")
        if any(target == other and info is not another for other, another in wanted):
            raise Refused(f"the zip holds {shown} twice")
    code = sum(info.file_size for target, info in wanted if target.parts[0] == "src")
    if code > CODE:
        raise Refused(f"src/ holds {code >> 20} MiB of code, at most {CODE >> 20} MiB are taken")


def _is_clutter(name: PurePosixPath) -> bool:
    parts = name.parts
    return (
        any(part in ("__MACOSX", "__pycache__", ".git", ".venv", ".ipynb_checkpoints") for part in parts)
        or parts[-1].startswith("._")
        or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")
        or name.suffix == ".pyc"
    )


def _find_root(names: List[PurePosixPath], assignment: Optional[int]) -> Tuple[PurePosixPath, int]:
    """(the folder in the zip that holds everything, 3 or 5): the one nearest to the top."""
    candidates = []
    for name in names:
        if name.name in ("model.py", "dataset.py", "run.py") and name.parent.name == "src":
            candidates.append((len(name.parts) - 1, 0, str(name.parent.parent), 5))
        elif name.name == "model_solution.py":
            in_src = name.parent.name == "src"
            candidates.append((len(name.parts), 2 if in_src else 1, str(name.parent), 3))
    others = [candidate for candidate in candidates if assignment not in (None, candidate[-1])]
    candidates = [candidate for candidate in candidates if assignment in (None, candidate[-1])]
    if not candidates:
        needed = {
            3: "model_solution.py; make it with bash create_submission.sh",
            5: "src/ with model.py, dataset.py and run.py; make it with bash collect_submission.sh",
        }
        raise Refused(
            f"the zip holds no {needed[assignment or 5]}"
            + ("" if assignment else f" (or {needed[3]})")
            + (f"; it looks like one of Assignment {others[0][-1]}" if others else "")
        )
    *_, root, found = min(candidates)
    return PurePosixPath(root), found


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Writes one file. Raises Refused where it holds more than it claims."""
    written = 0
    with archive.open(info) as source, open(target, "xb") as file:
        while block := source.read(2**20):
            written += len(block)
            if written > info.file_size:
                raise Refused(f"{_shown(info.orig_filename)} is larger than the zip says")
            file.write(block)


def _shown(name: str) -> str:
    """A name of a zip, fit to be printed."""
    return ascii(name if len(name) <= 80 else name[:77] + "...")

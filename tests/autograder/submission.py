"""Unpacks a zip that nobody trusts: takes what a submission consists of, refuses what could do harm, in one line.

A kind assistant's judgement is built in: one folder too many around everything, macOS clutter, other files beside the
right ones and Windows' backslashes are no mistakes. Nothing but regular files is ever written, and only below the
folder given, under names that were checked.
"""

import os
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Dict, List

MEMBERS = 3000  # in the zip
FILE = 128 * 2**20  # bytes of one file
TOTAL = 512 * 2**20  # bytes of all
CODE = 8 * 2**20  # bytes of everything in src/
PARAMS = ("vanilla.model.params", "vanilla.finetune.params", "perceiver.finetune.params")
PREDICTIONS = tuple(
    f"{name}.{split}.predictions"
    for name in ("vanilla.nopretrain", "vanilla.pretrain", "perceiver.pretrain")
    for split in ("dev", "test")
)


class Refused(Exception):
    """The zip is not graded; the message is one line that says why."""


@dataclass
class Unpacked:
    """What a zip held: which assignment it is, and what is worth a remark to the student."""

    assignment: int  # 3 or 5
    remarks: List[str] = field(default_factory=list)


def unpack(path: Path, folder: Path) -> Unpacked:
    """Writes the submission's files below `folder`: src/ and, for Assignment 5, its params and predictions.

    Raises Refused, with one line, for what is no submission or could do harm.
    """
    try:
        if os.path.getsize(path) > TOTAL:
            raise Refused(f"the zip has {os.path.getsize(path) >> 20:,} MiB, at most {TOTAL >> 20} MiB are taken")
        with zipfile.ZipFile(path) as archive:
            return _unpack(archive, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, LookupError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Refused(f"not a readable zip file ({reason})") from None


def zip_folder(folder: Path, path: Path) -> None:
    """Makes a zip of a submission that was unpacked already, as Gradescope does. Raises Refused where it holds links."""
    with zipfile.ZipFile(path, "w", strict_timestamps=False) as archive:
        for parent, folders, names in os.walk(folder):
            for name in sorted(folders + names):
                found = Path(parent, name)
                kind = found.lstat().st_mode
                if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                    raise Refused(f"{_shown(str(found.relative_to(folder)))} is a link or no regular file")
                if stat.S_ISREG(kind):
                    archive.write(found, found.relative_to(folder).as_posix())


def _unpack(archive: zipfile.ZipFile, folder: Path) -> Unpacked:
    entries = _checked(archive.infolist())
    root, assignment = _find_root(entries)
    found = Unpacked(assignment)
    if str(root) != ".":
        found.remarks.append(f"everything stands in a folder {_shown(str(root))}; it should not, but is graded")
    wanted: Dict[PurePosixPath, PurePosixPath] = {}  # where in the zip: where below `folder`
    for name in entries:
        if root != PurePosixPath(".") and root not in name.parents:
            continue
        inner = name.relative_to(root)
        if assignment == 3:
            if len(inner.parts) == 1 and inner.suffix == ".py":
                wanted[name] = PurePosixPath("src") / inner
        elif inner.parts[0] == "src" and inner.name not in PARAMS + PREDICTIONS:
            wanted[name] = inner
    for file in PARAMS + PREDICTIONS if assignment == 5 else ():
        places = [name for name in entries if name.name == file]
        chosen = root / file if root / file in places else places[0] if len(places) == 1 else None
        if chosen is not None:
            wanted[chosen] = PurePosixPath(file)
            if chosen != root / file:
                found.remarks.append(f"{file} stands in {_shown(str(chosen.parent))}; it belongs beside src/")
    code = sum(entries[name].file_size for name, target in wanted.items() if target.parts[0] == "src")
    if code > CODE:
        raise Refused(f"src/ holds {code >> 20} MiB; code alone belongs there, at most {CODE >> 20} MiB")
    for name, target in wanted.items():
        if target.parts[0] == "src" and target.suffix != ".py" and entries[name].file_size > 2**20:
            continue  # neither code nor small
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        _copy(archive, entries[name], folder / target)
    if assignment == 5:
        missing = [name for name in PARAMS + PREDICTIONS if PurePosixPath(name) not in wanted.values()]
        if missing:
            found.remarks.append(f"missing: {', '.join(missing)}; make the zip with bash collect_submission.sh")
    return found


def _checked(infos: List[zipfile.ZipInfo]) -> Dict[PurePosixPath, zipfile.ZipInfo]:
    """The regular files of the zip that are no clutter, by their name. Raises Refused."""
    if len(infos) > MEMBERS:
        raise Refused(f"the zip holds {len(infos):,} files, at most {MEMBERS:,} are looked at")
    entries: Dict[PurePosixPath, zipfile.ZipInfo] = {}
    for info in infos:
        raw = info.orig_filename.replace("\\", "/")
        name = PurePosixPath(raw)
        if raw.startswith("/") or (len(raw) > 1 and raw[1] == ":") or ".." in name.parts or "\0" in raw:
            raise Refused(f"the zip holds {_shown(raw)}, a path that leads out of it")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Refused(f"the zip holds {_shown(raw)}, which is a link or no regular file; put the file itself there")
        if info.is_dir() or raw.endswith("/") or kind == stat.S_IFDIR or _is_clutter(name):
            continue
        if len(raw) > 500 or len(name.parts) > 20 or not raw.isprintable():
            raise Refused(f"the zip holds {_shown(raw)}, a name that no file of a submission has")
        if name in entries:
            raise Refused(f"the zip holds {_shown(raw)} twice")
        if info.file_size > FILE:
            raise Refused(f"{_shown(raw)} has {info.file_size >> 20:,} MiB, at most {FILE >> 20} MiB are taken")
        if info.flag_bits & 1:
            raise Refused("the zip is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(f"{_shown(raw)} is compressed in an unusual way; make the zip with the script")
        entries[name] = info
    total = sum(info.file_size for info in entries.values())
    if total > TOTAL:
        raise Refused(f"unpacked the zip has {total >> 20:,} MiB, at most {TOTAL >> 20} MiB are taken")
    return entries


def _is_clutter(name: PurePosixPath) -> bool:
    parts = name.parts
    return (
        any(part in ("__MACOSX", "__pycache__", ".git", ".venv", ".ipynb_checkpoints") for part in parts)
        or parts[-1].startswith("._")
        or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")
        or name.suffix == ".pyc"
    )


def _find_root(entries) -> tuple:
    """(the folder in the zip that holds everything, 3 or 5): the one nearest to the top."""
    candidates = []
    for name in entries:
        if name.name in ("model.py", "dataset.py", "run.py") and name.parent.name == "src":
            candidates.append((len(name.parts) - 1, 0, 5, name.parent.parent))
        elif name.name == "model_solution.py" and name.parent.name != "src":
            candidates.append((len(name.parts), 1, 3, name.parent))
        elif name.name == "model_solution.py":
            candidates.append((len(name.parts), 2, 3, name.parent))
    if not candidates:
        raise Refused(
            "the zip holds neither src/ with model.py, dataset.py and run.py (Assignment 5) nor model_solution.py "
            "(Assignment 3); make it with collect_submission.sh or create_submission.sh"
        )
    _, _, assignment, root = min(candidates, key=lambda candidate: (candidate[0], candidate[1], str(candidate[3])))
    return root, assignment


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

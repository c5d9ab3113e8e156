"""The two data sets of Assignment 5: span corruption over a corpus, and questions with their answers.

Both turn text into pairs (x, y) of character ids in which y[t] is what the model should say after x[: t + 1].
`python src/dataset.py namedata` and `python src/dataset.py charcorruption` print four examples of each.
"""

from typing import Iterable, List, Optional, Tuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from command_line import OneLineParser, run_command
from files import find_file, naming, read_text

PAD_CHAR = "\u25a1"  # □ fills a sequence up to block_size; as a target it counts for nothing
MASK_CHAR = "\u2047"  # ⁇ marks where something is missing, and where the model begins or ends its answer


class CharCorruptionDataset(Dataset):
    """Span corruption of a corpus, one document a line (Raffel et al. 2020, T5; Assignment 5, part (e)).

    `data` is the corpus' text. Ids: 0 is PAD_CHAR, 1 is MASK_CHAR, then the sorted characters of `data`.
    `span_start` says where a masked span may begin: "uniform", anywhere, or "word", at the start of a word.
    A document is truncated to the largest of `length_draws` random lengths: with more draws more of it is kept.
    Draws come from `generator`, seeded with `seed`. Blank lines are no documents.
    Raises ValueError for a text without a document or with one of the two special characters in it.
    """

    PAD_CHAR = PAD_CHAR
    MASK_CHAR = MASK_CHAR

    def __init__(self, data: str, block_size: int, span_start: str = "uniform", length_draws: int = 1, seed: int = 0):
        if block_size < 8:
            raise ValueError(f"block_size must be at least 8 to hold a corrupted document, got {block_size}")
        if span_start not in ("uniform", "word"):
            raise ValueError(f"span_start must be 'uniform' or 'word', got {span_start!r}")
        for char in (PAD_CHAR, MASK_CHAR):
            if char in data:
                line = data[: data.index(char)].count("\n") + 1
                raise ValueError(f"line {line} contains {char}, which is reserved; remove it")
        self.data = [line for line in data.replace("\r\n", "\n").split("\n") if line.strip()]
        if not self.data:
            raise ValueError("contains no document; expected one document a line")
        chars = [PAD_CHAR, MASK_CHAR] + sorted(set(data))
        self.stoi = {char: i for i, char in enumerate(chars)}
        self.itos = {i: char for i, char in enumerate(chars)}
        self.vocab_size = len(chars)
        self.block_size = block_size
        self.span_start = span_start
        self.length_draws = length_draws
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, idx: int) -> Tuple[Tensor, Tensor]:
        """Document `idx`, corrupted anew at every call -> x, y, both (block_size,) Long.

        Truncated to a random length, the document is split into prefix, masked content and suffix; the model reads
        prefix ⁇ suffix ⁇ and says the masked content. Padding fills up the rest.
        """
        longest = int(self.block_size * 7 / 8)
        length = max(self._randint(4, longest) for _ in range(self.length_draws))
        document = self.data[idx][:length]
        span = self._span_length(len(document))
        start = self._span_start(document, span)
        prefix, masked, suffix = document[:start], document[start : start + span], document[start + span :]
        text = prefix + MASK_CHAR + suffix + MASK_CHAR + masked
        ids = encode(self, text.ljust(self.block_size + 1, PAD_CHAR))
        return ids[:-1], ids[1:]

    def _span_length(self, length: int) -> int:
        """How many of `length` characters to mask: random, at least 1, and from length 4 on length / 4 on average.

        The length is drawn from the real interval [1, length / 2 - 1], whose middle is length / 4, and rounded up or
        down at random with the probabilities that keep its mean.
        """
        u, rounding = torch.rand(2, generator=self.generator).tolist()
        widest = max(1.0, length / 2 - 1)
        return int(1 + u * (widest - 1) + rounding)

    def _span_start(self, document: str, span: int) -> int:
        """Where the masked span begins: any place it fits or, with span_start "word", any word it fits from."""
        last = len(document) - span
        starts = range(last + 1)
        if self.span_start == "word":
            starts = [i for i in starts if i == 0 or document[i - 1] == " "]
        return starts[self._randint(0, len(starts) - 1)]

    def _randint(self, low: int, high: int) -> int:
        """An integer from low to high, both included, each equally likely."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))


class NameDataset(Dataset):
    """Questions with their answers, for fine-tuning: lines of "Where was X born?<tab>Place".

    The characters and the block size are those of `pretraining_dataset`. Raises ValueError, naming the line, for
    text that has another form, does not fit the block, or uses a character that the vocabulary lacks.
    """

    def __init__(self, pretraining_dataset: CharCorruptionDataset, data: str):
        self.stoi, self.itos = pretraining_dataset.stoi, pretraining_dataset.itos
        self.vocab_size = pretraining_dataset.vocab_size
        self.block_size = pretraining_dataset.block_size
        self.data = parse_questions(data)
        for number, (question, place) in enumerate(self.data, start=1):
            if place is None:
                raise ValueError(f"line {number} has no tab; expected a question, a tab and a place")
            check_fits(self, question + MASK_CHAR + place + MASK_CHAR, number)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, idx: int) -> Tuple[Tensor, Tensor]:
        """x: question ⁇ place ⁇, padded; y: x shifted by one, the question padded out. Both (block_size,) Long."""
        question, place = self.data[idx]
        text = (question + MASK_CHAR + place + MASK_CHAR).ljust(self.block_size + 1, PAD_CHAR)
        targets = PAD_CHAR * len(question) + text[len(question) + 1 :]
        return encode(self, text[:-1]), encode(self, targets)


def encode(dataset, text: str) -> Tensor:
    """The ids of the characters of `text` in the vocabulary of `dataset`: (len(text),) Long."""
    return torch.tensor([dataset.stoi[char] for char in text], dtype=torch.long)


def decode(dataset, ids: Iterable[int]) -> str:
    """The characters with these ids: the inverse of `encode`."""
    return "".join(dataset.itos[i] for i in ids)


def parse_questions(data: str) -> List[Tuple[str, Optional[str]]]:
    """The (question, place) of every line; place is None where a line has no tab. Line ends at the end are ignored.

    Raises ValueError, naming the line, for an empty text, line or field, a reserved character, or a second tab.
    """
    lines = data.rstrip("\r\n").split("\n")
    if lines == [""]:
        raise ValueError("is empty; expected a question a line")
    pairs = []
    for number, line in enumerate(lines, start=1):
        fields = [field.strip() for field in line.rstrip("\r").split("\t")]
        if len(fields) > 2:
            raise ValueError(f"line {number} has {len(fields)} fields; expected a question, a tab and a place")
        if PAD_CHAR in line or MASK_CHAR in line:
            raise ValueError(f"line {number} contains {PAD_CHAR} or {MASK_CHAR}, which are reserved; remove it")
        if not all(fields):
            raise ValueError(f"line {number} has an empty {'question' if not fields[0] else 'place'}")
        pairs.append((fields[0], fields[1] if len(fields) == 2 else None))
    return pairs


def check_fits(dataset, text: str, number: int) -> None:
    """Raises ValueError when line `number`, written out as `text`, does not fit the dataset's block or vocabulary."""
    if len(text) > dataset.block_size:
        raise ValueError(
            f"line {number} needs {len(text)} characters, the block holds {dataset.block_size}; shorten it"
        )
    for char in text:
        if char not in dataset.stoi:
            raise ValueError(f"line {number} contains {char!r}, which does not occur in the pretraining corpus")


def main() -> None:
    parser = OneLineParser(description="Print four examples of a data set, with the course's settings.")
    parser.add_argument("dataset_type", choices=["namedata", "charcorruption"])
    parser.add_argument("--corpus", default="wiki.txt", help="the pretraining corpus (default: wiki.txt)")
    parser.add_argument("--names", default="birth_places_train.tsv", help="default: birth_places_train.tsv")
    args = parser.parse_args()
    corpus = find_file(args.corpus)
    with naming(corpus):
        dataset = CharCorruptionDataset(read_text(corpus), block_size=128)
    if args.dataset_type == "namedata":
        names = find_file(args.names)
        with naming(names):
            dataset = NameDataset(dataset, read_text(names))
    for x, y in (dataset[i] for i in range(min(4, len(dataset)))):
        print("x:", decode(dataset, x.tolist()))
        print("y:", decode(dataset, y.tolist()))


if __name__ == "__main__":
    run_command(main)

"""The data sets of Assignment 5: span corruption over a corpus, questions with their answers, and both together.

They turn text into pairs (x, y) of character ids in which y[t] is what the model should say after x[: t + 1].
`python src/dataset.py namedata` and `python src/dataset.py charcorruption` print four examples of each.
"""

from typing import Iterable, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from command_line import OneLineParser, run_command
from files import find_file, naming, read_text

PAD_CHAR = "\u25a1"  # □ fills a sequence up to block_size; as a target it counts for nothing
MASK_CHAR = "\u2047"  # ⁇ marks where something is missing, and where the model begins or ends its answer


class CharCorruptionDataset(Dataset):
    """Span corruption of a corpus, one document a line (Raffel et al. 2020, T5; Assignment 5, part (e)).

    `data` is the corpus' text. Ids: 0 is PAD_CHAR, 1 is MASK_CHAR, then the sorted characters of `data`.
    `span_start` says where a masked span may begin: "uniform", anywhere, or "word", at the start of a word.
    A document is truncated to the `length_rank`-th largest of `length_draws` random lengths: the largest of several
    keeps more of it, one from their middle makes extremes rare. Every length stays possible.
    Draws come from `generator`, seeded with `seed`. Blank lines are no documents.
    Raises ValueError for a text without a document or with one of the two special characters in it.
    """

    PAD_CHAR = PAD_CHAR
    MASK_CHAR = MASK_CHAR

    def __init__(
        self,
        data: str,
        block_size: int,
        span_start: str = "uniform",
        length_draws: int = 1,
        length_rank: int = 1,
        seed: int = 0,
    ):
        if block_size < 8:
            raise ValueError(f"block_size must be at least 8 to hold a corrupted document, got {block_size}")
        if span_start not in ("uniform", "word"):
            raise ValueError(f"span_start must be 'uniform' or 'word', got {span_start!r}")
        if not 1 <= length_rank <= length_draws:
            raise ValueError(f"length_rank must be from 1 to length_draws {length_draws}, got {length_rank}")
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
        self.length_draws, self.length_rank = length_draws, length_rank
        self.generator = torch.Generator().manual_seed(seed)
        self._texts: Optional[_Texts] = None

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, idx: int) -> Tuple[Tensor, Tensor]:
        """Document `idx`, corrupted anew at every call -> x, y, both (block_size,) Long.

        Truncated to a random length, the document is split into prefix, masked content and suffix; the model reads
        prefix ⁇ suffix ⁇ and says the masked content. Padding fills up the rest.
        """
        # [part e] Span corruption.
        # 1. Take the document self.data[idx] and truncate it to a random length: a whole number from 4 to
        #    int(self.block_size * 7 / 8), both possible; a shorter document stays whole.
        # 2. Split it into prefix, masked content and suffix. The length of the masked content is random, at least 1
        #    and, on average, a quarter of the truncated document's; where it begins is random too.
        # 3. s = prefix ⁇ suffix ⁇ masked content, with MASK_CHAR for ⁇, then as many PAD_CHAR as make it block_size + 1
        #    characters long. x is s without its last character, y is s without its first.
        # 4. Return both as Long tensors of ids, (block_size,): `encode` below does that.
        # Every call draws anew, from any seeded generator (self.generator, random or torch). Documents of fewer than 4
        # characters work as well. self.span_start, self.length_draws and self.length_rank, see above, are for the
        # other presets: honour them if you want their figures.
        # Look: python src/dataset.py charcorruption; check: pytest tests/graded -k span
        ### BEGIN SOLUTION
        *lengths, u_span, u_rounding, u_start = self._draw(1)[0].tolist()
        length = sorted(4 + int(u * (self._longest - 3)) for u in lengths)[-self.length_rank]
        document = self.data[idx][:length]
        span = self._span_length(len(document), u_span, u_rounding)
        starts = range(len(document) - span + 1)
        if self.span_start == "word":
            starts = [i for i in starts if i == 0 or document[i - 1] == " "]
        start = starts[int(u_start * len(starts))]
        prefix, masked, suffix = document[:start], document[start : start + span], document[start + span :]
        text = prefix + MASK_CHAR + suffix + MASK_CHAR + masked
        ids = encode(self, text.ljust(self.block_size + 1, PAD_CHAR))
        return ids[:-1], ids[1:]
        ### END SOLUTION

    ### BEGIN STAFF
    def batch(self, indices: Sequence[int]) -> Tuple[Tensor, Tensor]:
        """x, y, both (len(indices), block_size): what `self[i]` gives for one i after the other.

        The same definition in array operations, for whole batches at once. Column j of a row prefix ⁇ suffix ⁇ masked
        is column j + shift of the document, where the shift depends on the part that the column belongs to.
        """
        if self._texts is None:
            self._texts = _Texts(self, [document[: self._longest] for document in self.data])
        texts, u = self._texts.to(self.generator.device), self._draw(len(indices))
        indices = torch.as_tensor(indices, device=u.device)
        length = 4 + (u[:, : self.length_draws] * (self._longest - 3)).long()
        length = length.sort(dim=1).values[:, -self.length_rank]
        length = torch.minimum(length, texts.lengths[indices])
        span = self._span_length(length, u[:, -3], u[:, -2])
        if self.span_start == "word":
            first, last = texts.offsets[indices], texts.offsets[indices] + length - span
            count = texts.words_before[last + 1] - texts.words_before[first]
            start = texts.word_starts[texts.words_before[first] + (u[:, -1] * count).long()] - first
        else:
            start = (u[:, -1] * (length - span + 1)).long()

        length, span, start = length[:, None], span[:, None], start[:, None]
        second_mask = length - span + 1
        j = torch.arange(self.block_size + 1, device=u.device)
        shift = torch.where(j < start, 0, torch.where(j < second_mask, span - 1, start - second_mask - 1))
        ids = texts.take(indices, j + shift)
        ids.scatter_(1, torch.cat((start, second_mask), dim=1), self.stoi[MASK_CHAR])
        ids.masked_fill_(j >= length + 2, self.stoi[PAD_CHAR])
        return ids[:, :-1], ids[:, 1:]

    def __getitems__(self, indices: List[int]) -> List[Tuple[Tensor, Tensor]]:
        """What a DataLoader asks for where a data set can make several examples at once."""
        return list(zip(*self.batch(indices)))

    def to(self, device: str) -> "CharCorruptionDataset":
        """Makes `batch` work, and draw its random numbers, on this device."""
        self.generator = torch.Generator(device).manual_seed(self.generator.initial_seed())
        return self

    @property
    def _longest(self) -> int:
        return int(self.block_size * 7 / 8)

    def _draw(self, count: int) -> Tensor:
        """The random numbers of `count` examples, (count, length_draws + 3), uniform in [0, 1), of double precision."""
        shape = (count, self.length_draws + 3)
        return torch.rand(shape, generator=self.generator, dtype=torch.float64, device=self.generator.device)

    @staticmethod
    def _span_length(length, u, rounding):
        """How many of `length` characters to mask: random, at least 1, and from length 4 on length / 4 on average.

        The length is drawn from the real interval [1, length / 2 - 1], whose middle is length / 4, and rounded up or
        down at random with the probabilities that keep its mean. For numbers, or for tensors of them.
        """
        widest = length / 2 - 1
        if isinstance(widest, Tensor):
            return (1 + u * (widest.clamp(min=1.0) - 1) + rounding).long()
        return int(1 + u * (max(1.0, widest) - 1) + rounding)

    ### END STAFF


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
        self.device = "cpu"
        self._texts: Optional[_Texts] = None

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, idx: int) -> Tuple[Tensor, Tensor]:
        """x: question ⁇ place ⁇, padded; y: x shifted by one, the question padded out. Both (block_size,) Long."""
        question, place = self.data[idx]
        text = (question + MASK_CHAR + place + MASK_CHAR).ljust(self.block_size + 1, PAD_CHAR)
        targets = PAD_CHAR * len(question) + text[len(question) + 1 :]
        return encode(self, text[:-1]), encode(self, targets)

    def batch(self, indices: Sequence[int]) -> Tuple[Tensor, Tensor]:
        """x, y, both (len(indices), block_size): what `self[i]` gives for one i after the other."""
        if self._texts is None:
            self._texts = _Texts(self, [question + MASK_CHAR + place + MASK_CHAR for question, place in self.data])
            self._asked = torch.tensor([len(question) for question, _ in self.data])
        texts, indices = self._texts.to(self.device), torch.as_tensor(indices, device=self.device)
        j = torch.arange(self.block_size + 1, device=self.device)
        ids = texts.take(indices, j).masked_fill(j >= texts.lengths[indices, None], self.stoi[PAD_CHAR])
        asked = self._asked.to(self.device)[indices, None]
        return ids[:, :-1], ids[:, 1:].masked_fill(j[:-1] < asked, self.stoi[PAD_CHAR])

    def __getitems__(self, indices: List[int]) -> List[Tuple[Tensor, Tensor]]:
        """What a DataLoader asks for where a data set can make several examples at once."""
        return list(zip(*self.batch(indices)))

    def to(self, device: str) -> "NameDataset":
        """Makes `batch` work on this device."""
        self.device = device
        return self


class CorpusWithQuestions(Dataset):
    """A corpus and the questions about it in one epoch: what is known of people, and how one is asked for it.

    Example i is document i of the corpus and, behind the last document, a question. Whoever learns both at once cannot
    forget the one over the other, and needs facts in the form in which they will be asked for from the beginning.
    """

    def __init__(self, corpus: CharCorruptionDataset, questions: NameDataset):
        self.corpus, self.questions = corpus, questions
        self.stoi, self.itos, self.vocab_size = corpus.stoi, corpus.itos, corpus.vocab_size
        self.block_size = corpus.block_size

    @property
    def generator(self) -> torch.Generator:
        """The source of the corpus' random numbers; questions draw none."""
        return self.corpus.generator

    def __len__(self) -> int:
        return len(self.corpus) + len(self.questions)

    def __getitem__(self, idx: int) -> Tuple[Tensor, Tensor]:
        """x, y, both (block_size,) Long: as the data set that example `idx` is of makes them."""
        documents = len(self.corpus)
        return self.corpus[idx] if idx < documents else self.questions[idx - documents]

    ### BEGIN STAFF
    def batch(self, indices: Sequence[int]) -> Tuple[Tensor, Tensor]:
        """x, y, both (len(indices), block_size): what `self[i]` gives for one i after the other."""
        indices = torch.as_tensor(indices)
        is_document = indices < len(self.corpus)
        documents = self.corpus.batch(indices[is_document])
        questions = self.questions.batch(indices[~is_document] - len(self.corpus))
        order = (~is_document).argsort(stable=True).argsort()  # each example back to its place
        x, y = (torch.cat(parts)[order.to(parts[0].device)] for parts in zip(documents, questions))
        return x, y

    def __getitems__(self, indices: List[int]) -> List[Tuple[Tensor, Tensor]]:
        """What a DataLoader asks for where a data set can make several examples at once."""
        return list(zip(*self.batch(indices)))

    ### END STAFF

    def to(self, device: str) -> "CorpusWithQuestions":
        """Makes `batch` work on this device."""
        self.corpus.to(device)
        self.questions.to(device)
        return self


class _Texts:
    """Many texts as one long row of ids, for array operations: text i is ids[offsets[i] : offsets[i] + lengths[i]]."""

    def __init__(self, dataset, texts: List[str]):
        self.lengths = torch.tensor([len(text) for text in texts])
        self.offsets = self.lengths.cumsum(0) - self.lengths
        self.ids = encode(dataset, "".join(texts)).int()
        self.ids = F.pad(self.ids, (0, 2 * dataset.block_size))  # so that no column of the last text falls outside
        # Where words start, and how many do before each place: a word starts a text and follows every space.
        is_start = torch.zeros(len(self.ids), dtype=torch.bool)
        is_start[1:] = self.ids[:-1] == dataset.stoi.get(" ", -1)
        is_start[self.offsets] = True
        self.word_starts = is_start.nonzero()[:, 0]
        self.words_before = F.pad(is_start.cumsum(0, dtype=torch.int32), (1, 0))

    def take(self, indices: Tensor, columns: Tensor) -> Tensor:
        """The ids in these columns of the texts `indices` (B,); columns (W,) or (B, W) -> (B, W) Long.

        Columns behind the end of a text give ids of the next ones, for the caller to mask.
        """
        return self.ids[self.offsets[indices, None] + columns].long()

    def to(self, device) -> "_Texts":
        """Moves all tensors to the device."""
        for name, tensor in vars(self).items():
            setattr(self, name, tensor.to(device))
        return self


def encode(dataset, text: str) -> Tensor:
    """The ids of the characters of `text` in the vocabulary of `dataset`: (len(text),) Long."""
    return torch.from_numpy(np.fromiter(map(dataset.stoi.__getitem__, text), np.int64, count=len(text)))


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

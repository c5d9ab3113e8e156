"""The baseline of Assignment 5, part (d): how often is "London" right, if one answers nothing else?

Run it as `python src/london_baseline.py`; it prints the accuracy on the dev set.
"""

from command_line import OneLineParser, run_command
from dataset import parse_questions
from files import BadInput, find_file, naming, read_text
from utils import evaluate_places


def london_accuracy(eval_corpus_path: str):
    """(total, correct) of always answering London. Raises BadInput for a file of questions without places."""
    with naming(eval_corpus_path):
        questions = parse_questions(read_text(eval_corpus_path))
    # [part d] The London baseline. evaluate_places(eval_corpus_path, predictions) counts the questions and, of the
    # predictions, one for each question, the right ones. Check: python src/london_baseline.py
    ### BEGIN SOLUTION
    total, correct = evaluate_places(eval_corpus_path, ["London"] * len(questions))
    ### END SOLUTION
    if not total:
        raise BadInput(
            f"{eval_corpus_path}: has questions without places; give a file with places, such as birth_dev.tsv"
        )
    return total, correct


def main() -> None:
    parser = OneLineParser(description="Print the accuracy of always answering London.")
    parser.add_argument(
        "--eval_corpus_path", default="birth_dev.tsv", help="questions with places (default: birth_dev.tsv)"
    )
    path = str(find_file(parser.parse_args().eval_corpus_path))
    total, correct = london_accuracy(path)
    print(f"{path}: Correct: {correct} out of {total}: {100 * correct / total:.1f}%")


if __name__ == "__main__":
    run_command(main)

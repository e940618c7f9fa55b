"""What common mistakes are answered with, and the page that shows it.

`python tests/unit/test_common_mistakes.py` writes `docs/common_mistakes.md` anew.
"""

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from common_mistakes import MISTAKES
from own_molecule import CONFIG, Mistake

PAGE = "docs/common_mistakes.md"

HEAD = """\
# Common mistakes

What is printed when a run is planned, before any job starts. Up to eight errors are shown at once;
a notice does not stop the run. Slips of YAML's own syntax, such as a tab, are named with their line
by `plan.py`; Snakemake reads the file before that and has a message of its own. A test makes every
mistake of this page, on a copy of `resources/capped_alanine.pdb` called `mine.pdb`, and compares
the answers.

| mistake | answer |
|---|---|
"""

MISSING = "a traceback, which ends with: FileNotFoundError: [Errno 2] No such file or directory: "

SNAKEMAKE = {
    "no `--cores`": (
        (),
        "Error: cores have to be specified for local execution (use --cores N with N being a "
        "number >= 1 or 'all')",
    ),
    "`--configfile` with a file that does not exist": (
        ("-n", "all", "--configfile", "absent.yaml"), f"{MISSING}'absent.yaml'",
    ),
    "a target after `--configfile`, which takes it for a second config (targets come first)": (
        ("-n", "--configfile", "config/quick.yaml", "system_mine"), f"{MISSING}'system_mine'",
    ),
}  # fmt: skip
"""Mistakes that Snakemake answers before it reads the workflow: arguments, and its own message."""


def row(what: str, answer: str) -> str:
    """A row of the page."""
    return f"| {what} | {answer.replace('|', '/').replace(chr(10), '<br>')} |\n"


SNAKEMAKE_ROWS = "".join(row(what, answer) for what, (_, answer) in SNAKEMAKE.items())


@pytest.fixture(scope="module")
def answers(root, tmp_path_factory) -> dict[str, str]:
    """Answer to each mistake."""
    with contextlib.chdir(tmp_path_factory.mktemp("mistakes")):
        return {mistake.what: mistake.answer(root) for mistake in MISTAKES}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_the_answer_names_what_where_and_what_to_do(answers, mistake: Mistake):
    answer = answers[mistake.what]
    for words in mistake.expected:
        assert words in answer, answer
    assert "Traceback" not in answer


def test_without_a_mistake_nothing_is_printed(root, tmp_path):
    with contextlib.chdir(tmp_path):
        assert Mistake("nothing", ()).answer(root) == ""
        assert Path("mine.yaml").read_text() == CONFIG


def test_the_page_has_all_answers(root, answers):
    page = (root / PAGE).read_text()
    expected = (
        HEAD + "".join(row(what, answer) for what, answer in answers.items()) + SNAKEMAKE_ROWS
    )
    assert page == expected, "write it anew: python tests/unit/test_common_mistakes.py"


@pytest.mark.parametrize("what", SNAKEMAKE)
def test_snakemake_answers_before_the_workflow_is_read(root, what):
    arguments, answer = SNAKEMAKE[what]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    said = " ".join((done.stderr + done.stdout).split())
    assert said.endswith(
        answer.removeprefix("Error: ").removeprefix("a traceback, which ends with: ")
    )


if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as FOLDER, contextlib.chdir(FOLDER):
        ROWS = [row(mistake.what, mistake.answer(ROOT)) for mistake in MISTAKES]
    (ROOT / PAGE).write_text(HEAD + "".join(ROWS) + SNAKEMAKE_ROWS)

"""Every stage is a program of its own."""

import importlib.util
import re
import subprocess
import sys

import pytest


def run(root, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, capture_output=True, text=True, check=False
    )


def options_of(path, monkeypatch, capsys) -> set[str]:
    """Options in the help of a program, which is run in this process."""
    specification = importlib.util.spec_from_file_location(f"program_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", [path.name, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0, path
    return set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


def test_programs_have_the_options_that_rules_and_pages_use(root, monkeypatch, capsys):
    folder = root / "workflow" / "scripts"
    # It passes all its arguments on to another program.
    programs = sorted(set(folder.glob("*.py")) - {folder / "with_gpu.py"})
    known = {path.stem: options_of(path, monkeypatch, capsys) for path in programs}
    used = set()
    for rules in sorted((root / "workflow" / "rules").glob("*.smk")):
        text = rules.read_text()
        names = set(re.findall(r'"(\w+)\.py"', text)) & known.keys()
        options = set().union(*(known[name] for name in names))
        if names:
            # Messages name an option of Snakemake.
            assert set(re.findall(r"--[a-z-]+", text)) - {"--configfile"} <= options, rules
        used |= names
    assert {"prepare", "sample", "map", "train", "simulate", "validate", "report"} <= used
    pages = "".join(page.read_text() for page in sorted((root / "docs").glob("*.md")))
    pages = pages.replace("\\\n", " ").replace("`", "\n")
    shown = re.findall(r"python workflow/scripts/(\w+)\.py(.*)", pages)
    assert {"deploy", "export_tables", "status"} <= {name for name, _ in shown}
    for name, rest in shown:
        assert set(re.findall(r"--[a-z-]+", rest)) - {"--help"} <= known[name], name


def test_a_stage_by_hand_and_its_errors(root, tmp_path):
    good = '{"system": {"kind": "muller_brown"}, "seed": 1}'
    program = "workflow/scripts/prepare.py"
    result = run(root, program, "--settings", good, "--output", str(tmp_path / "prepared"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "prepared" / "system.xml").is_file()
    for settings, message in (
        ('{"system": {"kind": "muller_braun"}, "seed": 1}', "muller_braun"),
        ('{"system": ', "is not JSON"),
        ("nowhere.json", "neither JSON text nor a file"),
        ("{}", "'system' is missing"),
    ):
        result = run(root, program, "--settings", settings, "--output", str(tmp_path / "x"))
        assert result.returncode == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_a_molecule_in_vacuum_is_noted_in_the_log(root, tmp_path):
    for files, noted in (
        ('["amber99sbildn.xml"]', True),
        ('["amber99sbildn.xml", "amber99_obc.xml"]', False),
    ):
        settings = (
            '{"system": {"kind": "peptide", "structure": "resources/capped_alanine.pdb", '
            f'"force_field": {files}}}, "seed": 1}}'
        )
        program = "workflow/scripts/prepare.py"
        result = run(root, program, "--settings", settings, "--output", str(tmp_path / "prepared"))
        assert result.returncode == 0, result.stderr
        said = result.stdout + result.stderr
        assert ("notice: the molecule is in vacuum" in said) == noted, said


def test_a_missing_trajectory_is_named(root, tmp_path):
    good = '{"system": {"kind": "muller_brown"}, "seed": 1}'
    run(root, "workflow/scripts/prepare.py", "--settings", good, "--output", str(tmp_path / "p"))
    result = run(
        root, "workflow/scripts/forces.py", "--prepared", str(tmp_path / "p"),
        "--trajectory", str(tmp_path / "none.h5"), "--output", str(tmp_path / "forces.h5"),
    )  # fmt: skip
    assert result.returncode == 1
    assert "none.h5: there is no such file" in result.stderr
    assert "Traceback" not in result.stderr

"""`pip install .` gives the library and the programs for users; a run needs no installation."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

HAS_SETUPTOOLS = importlib.util.find_spec("setuptools") is not None


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The unpacked wheel, built without network from a copy of what it is built from."""
    if not HAS_SETUPTOOLS:
        pytest.skip("setuptools is not installed, and the test does not download it")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    # Building leaves files beside the sources.
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(root / "workflow", source / "workflow", ignore=ignored)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation",
            "--no-index", "--quiet", "--wheel-dir", str(folder), str(source),
        ],
        check=True, cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    there = folder / "installed"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(there)
    return there


def test_wheel_has_all_of_the_library(root, wheel):
    library = root / "workflow" / "scripts"
    modules = {str(path.relative_to(library)) for path in (library / "meanforce").rglob("*.py")}
    there = {str(path.relative_to(wheel)) for path in (wheel / "meanforce").rglob("*.py")}
    assert there == modules
    assert (wheel / "meanforce" / "planning" / "first_config.yaml.j2").exists()
    assert not {path.name for path in wheel.iterdir()} & {"deploy.py", "status.py", "tests"}


@pytest.mark.slow
def test_programs_start_from_the_wheel(root, project, wheel, tmp_path):
    """In one process, in which the library of the checkout cannot be imported."""
    code = ["import meanforce, sys", f"assert meanforce.__file__.startswith({str(wheel)!r})"]
    for name, entry in project["scripts"].items():
        module, function = entry.split(":")
        code += [f"from {module} import {function}", f"assert callable({function}), {name!r}"]
    arguments = ["--structure", str(root / "resources" / "capped_valine.pdb"), "--mapping", "heavy"]
    code += [
        f"sys.argv = ['meanforce-new-config', *{arguments!r}]",
        "from meanforce_programs.new_config import main",
        "main()",
        "from meanforce_programs.new_config import next_commands",
        "from pathlib import Path",
        "print(*next_commands(Path('my.yaml')))",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True,
        cwd=tmp_path, env=environment | {"PYTHONPATH": str(wheel)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the workflow itself is not part of the installation" in done.stdout
    assert (tmp_path / "capped_valine.yaml").exists()


def test_dependencies_are_the_pins(root, project):
    pins = (root / "envs" / "requirements.txt").read_text().split("# tests and checks")[0]
    wanted = {line.replace("==", ">=") for line in pins.splitlines() if "==" in line}
    given = project["dependencies"] + project["optional-dependencies"]["workflow"]
    assert set(given) == wanted and len(given) == len(wanted)
    assert not any("snakemake" in line for line in project["dependencies"])


@pytest.mark.parametrize("extra", ["mace", "lammps", "metatomic"])
def test_extras_are_the_pins_of_their_files(root, project, extra):
    lines = (root / "envs" / f"requirements-{extra}.txt").read_text().splitlines()
    pins = {line.replace("==", ">=") for line in lines if "==" in line}
    assert pins and set(project["optional-dependencies"][extra]) == pins


def test_every_program_for_users_is_installed(root, project):
    """All but those of the stages, which the rules run, and those that work on a checkout."""
    rules = "".join(path.read_text() for path in (root / "workflow" / "rules").glob("*.smk"))
    programs = {path.stem for path in (root / "workflow" / "scripts").glob("*.py")}
    for_users = {name for name in programs if f'"{name}.py"' not in rules}
    installed = {entry.split(":")[0].split(".")[1] for entry in project["scripts"].values()}
    assert for_users - installed == {"document_settings", "report_finished"}
    assert not installed - for_users


def test_version_is_that_of_the_citation(root, project):
    assert f"version: {project['version']}" in (root / "CITATION.cff").read_text().splitlines()

"""No code runs that a config, a model or a data file brought along."""

import ast
import re

import pytest

from meanforce.errors import InputError
from meanforce.jobs.learning_curve import LearningCurveJob
from meanforce.mapping.names import find_atoms
from meanforce.sampling.static import check_formula as check_syntax
from meanforce.sampling.static import numbered
from meanforce.settings.base import NAME
from meanforce.settings.formula import check_formula
from meanforce.settings.load import load_config
from meanforce.systems import force_field
from meanforce.systems.topology import input_topology

FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "execfile", "system", "popen", "import_module",
    "unsafe_load", "full_load", "getoutput",
}  # fmt: skip
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
HARMLESS = {"re.compile", "torch.compile"}


def dangers(source: str) -> list[str]:
    """Calls and imports by which data could become code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [name for name in names if name.split(".")[0] in FORBIDDEN_IMPORTS]
        if not isinstance(node, ast.Call):
            continue
        text = ast.unparse(node.func)
        options = {item.arg: ast.unparse(item.value) for item in node.keywords}
        if text.rsplit(".", 1)[-1] in FORBIDDEN_CALLS and text not in HARMLESS:
            found.append(text)
        if text in ("yaml.load", "yaml.load_all", "yaml.Loader"):
            found.append(text)
        if text == "torch.load" and options.get("weights_only") != "True":
            found.append(text)
        if text in ("np.load", "numpy.load", "pd.read_pickle"):
            # NumPy's default is safe; it is asked for by name, so that it stays so.
            found += [text] if options.get("allow_pickle") != "False" else []
        if options.get("shell", "False") != "False":
            found.append(f"{text}(shell)")
    return found


def test_dangers_are_seen():
    for source in (
        "eval(x)", "exec(x)", "import pickle", "from pickle import loads", "yaml.load(x)",
        "torch.load(x)", "np.load(x)", "np.load(x, allow_pickle=True)", "os.system(x)",
        "subprocess.run(x, shell=True)", "builtins.eval(x)", "importlib.import_module(x)",
    ):  # fmt: skip
        assert dangers(source), source
    for source in ("re.compile(x)", "np.load(x, allow_pickle=False)", "yaml.safe_load(x)"):
        assert not dangers(source), source


def test_no_data_becomes_code(root):
    paths = sorted((root / "workflow" / "scripts").rglob("*.py"))
    assert len(paths) > 100
    for path in paths:
        assert not dangers(path.read_text()), path


def rule_files(root):
    return [root / "Snakefile", *sorted((root / "workflow" / "rules").glob("*.smk"))]


def test_no_rule_runs_python_of_its_own(root):
    """Nothing but shell commands: `run:` and `script:` take values by pickle."""
    for path in rule_files(root):
        text = path.read_text()
        assert not re.search(r"^\s+(run|script|notebook|wrapper):", text, re.M), path
        # In shell, `exec 3>&2` runs nothing: it opens a file.
        python = text.replace("exec 3>&2;", "")
        assert not re.search(r"\b(eval|exec|pickle|os\.system|popen|subprocess)\b", python), path


def shell_commands(text: str) -> list[str]:
    """Shell commands of a rule file, each as one string."""
    blocks = re.findall(r"^    shell:\n((?:        .*\n)+)", text, re.M)
    found = ["".join(re.findall(r'^ *"(.*)"$', block, re.M)) for block in blocks]
    return found + re.findall(r'^    shell\("(.*)"\)$', text, re.M)


def test_every_argument_of_a_shell_command_is_quoted(root):
    commands = []
    for path in rule_files(root):
        text = path.read_text()
        found = shell_commands(text)
        assert len(found) == len(re.findall(r"^ *shell\b(?!\.prefix)", text, re.M)), path
        commands += found
    assert len(commands) >= 12
    numbers = {
        "threads",
        *(f"resources.{name}" for name in ("runtime", "mem_mb", "gpu", "processes")),
    }
    for command in commands:
        values = re.findall(r"{(.*?)}", command)
        assert values or command.startswith("python"), command
        for value in values:
            assert value.endswith(":q") or value in numbers, f"{{{value}}} in: {command}"


def test_wildcards_are_as_narrow_as_names(root):
    text = (root / "workflow" / "rules" / "common.smk").read_text()
    allowed = dict(re.findall(r'^    (\w+)=r?"(.*?)",$', text, re.M))
    for name in ("system", "state", "campaign", "mapping", "experiment", "replica", "member"):
        for bad in ("../x", "a/b", "/etc", "", "a b", "a;b", "$x", "a\n", ".", "..", "~"):
            assert not re.fullmatch(allowed[name], bad), (name, bad)
            assert not re.fullmatch(NAME, bad), bad


@pytest.fixture
def topology(config):
    return input_topology(load_config(config).systems["capped_alanine"])


ATTACKS = (
    "__import__('os').system('touch {0}')", "(lambda: open('{0}', 'w'))()", "exec('touch {0}')",
    "[open('{0}', 'w') for _ in 'x']", "$(touch {0})", "`touch {0}`", "; touch {0}",
    "phi.__class__", "phi; import os", "{0}", "phi\n", "phi[0]", "phi if phi else phi", "'{0}'",
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_formulas_hold_nothing_but_mathematics(tmp_path, attack):
    mark = tmp_path / "pwned"
    with pytest.raises(ValueError, match=r"\S"):
        check_formula(attack.format(mark), ["phi"])
    assert not mark.exists()


@pytest.mark.parametrize(
    "attack", [*(f'name "{a}"' for a in ATTACKS), *ATTACKS, 'name """"+{0}+""""', "re", "atom.x"]
)
def test_selections_run_nothing(tmp_path, topology, attack):
    mark = tmp_path / "pwned"
    try:
        find_atoms(topology, attack.format(mark), "here")
    except InputError as error:
        assert "here" in str(error)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("", "there is no expression"),
        ("; a = 1", "there is no expression"),
        ("fi^2", "there is no variable 'fi'"),
        ("s0^2", "there is no variable 's0'"),
        ("foo(phi)", "there is no function 'foo'"),
        ("phi = 1", "allowed only after ';'"),
        ("a; a = b; b = a", "defined by itself"),
        ("a; phi = 1", "defined already"),
        ("a; s0 = 1", "defined already"),
        ("a; 2 = 1", "there is no variable 'a'"),
        ("sin(" * 30 + "phi" + ")" * 30, "nested more than"),
        ("phi^" * 60 + "phi", "operators"),
        ("-" * 1000 + "phi", "more than 400"),
        ("a0;" + "".join(f"a{i}=a{i + 1}*a{i + 1};" for i in range(60)) + "a60=phi", "more than"),
        ("phi\x00", "is not allowed"),
        ("φ", "is not allowed"),
    ],
)
def test_formulas_that_openmm_takes_wrongly_or_for_ever(formula, message):
    with pytest.raises(ValueError, match=message):
        check_formula(formula, ["phi", "psi"])


@pytest.mark.parametrize("formula", ["phi^", "phi psi", "sin(phi", "sin(phi, psi)", "()"])
def test_formulas_that_openmm_cannot_read(formula):
    check_formula(formula, ["phi", "psi"])
    with pytest.raises(InputError, match="is not a formula"):
        check_syntax(formula, ["phi", "psi"])


@pytest.mark.parametrize(
    "formula",
    [
        "3*cos(phi)+2*sin(psi-0.5)",
        "-8*exp(-(2*sin((phi-0.3)/2))^2/2)",
        "k*(phi-a)^2; k = 5e-1; a = 1.",
        "select(step(phi), min(phi, psi), -.5)",
    ],
)
def test_good_formulas(formula):
    check_formula(formula, ["phi", "psi"])
    check_syntax(formula, ["phi", "psi"])


def test_names_that_look_like_numbers_or_differences():
    assert numbered("s1 + 2*s0 - a-b", ["s1", "s0", "a-b"]) == "s0 + 2*s1 - s2"
    check_formula("s1 + 2*s0 - a-b", ["s1", "s0", "a-b"])


@pytest.mark.parametrize("tag", force_field.CODE)
def test_code_in_a_force_field_is_refused(tmp_path, tag):
    path = tmp_path / "mine.xml"
    path.write_text(f"<ForceField><{tag}>open('pwned', 'w')</{tag}></ForceField>")
    with pytest.raises(InputError, match=f"has an element <{tag}>"):
        force_field.check([str(path)])
    path.write_text("<ForceField><AtomTypes/></ForceField>")
    force_field.check([str(path)])
    path.write_text("<ForceField>")
    with pytest.raises(InputError, match="cannot be read"):
        force_field.check([str(path)])


@pytest.mark.parametrize("name", ["{system}.pdb", "a\0.pdb", "", "a\nb", "x" * 300, "a/" * 600, 3])
def test_paths_that_are_none(config, name):
    config["systems"]["capped_alanine"]["structure"] = name
    with pytest.raises(InputError, match=r"systems\.capped_alanine\.structure: \S"):
        load_config(config)


def test_settings_from_a_pipe(tmp_path):
    """The report's settings, as long as the config, come through one."""
    path = tmp_path / "settings.json"
    job = LearningCurveJob.of(runs={}, seed=3)
    path.write_text(job.canonical())
    assert LearningCurveJob.read(str(path)) == job
    with pytest.raises(InputError, match="neither JSON text nor a file"):
        LearningCurveJob.read(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="is not JSON"):
        LearningCurveJob.read('{"a": ' + "[" * 100000)

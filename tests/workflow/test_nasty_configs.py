"""Malicious configs, given to Snakemake itself: one plain message and no job."""

import json
import shutil

import pytest
import yaml
from config_changes import put


@pytest.fixture(scope="module")
def checkout(make_checkout):
    return make_checkout()


@pytest.fixture(scope="module")
def quick(root):
    return json.loads(json.dumps(yaml.safe_load((root / "config" / "quick.yaml").read_text())))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


def renamed_system(name):
    def change(config):
        config["systems"][name] = config["systems"].pop("muller_brown")

    return change


CASES = {
    "out of results": (renamed_system("../../outside"), "'../../outside' is not a name"),
    "shell characters": (renamed_system("x; touch pwned"), "'x; touch pwned' is not a name"),
    "a folder of ours": (renamed_system("experiments"), "is a reserved name in results/"),
    "a formula with code": (
        put("campaigns", "muller_brown", "static", {
            "kind": "static", "collective_variables": ["x"], "length": "1 ns", "stride": "1 ps",
            "time_step": "0.1 ps", "friction": "1 / ps", "equilibration": "0 ps",
            "formula": "__import__('os').system('touch pwned')",
        }),
        "is not allowed in a formula",
    ),
    "alias bomb": (BOMB + "systems: *h\n", "the config holds more than"),
    "python object": (
        "seed: !!python/object/apply:os.system ['touch pwned']\n", "not valid JSON or YAML"
    ),
    "a section twice": (
        "seed: 1\nsystems:\n  a: 1\nsystems:\n  b: 1\n", "line 4: the key 'systems'"
    ),
    "expressions": ("__use_yte__: true\nseed: ?1 + 1\n", "'__use_yte__' is refused"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_message_and_nothing_started(checkout, quick, name):
    change, message = CASES[name]
    text = change
    if callable(change):
        config = json.loads(json.dumps(quick))
        change(config)
        text = yaml.safe_dump(config)
    (checkout.folder / "bad.yaml").write_text(text)
    before = {path.name for path in checkout.folder.parent.iterdir()}
    result = checkout.snakemake("--configfile", "bad.yaml", timeout=120)
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert message in output
    assert "Traceback" not in output
    assert len(output) < 5000
    assert not (checkout.folder / "results").exists()
    assert not list(checkout.folder.rglob("pwned"))
    assert {path.name for path in checkout.folder.parent.iterdir()} == before


def test_file_names_are_quoted(checkout, quick, root):
    """A structure whose name a shell, and Snakemake, could take for commands or wildcards."""
    name = "my $(touch pwned) *? ';`touch pwned`.pdb"
    shutil.copy(root / "resources" / "capped_alanine.pdb", checkout.folder / name)
    config = json.loads(json.dumps(quick))
    config["systems"]["capped_alanine"]["structure"] = name
    (checkout.folder / "odd.yaml").write_text(yaml.safe_dump(config))
    made = "results/odd/capped_alanine/prepared/system.xml"
    result = checkout.snakemake(made, "--configfile", "odd.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert (checkout.folder / made).is_file()
    assert not list(checkout.folder.rglob("pwned"))

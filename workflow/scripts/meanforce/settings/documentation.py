"""config/README.md and the JSON schema, both made from the settings themselves."""

import json
from typing import Any

from meanforce.errors import InputError
from meanforce.settings.config import Config
from meanforce.settings.examples import EXAMPLES

TOP_LEVEL = ("seed", "output", "replace")
"""Keys that are no sections."""

SECTIONS = {
    "systems": "Topology, force field and solvent. Each entry is one system.",
    "state_points": "Thermodynamic states; experiments train at some and hold out others.",
    "mappings": "By system: how atoms and their forces are mapped onto beads.",
    "collective_variables": "By system: functions of bead positions, declared by bead names.",
    "campaigns": "By system: sampling protocols, or files of runs that exist already.",
    "potentials": "Forms of the CG potential and how they are fitted.",
    "fitting": "A key of each potential: how its parameters are found.",
    "simulations": "How CG models are run.",
    "references": "By system: free energies from elsewhere that experiments are validated against.",
    "validation": "By system: free energies by which models are judged.",
    "experiments": "Each trains a potential on some data, runs it, and validates it.",
}

PARTS = {
    "BeadMoleculeSettings": "composition",
    "BeadSettings": "beads",
    "EquilibrationSettings": "equilibration",
    "LiquidMoleculeSettings": "molecules of a liquid",
    "GradientTrainingSettings": "training",
    "IterationRunSettings": "simulation of a fit",
    "DescentSettings": "descent of a fit",
    "PressureCorrectionSettings": "pressure of a fit",
    "PriorSettings": "prior",
    "ExcludedVolumeSettings": "excluded_volume",
    "GaussianSettings": "gaussians",
    "WindowRowSettings": "rows",
    "TrajectorySettings": "trajectories",
    "BiasEnergiesSettings": "bias of a trajectory",
    "ReducedUnitsSettings": "units",
    "TermsSettings": "terms",
    "CurveTermSettings": "bonds",
    "DihedralTermSettings": "dihedrals",
    "PairTermSettings": "pairs",
    "CgBiasSettings": "bias",
    "TemperatureExchangeSettings": "exchange",
    "UntilSettings": "until",
    "TargetTablesSettings": "targets of a state point",
    "NoiseAugmentationSettings": "noise",
    "MoleculeMappingSettings": "molecules",
}
"""Models that are parts of sections, and the keys that contain them."""

HEAD = """# Configuration

One YAML document describes a run; `config/config.yaml` is the default, and
`snakemake --configfile FILE` selects another one. This page is generated from the settings
(`python workflow/scripts/document_settings.py`); `workflow/schemas/config.schema.json` is the
same as a JSON schema, for editors.

- **Quantities are strings with units**: `300 K`, `2 fs`, `10 ns`, `1.2 kJ/mol`, `0.35 rad`. Any
  usual unit of the right dimension is allowed (`0.3 kcal/mol`, `60 deg`, `5 angstrom`); others are
  refused with a list.
- **Names** that you give (of systems, campaigns, experiments, …) become file names: letters,
  digits, `_` and `-`.
- An unknown key, a wrong dimension or a name that does not exist is an error before any job starts.
- Changes without meaning rerun nothing: the order of keys, comments, or `300.0 K` for `300 K`.
- The examples are parts of valid configs; [your_molecule.yaml](your_molecule.yaml) is a whole one
  with every line explained, and [your_trajectory.yaml](your_trajectory.yaml) one for runs that
  exist already.

`required` marks keys without a default.
"""


def schema() -> dict[str, Any]:
    """JSON schema of a config file."""
    return Config.model_json_schema()


def schema_text() -> str:
    """The schema as it is stored in the repository."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def readme() -> str:
    """The page that explains every key.

    Raises:
        InputError: a section or kind has no example.
    """
    whole = schema()
    definitions = whole["$defs"]
    lines = [HEAD, "## Top level\n"]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name in TOP_LEVEL:
        lines.append(_row(name, whole["properties"][name], definitions, required=False))
    for section, purpose in SECTIONS.items():
        lines += [f"\n## `{section}`\n", f"{purpose}\n"]
        for kind, model in _models(_section(section, whole), definitions):
            title = f"`kind: {kind}`" if kind else ""
            lines += _table(title, model, definitions, _example(section, kind))
    lines.append("\n## Parts of other sections\n")
    for name, key in PARTS.items():
        lines += _table(f"`{key}`", definitions[name], definitions)
    return "\n".join(lines).rstrip() + "\n"


def _example(section: str, kind: str) -> str:
    name = f"{section}.{kind}" if kind else section
    if name not in EXAMPLES:
        raise InputError(
            f"settings/examples.py: has no example of '{name}'; each section and kind needs one "
            "there, under this name"
        )
    return EXAMPLES[name]


def _section(name: str, whole: dict) -> dict:
    """Schema of a section, or of a key that every potential has."""
    sections = whole["properties"]
    return (
        sections[name] if name in sections else whole["$defs"]["SplineSettings"]["properties"][name]
    )


def _models(node: dict, definitions: dict) -> list[tuple[str, dict]]:
    """(kind, schema) of the models that a section's entries may have; kind is empty for one."""
    while "additionalProperties" in node or "patternProperties" in node:
        node = node.get("additionalProperties") or next(iter(node["patternProperties"].values()))
    if "oneOf" in node:
        kinds = node["discriminator"]["mapping"]
        return [
            (kind, definitions[reference.rsplit("/", 1)[-1]]) for kind, reference in kinds.items()
        ]
    return [("", definitions[node["$ref"].rsplit("/", 1)[-1]])]


def kinds() -> list[str]:
    """Every section and, where its entries have kinds, every kind: `systems.peptide`."""
    whole = schema()
    return [
        f"{section}.{kind}" if kind else section
        for section in SECTIONS
        for kind, _ in _models(_section(section, whole), whole["$defs"])
    ]


def _table(title: str, model: dict, definitions: dict, example: str = "") -> list[str]:
    lines = [f"### {title}\n"] if title else []
    for paragraph in model.get("description", "").split("\n\n"):
        lines.append(" ".join(paragraph.split()) + "\n")
    if example:
        lines.append(f"```yaml\n{example}```\n")
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    required = set(model.get("required", []))
    for key, node in model["properties"].items():
        lines.append(_row(key, node, definitions, key in required))
    return [*lines, ""]


def _row(key: str, node: dict, definitions: dict, required: bool) -> str:
    default = "required" if required else f"`{json.dumps(node.get('default'))}`"
    if default == "`null`":
        default = ""
    meaning = node.get("description", "")
    cells = (f"`{key}`", _type(node, definitions), default, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(node: dict, definitions: dict) -> str:
    if "x-quantity" in node:
        return node["x-quantity"]
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        return f"see `{PARTS.get(name, name)}`"
    if "oneOf" in node:
        return " or ".join(f"`kind: {kind}`" for kind in node["discriminator"]["mapping"])
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    if "anyOf" in node:
        options = [_type(o, definitions) for o in node["anyOf"] if o.get("type") != "null"]
        return " or ".join(options)
    kind = node.get("type")
    if kind == "array":
        if "prefixItems" in node:
            return "[" + ", ".join(_type(item, definitions) for item in node["prefixItems"]) + "]"
        return f"list of {_type(node['items'], definitions)}" if "items" in node else "list"
    if kind == "object":
        inner = node.get("additionalProperties") or next(
            iter(node.get("patternProperties", {"": {}}).values())
        )
        return f"name: {_type(inner, definitions)}" if isinstance(inner, dict) else "mapping"
    if kind == "string" and "pattern" in node:
        return "name"
    bounds = [
        f"{sign} {node[key]:g}"
        for key, sign in (
            ("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")
        )
        if key in node
    ]  # fmt: skip
    return " ".join([kind or "any", *bounds])

"""Fingerprint of the code behind a stage: its script and the project modules it imports.

It ignores comments, formatting, docstrings and help texts, so that only changes that can change a
result make a stage run again.
"""

import ast
import functools
import hashlib
from pathlib import Path

import grimp

PACKAGE = "meanforce"
HELP_KEYWORDS = {"Field": "description", "add_argument": "help", "ArgumentParser": "description"}
"""Calls whose named argument is text for people."""


@functools.cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, cache_dir=None)


def modules_of(script: Path) -> list[str]:
    """Project modules that a script imports, directly or not, sorted."""
    graph = _graph()
    direct = set()
    for node in ast.walk(ast.parse(script.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            # What is imported may be a module of a package, or a name in a module.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        direct |= {name for name in names if name in graph.modules}
    return sorted(direct | {up for name in direct for up in graph.find_upstream_modules(name)})


@functools.cache  # called once per job
def fingerprint(script: Path) -> str:
    """Short hash of a script and all project modules that it imports."""
    digest = hashlib.sha256()
    root = script.parent
    for path in (script, *(_path(root, module) for module in modules_of(script))):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(normalised(path.read_text()).encode())
    return digest.hexdigest()[:16]


@functools.cache  # stages share most modules
def normalised(source: str) -> str:
    """Source as a syntax tree without docstrings and help texts."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            # A string on its own documents what stands before it, too.
            node.body = [item for item in node.body if not _is_text(item)]
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            text = HELP_KEYWORDS.get(name)
            node.keywords = [item for item in node.keywords if item.arg != text]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _path(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

"""Packages of the wheel: the library, and the programs beside it as `meanforce_programs`.

The workflow does not need this: it runs from a checkout, without installation. All else is in
pyproject.toml, which can list found packages or named ones, but not both.
"""

from setuptools import find_packages, setup

SCRIPTS = "workflow/scripts"

setup(
    packages=[*find_packages(SCRIPTS), "meanforce_programs"],
    package_dir={"": SCRIPTS, "meanforce_programs": SCRIPTS},
    package_data={"meanforce.planning": ["*.j2"]},
)

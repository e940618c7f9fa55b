"""Names of force fields in other programs, and the files of OpenMM that are suggested for them."""

import pytest

from meanforce.errors import InputError
from meanforce.systems import force_field

NAMES = {
    "amber14sb.xml": "amber14-all.xml",
    "ff14SB.xml": "amber14-all.xml",
    "ff19sb": "amber19-all.xml",
    "amber99sb-ildn.ff": "amber99sbildn.xml",
    "amber99sbildm.xml": "amber99sbildn.xml",
    "charmm36m.xml": "charmm36.xml",
    "charmm36-jul2022.ff": "charmm36.xml",
    "leaprc.protein.ff14SB": "amber14-all.xml",
    "implicit/gbn3.xml": "implicit/gbn.xml",
    "amber14/tip3.xml": "amber14/tip3p.xml",
    "gbsa_obc.xml": "implicit/obc2.xml",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_the_family_is_suggested(name):
    assert NAMES[name] in force_field.nearest(name, force_field.shipped())
    with pytest.raises(InputError, match=f"there is no file '{name}'.*; nearest: .*{NAMES[name]}"):
        force_field.check([name])


def test_every_suggested_file_exists():
    files = {file for _, files in force_field.FAMILIES for file in files}
    assert files <= set(force_field.shipped())

"""Reading of config files: each mistake in one sentence, with file and line."""

import pytest

from meanforce.errors import InputError
from meanforce.settings.yaml_file import read_config_file

MISTAKES = {
    "tab": ("systems:\n\tfoo: 1\n", "line 2: a tab stands where YAML allows only spaces"),
    "brace": ("systems:\n  foo: {kind: peptide\n", "line 3: expected ',' or '}'"),
    "section twice": ("systems:\n  a: 1\nseed: 1\nsystems:\n  b: 1\n",
                      "line 4: the key 'systems' stands here and in line 1"),
    "twice in a row": ("seed: {a: 1, a: 2}\n", "line 1: the key 'a' stands here and in line 1"),
    "nested": ("a:\n- b: 1\n  b: 2\n", "line 3: the key 'b' stands here and in line 2"),
    "list as key": ("? [1, 2]\n: 3\n", "line 1: found unhashable key"),
    "two documents": ("a: 1\n---\nb: 1\n", "line 2: but found another document"),
    "object": ("a: !!python/name:os.system\n", "line 1: could not determine a constructor"),
    "empty": ("", "needs sections"),
    "a list": ("- a\n", "needs sections"),
    "control character": ("a: \x01\n", "special characters are not allowed"),
    "alias": ("a: *b\n", "line 1: found undefined alias"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_with_its_place(name, tmp_path):
    text, message = MISTAKES[name]
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        read_config_file(path)
    assert str(raised.value).startswith(f"{path}")
    assert message in str(raised.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: the config cannot be read: No such file"):
        read_config_file(tmp_path / "none.yaml")


def test_bytes_are_one_sentence(tmp_path):
    (tmp_path / "b.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_config_file(tmp_path / "b.yaml")


def test_anchors_merges_and_equal_keys_of_different_sections_are_read(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("base: &b {x: 1, y: 2}\na:\n  <<: *b\n  x: 3\nb:\n  x: 4\n")
    assert read_config_file(path)["a"] == {"x": 3, "y": 2}

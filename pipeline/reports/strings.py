"""The words of the reports, one YAML file a language."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import SettingsError

TEMPLATES = Path(__file__).resolve().parent / "templates"


class Strings:
    """Looks up a text by its dotted key and fills in its names; an unknown key is an error."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self._tree = tree

    def __call__(self, key: str, /, **values: object) -> str:
        text = self.find(key)
        if text is None:
            raise KeyError(f"no text {key!r} in the strings of the reports")
        return text.format_map(values) if values else text

    def find(self, key: str) -> str | None:
        """The text at ``key`` as it stands, or ``None``."""
        node: Any = self._tree
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                return None
            node = node[part]
        return str(node) if not isinstance(node, dict) else None

    def name_of(self, group: str, code: str) -> str:
        """The name of a code from an open list; an unknown one is spelled out."""
        return self.find(f"{group}.{code}") or code.replace("_", " ").capitalize()

    def keys(self, group: str) -> list[str]:
        """The keys under ``group``, in order."""
        return [key for key, node in self._tree[group].items() if isinstance(node, dict)]


@cache
def load_strings(language: str) -> Strings:
    """The texts in ``language``.

    Raises:
        SettingsError: there is no such language; names those that there are.
    """
    path = TEMPLATES / f"strings.{language}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.name.split(".")[1] for each in TEMPLATES.glob("strings.*.yaml")))
        raise SettingsError(f"setting output.language: there are no texts in {language!r}; known: {known}")
    tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Strings(tree)

"""A language that nobody speaks, to see whether everything is said in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from pipeline import language_files, texts
from pipeline.settings import CONFIG_DIR

NOWHERE = "xx"
OPEN, CLOSE = "⟦", "⟧"


def wrapped(node: Any) -> Any:
    """Every text of a tree in brackets."""
    if isinstance(node, Mapping):
        return {key: wrapped(each) for key, each in node.items()}
    return [wrapped(each) for each in node] if isinstance(node, list) else f"{OPEN}{node}{CLOSE}"


@cache
def english() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load((CONFIG_DIR / "texts.en.yaml").read_text(encoding="utf-8"))
    return tree


def nowhere() -> dict[str, Any]:
    """The texts of the language: those of English in brackets, with a decimal comma."""
    locale = {**english()["locale"], "decimal": ",", "thousands": "."}
    return {**wrapped(english()), "locale": locale}


@contextmanager
def spoken(folder: Path, tree: Mapping[str, Any], language: str = NOWHERE) -> Iterator[None]:
    """The language files of the product, and one more for the texts, in ``folder``."""
    for path in CONFIG_DIR.glob("*.*.yaml"):
        (folder / path.name).symlink_to(path)
    content = yaml.safe_dump(dict(tree), allow_unicode=True, sort_keys=False)
    (folder / f"texts.{language}.yaml").write_text(content, encoding="utf-8")
    for cached in (texts.load_texts, texts._read):
        cached.cache_clear()
    with patch.object(language_files, "CONFIG_DIR", folder):
        yield
    for cached in (texts.load_texts, texts._read):
        cached.cache_clear()

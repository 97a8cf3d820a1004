"""Files of ``configs/`` that exist once a language: ``<name>.<language>.yaml``."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.errors import SettingsError
from pipeline.settings import CONFIG_DIR

Content = TypeVar("Content", bound=BaseModel)


def read_language_file(name: str, language: str, content: type[Content]) -> Content | None:
    """The file ``name`` of a language; ``None`` where the language has none.

    Raises:
        SettingsError: the file is there but is not what it should be; names the first key that is wrong.
    """
    path = _path(name, language)
    if not path.exists():
        return None
    try:
        tree: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return content.model_validate(tree)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path.name}: is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{path.name}: {where}: {first['msg']}") from error


def has_rules(language: str) -> bool:
    """Whether words of a language can be judged: somebody wrote down what they mean."""
    return _path("language", language).exists()


def _path(name: str, language: str) -> Path:
    return CONFIG_DIR / f"{name}.{language}.yaml"


def languages_of(name: str) -> list[str]:
    """The languages that have a file ``name``."""
    return sorted(path.name.split(".")[1] for path in CONFIG_DIR.glob(f"{name}.*.yaml"))

"""The errors a stage may raise; a message says what was given, what was expected and what to do."""


class CallError(Exception):
    """Root of every error that the product raises on purpose."""


class InputRejected(CallError, ValueError):
    """The recording or its metadata cannot be analyzed; trying again will not help."""


class Forgotten(InputRejected):
    """The recording was forgotten, on request or by age, or its agent was; it is not analyzed again."""


class StageFailed(CallError, RuntimeError):
    """A stage failed on an input that looked sound; trying again may help."""


class ModelUnavailable(CallError, RuntimeError):
    """Weights are missing or are not the bytes they should be; no call can be analyzed."""


class StoreUnavailable(CallError, RuntimeError):
    """The store that outlives a batch cannot be read or written; calls can be analyzed without it."""


class SettingsError(CallError, ValueError):
    """A setting is unknown or out of range."""


def how_to_get(extra: str) -> str:
    """What brings an optional part of callcoach to this machine; it is in no package index."""
    return f"""make install, or pip install ".[{extra}]", in callcoach's folder"""

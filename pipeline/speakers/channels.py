"""Speakers of a recording by its channels, and which channel is the agent."""

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.records import Metadata, QualityWarning, Recording, Role, Separation
from pipeline.settings import SpeakersSettings
from pipeline.texts import Text
from pipeline.weights import DIARIZATION_ADVICE

GIVEN_CONFIDENCE = 1.0
METADATA_CONFIDENCE = 0.95
DEFAULT_CONFIDENCE = 0.8


@dataclass(frozen=True, slots=True)
class Speakers:
    """The channel of each role, in a fixed order, and how that is known."""

    channel_of: dict[Role, int]
    separation: Separation
    warnings: tuple[QualityWarning, ...]


def speakers_by_channel(
    recording: Recording,
    metadata: Metadata,
    agent_channel: int | None,
    warning_codes: Collection[str],
    settings: SpeakersSettings,
) -> Speakers:
    """Give channels to roles: what the user says wins over metadata, metadata over the setting.

    What was said of this one recording (``metadata.correction``) wins over what is said of a whole batch.

    Args:
        agent_channel: 0 or 1 from the user, if given.
        warning_codes: what probing found; two channels that are one (``dual_mono``) are one.
    """
    if recording.channels == 1 or "dual_mono" in warning_codes:
        return _one_channel(settings)
    if metadata.correction is not None and metadata.correction.agent_channel is not None:
        agent_channel = metadata.correction.agent_channel
    if agent_channel is not None:
        return _two_channels(agent_channel, "channel_map", GIVEN_CONFIDENCE)
    if metadata.agent_channel is not None:
        return _two_channels(metadata.agent_channel, "metadata", METADATA_CONFIDENCE)
    return _two_channels(settings.agent_channel, "channel_map", DEFAULT_CONFIDENCE)


def _two_channels(agent: int, method: str, confidence: float) -> Speakers:
    separation = Separation(
        method="channels",
        role_method="metadata" if method == "metadata" else "channel_map",
        role_confidence=confidence,
        agent_label=f"channel_{agent}",
    )
    return Speakers({"agent": agent, "customer": 1 - agent}, separation, ())


def _one_channel(settings: SpeakersSettings) -> Speakers:
    """One speaker for all that is said, as long as nothing tells the voices apart."""
    message = Text("quality.one_channel_advice", command=DIARIZATION_ADVICE)
    if settings.diarization == "off":
        message = Text("quality.one_channel")
    warning = QualityWarning(code="one_channel", message=message)
    separation = Separation(method="single", role_method="unknown", role_confidence=0.0, agent_label=None)
    return Speakers({"speaker_1": 0}, separation, (warning,))

"""A call of which only the transcript is known: what was said is judged, and nothing that needs sound."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.call import DETECT_LANGUAGE
from pipeline.clock import StageClock
from pipeline.conclusion import Measured, conclude
from pipeline.document import measures_by_role
from pipeline.guidance.language import load_language
from pipeline.guidance.scene import NO_SOUND
from pipeline.language_files import languages_of
from pipeline.phrases import load_phrases, normal_words
from pipeline.quality import language_warnings
from pipeline.records import (
    UNDETERMINED,
    Analysis,
    CallFacts,
    CallMeasures,
    Line,
    Metadata,
    QualityWarning,
    Role,
    Script,
    Separation,
    Turn,
)
from pipeline.script import read_script
from pipeline.settings import Settings
from pipeline.speakers.channels import METADATA_CONFIDENCE
from pipeline.speakers.renaming import renamed
from pipeline.speakers.roles import NUMBERED, name_speakers
from pipeline.texts import Text
from pipeline.transcription.languages import CallLanguage

NEEDS_SOUND = (
    *("agent", "customer", "speech_s", "overlap_s", "overlap_share", "silence_s", "silence_share"),
    *("gaps", "holds", "look_ups", "talk_ratio_agent", "listening"),
)
"""What a call's measures lack without its sound."""
TRANSCRIPT_ONLY = Text("quality.transcript_only")
COUNTED_NAME = re.compile(r"[\s_#-]*\d+$")


def load_script(
    path: Path, metadata: Metadata, settings: Settings, *, source: str | None = None
) -> tuple[Script, str]:
    """The transcript at ``path`` and its language: an undetermined one where nobody states it and the words
    are of no language that the guidance has rules for.

    Raises:
        InputRejected: it cannot be read, or is not as it should be.
    """
    chosen = metadata.language or settings.recognizer.language
    if chosen != DETECT_LANGUAGE:
        language = chosen.split("-")[0].lower()
        return read_script(path, settings, load_phrases(language), source=source), language
    script = read_script(path, settings, load_phrases(UNDETERMINED), source=source)
    language = _language_of(script, settings)
    if language != UNDETERMINED:
        script = read_script(path, settings, load_phrases(language), source=source)
    return script, language


def _language_of(script: Script, settings: Settings) -> str:
    """The language most of whose function words a text has, of those that have rules.

    Function words make about half of a text of their language and hardly any of one in another.
    """
    said = [word for line in script.lines for word in normal_words(" ".join(one.word for one in line.words))]
    share_of: dict[str, float] = {}
    for name in languages_of("language"):
        known = load_language(name)
        if known is not None and said:
            share_of[name] = sum(word in known.function_words for word in said) / len(said)
    best = max(share_of, key=lambda name: share_of[name], default=UNDETERMINED)
    return best if share_of.get(best, 0.0) >= settings.recognizer.language_text_share else UNDETERMINED


def analyze_transcript(
    script: Script, language: str, metadata: Metadata, settings: Settings, *, earlier: Sequence[str] = ()
) -> Analysis:
    """Everything that words alone tell of a call.

    Args:
        earlier: ids of the checks that the agent's last coaching was about.
    """
    clock = StageClock()
    with clock.stage("turns"):
        parties, warnings = _parties(script)
        warnings += language_warnings(CallLanguage.of_text(language), settings.recognizer)
        turns = _turns(script.lines, parties)
        separation, names = _roles(parties, turns, language, metadata, settings)
        turns = renamed(turns, names)
    measured = Measured(
        facts=_facts(script, metadata, language),
        separation=separation,
        turns=turns,
        speech=(),
        measures=measures_by_role({}, _no_measures(script)),
        events=(),
        cut_offs=(),
        warnings=warnings,
        models=(),
    )
    return conclude(measured, metadata, settings, clock, recording=None, earlier=earlier)


def _parties(script: Script) -> tuple[dict[str, Role], tuple[QualityWarning, ...]]:
    """The two names that say most, in the order in which they first speak; others are left out."""
    said = Counter[str]()
    for line in script.lines:
        said[line.speaker] += len(line.words)
    most = {name for name, _ in said.most_common(len(NUMBERED))}
    in_order = [name for name in dict.fromkeys(line.speaker for line in script.lines) if name in most]
    further = sum(count for name, count in said.items() if name not in most)
    warnings = [QualityWarning(code="no_sound", message=TRANSCRIPT_ONLY)]
    if further:
        message = Text("quality.more_names", names=len(said), count=further)
        warnings.append(QualityWarning(code="more_than_two_voices", message=message))
    return dict(zip(in_order, NUMBERED, strict=False)), tuple(warnings)


def _turns(lines: Sequence[Line], parties: Mapping[str, Role]) -> tuple[Turn, ...]:
    kept = [line for line in lines if line.speaker in parties and line.words]
    return tuple(
        Turn(
            turn=number,
            speaker=parties[line.speaker],
            start_s=line.start_s,
            end_s=line.end_s,
            text=" ".join(word.word for word in line.words),
            words=line.words,
            backchannel=line.backchannel,
        )
        for number, line in enumerate(kept)
    )


def _roles(
    parties: Mapping[str, Role],
    turns: Sequence[Turn],
    language: str,
    metadata: Metadata,
    settings: Settings,
) -> tuple[Separation, dict[Role, Role]]:
    """Roles by what a user has corrected, else by the speakers' names, else by what they say."""
    unknown = Separation(method="single", role_method="unknown", role_confidence=0.0, agent_label=None)
    named = {} if metadata.correction else _by_name(parties, metadata, settings)
    if not named:
        return name_speakers(unknown, turns, language, metadata.correction, settings.speakers)
    agent = next((label for label, role in named.items() if role == "agent"), None)
    separation = Separation(
        method="single",
        role_method="metadata",
        role_confidence=METADATA_CONFIDENCE,
        agent_label=agent or NUMBERED[1 - NUMBERED.index(next(iter(named)))],
    )
    return separation, named


def _by_name(parties: Mapping[str, Role], metadata: Metadata, settings: Settings) -> dict[Role, Role]:
    """Roles that the names of speakers tell; of two speakers, one that is known tells the other.

    Nothing where both names are of one role.
    """
    known: dict[str, Role] = {}
    known |= dict.fromkeys(settings.speakers.names_of_customer, "customer")
    known |= dict.fromkeys(settings.speakers.names_of_agent, "agent")
    if metadata.customer_id:
        known[metadata.customer_id.casefold()] = "customer"
    if metadata.agent_id:
        known[metadata.agent_id.casefold()] = "agent"
    found: dict[Role, Role] = {}
    for name, label in parties.items():
        plain = name.casefold()
        role = known.get(plain) or known.get(COUNTED_NAME.sub("", plain))
        if role is not None:
            found[label] = role
    if len(parties) == 2 and len(found) == 1:
        ((label, role),) = found.items()
        found[NUMBERED[1 - NUMBERED.index(label)]] = "customer" if role == "agent" else "agent"
    return found if len(set(found.values())) == len(found) else {}


def _facts(script: Script, metadata: Metadata, language: str) -> CallFacts:
    return CallFacts(
        call_id=metadata.call_id,
        source=script.source,
        sha256=script.sha256,
        agent_id=metadata.agent_id,
        customer_id=metadata.customer_id,
        queue=metadata.queue,
        started_at=metadata.started_at,
        duration_s=script.duration_s,
        sample_rate_hz=0,
        channels=0,
        codec=script.format,
        language=language,
    )


def _no_measures(script: Script) -> CallMeasures:
    return CallMeasures(
        duration_s=script.duration_s,
        speech_s=None,
        overlap_s=None,
        overlap_share=None,
        silence_s=None,
        silence_share=None,
        gaps=(),
        holds=(),
        talk_ratio_agent=None,
        not_scored=dict.fromkeys(NEEDS_SOUND, NO_SOUND),
    )

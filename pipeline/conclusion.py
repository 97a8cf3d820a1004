"""From a measured call to its analysis: secrets are taken out, acts found, the call is judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from pipeline.clock import StageClock
from pipeline.guidance.acts import find_acts
from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import Heard, judge
from pipeline.guidance.second_opinion import Opinions, second_opinions
from pipeline.guidance.speech_acts import speech_acts_sha256
from pipeline.guidance.version import guidance_sha256
from pipeline.models import ResolvedModel
from pipeline.quality import unredacted
from pipeline.records import (
    Analysis,
    CallFacts,
    CutOff,
    Event,
    Measures,
    Metadata,
    ModelUsed,
    Provenance,
    Quality,
    QualityWarning,
    Recording,
    Segment,
    Separation,
    Speech,
    Transcript,
    Turn,
)
from pipeline.redaction.apply import redact_quotes, redact_turns, redactions
from pipeline.redaction.secrets import find_secrets
from pipeline.reports.write import keep_original
from pipeline.settings import Settings
from pipeline.speakers.roles import DOUBTS, role_warnings
from pipeline.texts import load_texts
from pipeline.wording import worded


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A call with all that was measured of it; its words are still as they were said."""

    facts: CallFacts
    separation: Separation
    turns: tuple[Turn, ...]
    speech: tuple[Segment, ...]
    measures: Measures
    events: tuple[Event, ...]
    cut_offs: tuple[CutOff, ...]
    warnings: tuple[QualityWarning, ...]
    models: tuple[ModelUsed, ...]


def conclude(
    measured: Measured,
    metadata: Metadata,
    settings: Settings,
    clock: StageClock,
    *,
    recording: Recording | None,
    earlier: Sequence[str],
) -> Analysis:
    """The analysis of a measured call.

    Args:
        recording: its sound; ``None`` for a transcript alone.
        earlier: ids of the checks that the agent's last coaching was about.
    """
    facts, said = measured.facts, measured.turns
    with clock.stage("redaction"):  # after measuring: what is silenced is no silence
        secrets = find_secrets(said, facts.spoken_languages, settings.redaction)
        turns = redact_turns(said, secrets)
        events, cut_offs, measures = redact_quotes(
            (measured.events, measured.cut_offs, measured.measures), said, secrets
        )
        original = keep_original(facts.call_id, recording, said, settings)

    with clock.stage("guidance"):
        found = find_acts(turns, facts.judged_language, settings)
        doubts = role_warnings(
            facts, measured.separation, turns, measures, metadata.correction, settings.speakers
        )
        separation = replace(measured.separation, doubted=any(each.code in DOUBTS for each in doubts))
        heard = Heard(
            facts=facts,
            separation=separation,
            turns=turns,
            events=events,
            measures=measures,
            acts=found.acts,
        )
        guidance = load_guidance()
    opinions = Opinions()
    if settings.judge.url is not None:
        with clock.stage("judge"):
            opinions = second_opinions(turns, facts.judged_language, guidance, settings)
    with clock.stage("guidance"):
        judgment = judge(heard, settings, guidance=guidance, earlier=earlier, opinions=opinions.of)

    warnings = (
        *measured.warnings,
        *doubts,
        *opinions.warnings,
        *unredacted(facts, settings.redaction),
    )
    analysis = Analysis(
        call=facts,
        separation=separation,
        quality=Quality(warnings=warnings),
        transcript=Transcript(turns=turns),
        speech=Speech(segments=measured.speech),
        measures=measures,
        interruptions=events,
        acts=found.acts,
        **judgment.parts(),
        redactions=redactions(secrets, said, settings.redaction.margin_s, facts.duration_s),
        cut_offs=cut_offs,
        thresholds=settings.thresholds(),
        provenance=Provenance(
            product_version=version("callcoach"),
            config_sha256=settings.sha256(),
            models=(*measured.models, *((model_used(found.model),) if found.model else ())),
            stage_seconds=clock.seconds,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            guidance_version=guidance.version,
            guidance_sha256=guidance_sha256(facts.language),
            speech_acts_sha256=speech_acts_sha256(facts.language),
            original_dir=None if original is None else str(original.parent.resolve()),
        ),
    )
    return worded(analysis, load_texts(settings.output.language))


def model_used(model: ResolvedModel) -> ModelUsed:
    return ModelUsed(role=model.role, name=model.name, sha256=model.sha256, source=model.source)

"""Stored analyses judged anew: by other guidance or thresholds, or with agent and customer exchanged.

Nothing is decoded or recognized. What was measured stays as it is, with the thresholds that it was measured
by.
"""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from pipeline.audio.line import TELEPHONE_RATE_HZ, codec_family
from pipeline.correction import keep
from pipeline.errors import InputRejected, StoreUnavailable
from pipeline.files import Modes
from pipeline.guidance.acts import find_acts
from pipeline.guidance.config import load_guidance
from pipeline.guidance.judge import Heard, judge
from pipeline.guidance.speech_acts import speech_acts_sha256
from pipeline.guidance.version import guidance_sha256
from pipeline.planning import started_utc
from pipeline.records import Analysis, Baseline, ModelUsed, Quality, QualityWarning, Rescored
from pipeline.reports.write import read_call, rerender
from pipeline.settings import Settings, acts_on_sound
from pipeline.speakers.exchange import confirm_roles, exchange_roles
from pipeline.texts import Text, load_texts
from pipeline.weights import SENTENCE_EMBEDDING
from pipeline.wording import unworded, worded

COACHING_UNKNOWN = "earlier_coaching_unknown"


def rescore(
    analysis: Analysis,
    settings: Settings,
    *,
    swap_roles: bool = False,
    baseline: Baseline | None = None,
    earlier: Sequence[str] = (),
) -> Analysis:
    """The analysis, judged by these settings and the guidance of this version.

    Args:
        swap_roles: exchange agent and customer everywhere, as a user says.
        baseline: what is usual for the agent, from earlier calls; only looked at when roles are exchanged.
        earlier: ids of the checks that the agent's last coaching was about.

    Raises:
        InputRejected: roles are to be exchanged of a call whose roles are not known.
    """
    used = as_measured(analysis, settings)
    analysis = unworded(analysis)
    if swap_roles:
        analysis = exchange_roles(analysis, used, baseline)
    if swap_roles or _acts_may_differ(analysis, used):
        analysis = _with_acts(analysis, used)
    heard = Heard(
        facts=analysis.call,
        separation=analysis.separation,
        turns=analysis.transcript.turns,
        events=analysis.interruptions,
        measures=analysis.measures,
        acts=analysis.acts,
    )
    opinions = {each.id: each.second_opinion for each in analysis.guidance if each.second_opinion}
    if swap_roles:
        opinions = {}  # they were of the other's words
    judgment = judge(heard, used, earlier=earlier, opinions=opinions)
    provenance = dataclasses.replace(
        analysis.provenance,
        speech_acts_sha256=speech_acts_sha256(analysis.call.language),
        guidance_version=load_guidance().version,
        guidance_sha256=guidance_sha256(analysis.call.language),
        rescored=Rescored(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            product_version=version("callcoach"),
            config_sha256=settings.sha256(),
        ),
    )
    judged = dataclasses.replace(
        analysis,
        **judgment.parts(),
        thresholds=used.thresholds(),
        provenance=provenance,
    )
    return worded(judged, load_texts(settings.output.language))


def _acts_may_differ(analysis: Analysis, settings: Settings) -> bool:
    """Whether speech acts were recognized by other files or settings."""
    before = {each.key: each.value for each in analysis.thresholds if each.key.startswith("acts.")}
    now = {key: value for key, value, *_ in settings.describe() if key.startswith("acts.")}
    return before != now or analysis.provenance.speech_acts_sha256 != speech_acts_sha256(
        analysis.call.language
    )


def _with_acts(analysis: Analysis, settings: Settings) -> Analysis:
    """The analysis with its speech acts recognized again, and what is said of how."""
    found = find_acts(analysis.transcript.turns, analysis.call.judged_language, settings)
    models = [each for each in analysis.provenance.models if each.role != SENTENCE_EMBEDDING]
    if (model := found.model) is not None:
        models.append(ModelUsed(role=model.role, name=model.name, sha256=model.sha256, source=model.source))
    return dataclasses.replace(
        analysis,
        acts=found.acts,
        provenance=dataclasses.replace(analysis.provenance, models=tuple(models)),
    )


def as_measured(analysis: Analysis, settings: Settings) -> Settings:
    """``settings``, but for those that the call was measured by, which are as they were then."""
    content = settings.model_dump()
    for threshold in analysis.thresholds:
        section, _, name = threshold.key.partition(".")
        if acts_on_sound(threshold.key) and name in content.get(section, {}):
            content[section][name] = threshold.value
    try:
        return Settings(**content)
    except ValidationError as error:
        raise InputRejected(
            f"{analysis.call.call_id}: was measured by settings that this version refuses; "
            "analyze the call again"
        ) from error


def needs_sound(analysis: Analysis, settings: Settings) -> list[str]:
    """Settings that differ from those that the call was measured by: only analyzing it again applies them."""
    used = {key: value for key, value, *_ in as_measured(analysis, settings).describe()}
    return [key for key, value, *_ in settings.describe() if used[key] != value]


def what_changed(before: Analysis, after: Analysis) -> str:
    """A line on a call before and after its roles were exchanged: who the agent is, score, broken rules."""

    def facts(analysis: Analysis) -> tuple[str, str, int]:
        score = analysis.scores.overall
        violated = sum(finding.verdict == "violated" for finding in analysis.guidance)
        label = (analysis.separation.agent_label or "nobody").replace("_", " ")
        return label, "none" if score is None else f"{score:.0f}", violated

    (was, old_score, old_violated), (now, new_score, new_violated) = facts(before), facts(after)
    return (
        f"{after.call.call_id}: {now} is the agent now, {was} was; score {new_score}, was {old_score}; "
        f"{new_violated} violated, were {old_violated}"
    )


def rescore_call(
    folder: Path, settings: Settings, *, swap_roles: bool = False, keep_roles: bool = False
) -> Analysis:
    """Judge the call in ``folder`` anew and write all its files again.

    Exchanged or confirmed roles are kept beside the analysis, for when the recording is analyzed again, and
    exchanged ones in the agent's baseline.

    Raises:
        InputRejected: there is no analysis or this version cannot read it; its roles are not known.
        StoreUnavailable: the customer's voice would stay in the agent's baseline.
    """
    before = read_call(folder)
    if before.removed.transcript_at is not None:
        if swap_roles or keep_roles:
            raise InputRejected(f"{folder}: its words were removed by age; its roles stay")
        rerender(folder, settings)  # its verdicts stay as they are
        return before
    before = confirm_roles(before) if keep_roles else before
    after = _exchanged(before, settings) if swap_roles else _judged_again(before, settings)
    if swap_roles or keep_roles:
        keep(after, folder, Modes.of(settings.output))
    rerender(folder, settings, after)
    return after


def _judged_again(analysis: Analysis, settings: Settings) -> Analysis:
    """The analysis judged anew, not coached on the same as the agent's last call if there is better to say.

    What the store has of the call follows. A store that does not answer costs this and leaves a warning.
    """
    call, warnings = analysis.call, analysis.quality.warnings
    known = tuple(each for each in warnings if each.code != COACHING_UNKNOWN)
    analysis = dataclasses.replace(analysis, quality=Quality(warnings=known))
    if call.agent_id is None:
        return rescore(analysis, settings)
    from pipeline.store.baselines import last_coached, record_again
    from pipeline.store.database import open_store

    try:
        with open_store(settings.store).session() as session:
            earlier = last_coached(session, call.agent_id, started_utc(call.started_at), call.call_id)
            after = rescore(analysis, settings, earlier=earlier)
            record_again(session, after)
    except StoreUnavailable as failure:
        warning = QualityWarning(
            code=COACHING_UNKNOWN,
            message=Text("quality.earlier_coaching_unknown", error=str(failure)),
        )
        quality = Quality(warnings=(*known, warning))
        return rescore(dataclasses.replace(analysis, quality=quality), settings)
    return after


def _exchanged(analysis: Analysis, settings: Settings) -> Analysis:
    """The analysis with roles exchanged; the store then has the right voice of this call, or none."""
    call = analysis.call
    if call.agent_id is None or analysis.separation.method != "channels":
        return rescore(analysis, settings, swap_roles=True)
    from pipeline.store.baselines import baseline_for, figures_of, forget_call, last_coached, record_call
    from pipeline.store.database import open_store

    line, started = _line_type(analysis), started_utc(call.started_at)
    used = as_measured(analysis, settings)
    with open_store(settings.store).session() as session:
        if line is None:
            forget_call(session, call.sha256)
            return rescore(analysis, settings, swap_roles=True)
        usual = baseline_for(
            session, call.agent_id, line, started, used.pitch.tracker, call.call_id, used.baseline
        )
        earlier = last_coached(session, call.agent_id, started, call.call_id)
        after = rescore(analysis, settings, swap_roles=True, baseline=usual, earlier=earlier)
        row = figures_of(after, line, started, used.pitch.tracker, recorded_at=datetime.now(UTC))
        if row is not None:
            record_call(session, row)
    return after


def _line_type(analysis: Analysis) -> str | None:
    """The line type of both channels where the file's rate alone tells it; ``None`` where sound is needed."""
    if analysis.call.sample_rate_hz > TELEPHONE_RATE_HZ:
        return None
    return f"narrowband/{codec_family(analysis.call.codec)}"

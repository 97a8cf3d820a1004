"""Small, valid analyses built from hand-written mini-dialogues."""

import dataclasses
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import timeline
from pipeline.phrases import load_phrases
from pipeline.records import (
    Analysis,
    Baseline,
    CallFacts,
    CallMeasures,
    Coaching,
    CoachingPoint,
    Effort,
    EffortSignal,
    Event,
    EventKind,
    Evidence,
    Finding,
    Gap,
    Headline,
    HeadlineEvidence,
    Hold,
    LdalScores,
    Measures,
    ModelUsed,
    PitchWindow,
    Promise,
    Provenance,
    Quality,
    QualityWarning,
    RateWindow,
    Recording,
    Redaction,
    Role,
    Scores,
    Segment,
    Separation,
    SpeakerMeasures,
    Speech,
    Tension,
    TensionPoint,
    TensionSpan,
    Transcript,
    Turn,
    Word,
)
from pipeline.settings import Settings, load_settings
from pipeline.texts import load_texts
from pipeline.turns.floor import Floor
from pipeline.turns.listening import measure_listening

Line = tuple[Role, float, float, str] | tuple[Role, float, float, str, bool]
"""speaker, start_s, end_s, text, and whether it is a backchannel."""

LATE_BILL: tuple[Line, ...] = (
    ("agent", 0.5, 4.1, "Thank you for calling Lakeside Energy, my name is Robin, how can I help you today?"),
    ("customer", 4.6, 11.2, "Yes, hi, I am calling about my bill, it is twice what it was last month and"),
    ("agent", 7.9, 8.3, "mm-hm", True),
    ("agent", 10.5, 13.9, "Can I take your account number first, please?"),
    ("customer", 14.2, 20.8, "This is the third time I call about this, I already gave my number twice."),
    ("agent", 21.4, 27.9, "I am sorry that you had to call three times, let me look at the bill right now."),
    ("customer", 28.3, 29.1, "Okay."),
    ("agent", 41.0, 48.2, "So the meter was read on the third, and the amount was estimated, is that right?"),
    ("customer", 48.6, 52.0, "Right, and the estimate is far too high."),
    ("agent", 52.5, 60.3, "I will correct it today and send you the new bill by Friday at noon."),
    ("customer", 60.9, 63.5, "Great, thank you so much."),
)


def baseline(**changes: Any) -> Baseline:
    """What is usual for robin.k on a narrowband line after six calls."""
    figures: dict[str, Any] = {
        "agent_id": "robin.k",
        "line_type": "narrowband/lossless",
        "kind": "firm",
        "calls": 6,
        "voiced_s": 600.0,
        "f0_median_hz": 180.0,
        "f0_range_st": 5.0,
        "loudness_median_db": -20.0,
        "articulation_rate_sps": 4.5,
        "speech_rate_wpm": 160.0,
        "as_of": None,
    }
    return Baseline(**figures | changes)


@cache
def settings(*assignments: str) -> Settings:
    return load_settings(assignments=assignments)


def in_english(text: str) -> str:
    """A text as an English report says it."""
    return load_texts("en").said(text)


def turn(index: int, line: Line) -> Turn:
    """A turn whose words share its time evenly."""
    speaker, start_s, end_s, text = line[:4]
    tokens = text.split()
    step_s = (end_s - start_s) / max(len(tokens), 1)
    words = tuple(
        Word(
            word=token,
            start_s=round(start_s + n * step_s, 3),
            end_s=round(start_s + (n + 1) * step_s, 3),
            probability=0.9,
        )
        for n, token in enumerate(tokens)
    )
    return Turn(
        turn=index,
        speaker=speaker,
        start_s=start_s,
        end_s=end_s,
        text=text,
        words=words,
        backchannel=len(line) == 5 and line[4],
    )


def event(
    kind: EventKind,
    start_s: float,
    end_s: float,
    *,
    by: Role = "agent",
    of: Role = "customer",
    yielded: bool = True,
    quote: str = "Can I take your account number first, please?",
) -> Event:
    return Event(
        by=by,
        of=of,
        start_s=start_s,
        end_s=end_s,
        overlap_s=round(end_s - start_s, 3),
        kind=kind,
        yielded=yielded,
        confidence=0.8,
        quote=quote,
        reason=f"{end_s - start_s:.1f} s of overlap",
    )


def speaker_measures(turns: Sequence[Turn], role: Role, **changes: Any) -> SpeakerMeasures:
    own = [each for each in turns if each.speaker == role and not each.backchannel]
    talk_s = sum(each.end_s - each.start_s for each in own)
    everyone_s = sum(each.end_s - each.start_s for each in turns if not each.backchannel)
    words = sum(len(each.words) for each in own)
    syllables = round(words * 1.4)
    starts = np.arange(0.0, 60.0, 10.0)
    figures = SpeakerMeasures(
        talk_s=round(talk_s, 3),
        talk_share=round(talk_s / everyone_s, 3) if everyone_s else None,
        words=words,
        syllables=syllables,
        turns=len(own),
        turn_words=words,
        turn_time_s=round(talk_s, 3),
        phonation_s=round(talk_s * 0.9, 3),
        longest_turn_s=max((round(each.end_s - each.start_s, 3) for each in own), default=None),
        coverage=0.97 if own else None,
        dropped_words=0,
        speech_rate_wpm=round(60 * words / talk_s, 3) if talk_s else None,
        articulation_rate_sps=round(syllables / (talk_s * 0.9), 3) if talk_s else None,
        rate_confidence="low" if talk_s else None,
        rate_windows=tuple(
            RateWindow(
                start_s=float(at), end_s=float(at) + 12.0, wpm=150.0 + n * 12, sps=round(4.1 + n * 0.35, 3)
            )
            for n, at in enumerate(starts)
        )
        if own
        else (),
        voiced_s=round(talk_s * 0.5, 3),
        f0_median_hz=182.4 if own else None,
        f0_median_st=0.6 if own else None,
        f0_range_st=7.2 if own else None,
        f0_baseline_hz=176.2 if own else None,
        f0_vs_baseline_st=0.6 if own else None,
        pitch_windows=tuple(
            PitchWindow(
                start_s=float(at),
                end_s=float(at) + 12.0,
                f0_median_hz=180.0 + n * 6,
                st=None if n == 2 else round(-0.8 + n * 0.7, 3),
                loudness_db=-24.0,
                voiced_s=8.0,
            )
            for n, at in enumerate(starts)
        )
        if own
        else (),
        loudness_median_db=-23.5 if own else None,
        loudness_vs_baseline_db=0.8 if own else None,
        noise_floor_db=-62.0,
        snr_db=38.5 if own else None,
        interruptions=0,
        backchannels=sum(each.backchannel for each in turns if each.speaker == role),
        response_latency_median_s=0.45 if own else None,
        not_scored={} if own else {"speech_rate_wpm": "no speech of this speaker was found"},
    )
    return dataclasses.replace(figures, **changes)


def nulled(figures: SpeakerMeasures, reason: str) -> SpeakerMeasures:
    """Every figure that may be missing is missing, for one reason."""
    optional = [
        spec.name for spec in dataclasses.fields(SpeakerMeasures) if "None" in str(spec.type) and spec.init
    ]
    nothing: dict[str, Any] = dict.fromkeys(optional)
    empty: dict[str, Any] = {"rate_windows": (), "pitch_windows": ()}
    return dataclasses.replace(figures, **nothing, **empty, not_scored=dict.fromkeys(optional, reason))


def analysis(
    lines: Sequence[Line] = LATE_BILL,
    *,
    call_id: str = "late-bill-001",
    duration_s: float = 66.0,
    rich: bool = True,
    **call: Any,
) -> Analysis:
    """A two-party call with one interruption; ``rich`` adds guidance, tension, effort and coaching."""
    turns = tuple(turn(index, line) for index, line in enumerate(lines))
    segments = tuple(Segment(speaker=each.speaker, start_s=each.start_s, end_s=each.end_s) for each in turns)
    roles: tuple[Role, ...] = tuple(dict.fromkeys(each.speaker for each in turns))
    speech_s = timeline.total_s((each.start_s, each.end_s) for each in turns)
    events: tuple[Event, ...] = ()
    if lines is LATE_BILL:
        events = (
            event("interruption", 10.5, 11.2),
            event("backchannel", 7.9, 8.3, yielded=False, quote="mm-hm"),
            event("failed_attempt", 24.0, 24.6, by="customer", of="agent", yielded=False, quote="but I"),
            event("simultaneous_start", 48.6, 48.9, by="customer", of="agent", quote="Right"),
        )
    figures = {role: speaker_measures(turns, role) for role in roles}
    if "agent" in figures:
        made = sum(each.kind == "interruption" and each.by == "agent" for each in events)
        figures["agent"] = dataclasses.replace(figures["agent"], interruptions=made)
    facts: dict[str, Any] = {
        "source": f"{call_id}.wav",
        "sha256": "ab" * 32,
        "agent_id": "robin.k",
        "customer_id": "c-118",
        "queue": "billing",
        "started_at": "2026-03-02T09:14:00+01:00",
        "sample_rate_hz": 8000,
        "channels": 2,
        "codec": "pcm_s16le",
        "language": "en",
    }
    known = not any(role.startswith("speaker") for role in roles)
    return Analysis(
        call=CallFacts(call_id=call_id, duration_s=duration_s, **(facts | call)),
        separation=Separation(
            method="channels",
            role_method="channel_map" if known else "unknown",
            role_confidence=1.0 if known else 0.0,
            agent_label="channel_0" if known else None,
        ),
        quality=Quality(warnings=()),
        transcript=Transcript(turns=turns),
        speech=Speech(segments=segments),
        measures=Measures(
            agent=figures.get("agent"),
            customer=figures.get("customer"),
            speaker_1=figures.get("speaker_1"),
            speaker_2=figures.get("speaker_2"),
            call=CallMeasures(
                duration_s=duration_s,
                speech_s=round(speech_s, 3),
                overlap_s=1.1 if len(roles) > 1 else None,
                overlap_share=round(1.1 / speech_s, 3) if len(roles) > 1 else None,
                silence_s=round(duration_s - speech_s, 3),
                silence_share=round((duration_s - speech_s) / duration_s, 3),
                gaps=(Gap(start_s=29.1, end_s=41.0, kind="dead_air"),) if rich else (),
                holds=(_hold(),) if rich else (),
                talk_ratio_agent=0.58 if "agent" in roles else None,
                not_scored={} if len(roles) > 1 else {"overlap_s": "only one speaker was found"},
                listening=measure_listening(
                    Floor(turns, tuple(not each.backchannel for each in turns)),
                    events,
                    {
                        role: [(each.start_s, each.end_s) for each in turns if each.speaker == role]
                        for role in roles
                    },
                    None,
                    load_phrases("en"),
                    settings().turns,
                    settings().listening,
                ),
            ),
        ),
        interruptions=events,
        acts=(),
        tension=_tension() if rich else Tension(curve=(), spans=(), not_scored="too few customer turns"),
        guidance=_guidance() if rich else (),
        effort=_effort() if rich else Effort(estimate=None, signals=(), not_scored="nothing was said"),
        promises=_promises() if rich else (),
        scores=_scores(rich),
        coaching=_coaching() if rich else Coaching(summary="No speech was found.", keep=(), change=()),
        headline=_headline() if rich else Headline(),
        redactions=(),
        thresholds=settings().thresholds(),
        provenance=Provenance(
            product_version="0.1.0",
            config_sha256="cd" * 32,
            models=(ModelUsed(role="recognizer", name="base", sha256="ef" * 32, source="bundled"),),
            stage_seconds={"decode": 0.1, "transcribe": 12.3},
            created_at="2026-03-02T22:10:00+00:00",
        ),
    )


def empty(call_id: str = "nothing") -> Analysis:
    """A call without speech, turns or speakers."""
    warning = QualityWarning(code="no_speech", message="No speech was found in either channel.")
    bare = analysis((), call_id=call_id, rich=False, agent_id=None, queue=None, started_at=None)
    return dataclasses.replace(bare, quality=Quality(warnings=(warning,)))


def recording(of: Analysis, *, sample_rate_hz: int = 8000) -> Recording:
    """A tone burst for every speech segment, agent left and customer right."""
    length = round(of.call.duration_s * sample_rate_hz)
    samples = np.zeros((of.call.channels, length), dtype=np.float32)
    for segment in of.speech.segments:
        right = segment.speaker in ("customer", "speaker_2") and of.call.channels == 2
        first, last = round(segment.start_s * sample_rate_hz), round(segment.end_s * sample_rate_hz)
        time_s = np.arange(first, last) / sample_rate_hz
        swell = 0.12 + 0.1 * np.sin(2 * np.pi * 1.7 * time_s) * np.cos(2 * np.pi * 0.37 * time_s)
        samples[int(right), first:last] = swell * np.sin(2 * np.pi * (330.0 if right else 220.0) * time_s)
    return Recording(
        path=Path(of.call.source),
        source=of.call.source,
        sha256=of.call.sha256,
        samples=samples,
        sample_rate_hz=sample_rate_hz,
        source_rate_hz=sample_rate_hz,
        codec=of.call.codec,
        container="wav",
    )


def redaction(start_s: float, end_s: float, turn_index: int) -> Redaction:
    return Redaction(kind="card_number", start_s=start_s, end_s=end_s, turn=turn_index)


def _evidence(turn_index: int, start_s: float, end_s: float, quote: str, note: str = "") -> Evidence:
    return Evidence(turn=turn_index, start_s=start_s, end_s=end_s, quote=quote, note=note)


def _hold() -> Hold:
    said = _evidence(5, 25.2, 27.9, "let me look at the bill right now.")
    return Hold(
        start_s=30.0,
        end_s=40.5,
        announced=True,
        reason="look at the bill",
        consent=False,
        consent_asked=False,
        thanked=None,
        announcement=said,
        before=_evidence(6, 28.3, 29.1, "Okay."),
        not_scored={"thanked": "the agent does not speak after it"},
    )


def _guidance() -> tuple[Finding, ...]:
    def finding(
        check: str, source: str, verdict: Any, score: float | None, reason: str, *of: Evidence
    ) -> Finding:
        return Finding(
            id=check, source=source, verdict=verdict, score=score, weight=1.0, evidence=of, reason=reason
        )

    cut_in = _evidence(3, 10.5, 13.9, "Can I take your account number first, please?", "0.7 s of overlap")
    sorry = _evidence(5, 21.4, 27.9, "I am sorry that you had to call three times")
    return (
        finding("talk_slowly", "A", "partly_met", 0.5, "2 of 6 windows over 5.5 syllables/s"),
        finding("dont_interrupt", "D", "violated", 0.0, "1 interruption, which ended the account", cut_in),
        finding("apology", "A", "met", 1.0, "apologized for the specific thing", sorry),
        finding("invite_story", "A", "missed", 0.0, "the account number was asked for before the story"),
        finding("set_limits", "A", "not_applicable", None, "nothing abusive was said"),
        finding("low_tone", "A", "not_scored", None, "18 s of voiced speech, 30 s are needed"),
    )


def _tension() -> Tension:
    curve = tuple(
        TensionPoint(t_s=float(at), level=level)
        for at, level in zip(range(5, 65, 6), (0.1, 0.3, 0.5, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1), strict=True)
    )
    span = TensionSpan(
        start_s=14.2,
        end_s=29.0,
        peak=0.8,
        agent_response={"acts": "apology", "rate_change": -0.08},
        outcome="fell",
    )
    return Tension(curve=curve, spans=(span,), not_scored=None)


def _effort() -> Effort:
    again = _evidence(4, 14.2, 20.8, "This is the third time I call about this")
    signal = EffortSignal(id="contacted_before", weight=0.8, count=1, evidence=(again,))
    return Effort(estimate=2.8, signals=(signal,), not_scored=None)


def _promises() -> tuple[Promise, ...]:
    return (
        Promise(
            who="agent",
            what="send the new bill",
            when="by Friday at noon",
            start_s=56.0,
            quote="send you the new bill by Friday at noon",
        ),
    )


def _scores(rich: bool) -> Scores:
    if not rich:
        none = LdalScores(listen=None, diffuse=None, act=None, impression=None)
        return Scores(overall=None, how_said=None, what_said=None, ldal=none, not_scored=("low_tone",))
    ldal = LdalScores(listen=35.0, diffuse=80.0, act=90.0, impression=None)
    return Scores(overall=62.0, how_said=40.0, what_said=71.0, ldal=ldal, not_scored=("low_tone",))


def _headline() -> Headline:
    return Headline(
        about="My bill was charged twice.",
        outcome="promised",
        contacts_before=2,
        say_to_agent="Next time: Let the sentence end.",
        evidence=HeadlineEvidence(
            about=(_evidence(1, 4.0, 10.0, "My bill was charged twice."),),
            outcome=(_evidence(4, 20.0, 24.0, "I will send a new bill by Friday."),),
            contacts_before=(_evidence(3, 13.0, 19.0, "This is the third time that I call."),),
            say_to_agent=(_evidence(2, 10.5, 13.0, "Can you give me the number?"),),
        ),
    )


def _coaching() -> Coaching:
    keep = CoachingPoint(
        title="A specific apology",
        why="It named what went wrong, and the customer's voice came down after it.",
        source="A",
        start_s=21.4,
        end_s=27.9,
        quote="I am sorry that you had to call three times",
        try_this="Keep naming the thing that went wrong.",
    )
    change = CoachingPoint(
        title="The account ended early",
        why="The question came while the customer was still telling what happened.",
        source="D",
        start_s=10.5,
        end_s=13.9,
        quote="Can I take your account number first, please?",
        try_this="Wait for the end of the story, then say: thank you, let me pull up your account.",
    )
    summary = (
        "The bill was corrected in the call and a new one promised for Friday; one interruption ended the "
        "customer's account early, and tension fell after the apology."
    )
    return Coaching(summary=summary, keep=(keep,), change=(change,))

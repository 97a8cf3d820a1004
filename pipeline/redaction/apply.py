"""Takes secrets out of turns and of whatever quotes them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.records import Event, Redaction, Turn, Word
from pipeline.redaction.secrets import Secret

CLOSING = ".,?!;:"


def redact_turns(turns: Sequence[Turn], secrets: Iterable[Secret]) -> tuple[Turn, ...]:
    """Turns in which each secret is one word such as ``[CARD_NUMBER]``, with the time of what it replaces."""
    by_turn: dict[int, list[Secret]] = {}
    for secret in secrets:
        by_turn.setdefault(secret.turn, []).append(secret)
    return tuple(
        _redact_turn(turn, by_turn[index]) if index in by_turn else turn for index, turn in enumerate(turns)
    )


def _redact_turn(turn: Turn, secrets: Sequence[Secret]) -> Turn:
    words: list[Word] = []
    position = 0
    for secret in sorted(secrets, key=lambda one: one.first_word):
        words += turn.words[position : secret.first_word]
        words.append(_stand_in(secret, turn.words[secret.first_word : secret.last_word + 1]))
        position = secret.last_word + 1
    words += turn.words[position:]
    return replace(turn, words=tuple(words), text=" ".join(word.word for word in words))


def _stand_in(secret: Secret, words: Sequence[Word]) -> Word:
    last = words[-1].word
    closing = last[len(last.rstrip(CLOSING)) :]
    return Word(
        word=f"[{secret.kind.upper()}]{closing}",
        start_s=words[0].start_s,
        end_s=words[-1].end_s,
        probability=min(word.probability for word in words),
        interpolated=any(word.interpolated for word in words),
    )


def redact_events(
    events: Sequence[Event], turns: Sequence[Turn], secrets: Sequence[Secret]
) -> tuple[Event, ...]:
    """Events with secrets taken out of their quotes.

    Args:
        turns: the turns as they were said, to which the secrets refer.
    """
    return tuple(
        replace(event, quote=redact_quote(event.quote, event.start_s, _spoken(event.by, turns, secrets)))
        if event.quote
        else event
        for event in events
    )


Spoken = Sequence[tuple[str, float, str]]
"""One speaker's words in time order: as said, when, and what is written instead ("" within a secret)."""


def _spoken(speaker: str, turns: Sequence[Turn], secrets: Sequence[Secret]) -> Spoken:
    instead: dict[tuple[int, int], str] = {}
    for secret in secrets:
        inside = range(secret.first_word, secret.last_word + 1)
        instead.update(dict.fromkeys(((secret.turn, word) for word in inside), ""))
        instead[secret.turn, secret.first_word] = f"[{secret.kind.upper()}]"
    words = [
        (word.word, word.start_s, instead.get((index, position), word.word))
        for index, turn in enumerate(turns)
        if turn.speaker == speaker
        for position, word in enumerate(turn.words)
    ]
    return sorted(words, key=lambda word: word[1])


def redact_quote(quote: str, near_s: float, spoken: Spoken) -> str:
    """A quote of words that were said together about a time, as it reads after redaction."""
    said = quote.split()
    places = [
        first
        for first in range(len(spoken) - len(said) + 1)
        if all(spoken[first + offset][0] == word for offset, word in enumerate(said))
    ]
    if not places:
        return quote
    first = min(places, key=lambda place: abs(spoken[place][1] - near_s))
    kept = [written for _, _, written in spoken[first : first + len(said)]]
    inside = kept[0] == "" and next(w for _, _, w in reversed(spoken[:first]) if w)
    return " ".join(([inside] if inside else []) + [written for written in kept if written])


def redactions(
    secrets: Sequence[Secret], turns: Sequence[Turn], margin_s: float, duration_s: float
) -> tuple[Redaction, ...]:
    """What is taken out of the sound: the time of each secret with a margin on both sides."""
    return tuple(
        Redaction(
            kind=secret.kind,
            start_s=max(0.0, secret.start_s - margin_s),
            end_s=min(duration_s, secret.end_s + margin_s),
            turn=turns[secret.turn].turn,
        )
        for secret in secrets
    )

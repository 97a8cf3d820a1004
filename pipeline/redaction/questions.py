"""What a number answers: a clear question for a secret, or the words right before it that name one.

A recognizer drops and doubles digits, so a number that answers "your PIN?" is a PIN whatever its length.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.records import Role
from pipeline.redaction.amounts import sentence_end, sentence_start
from pipeline.redaction.cues import HARMLESS, Cue
from pipeline.redaction.language import SpokenLanguage
from pipeline.redaction.reader import MOST_SAID_BY_OTHER, Run, Token, phrase_ends

FEWEST_DIGITS_FOR_WEAK = 4
MOST_LEAD_IN = 10
FEWEST_QUESTION_WORDS = 4
Streams = Mapping[Role, Sequence[Token]]


def asked_for(
    run: Run, cues: Sequence[Cue], streams: Streams, language: SpokenLanguage, reach_s: float
) -> Cue | None:
    """The question of the other speaker that a run answers, and ``None`` where it answers none.

    The question is the last thing named before the answer, and nothing but fillers leads into the answer.
    What asks "how much" or "since when" asks for no secret; a question that only speaks of a card or an
    account is not taken for one for its number where the answer is short.
    """
    cue = _last_before(run, cues)
    if cue is None or cue.kind == HARMLESS or cue.speaker == run.speaker:
        return None
    if run.start_s - cue.end_s > reach_s:
        return None
    if not cue.strong and len(run.digits) < FEWEST_DIGITS_FOR_WEAK:
        return None
    asker = streams[cue.speaker]
    asks = _asks(cue, asker, language) and not _asks_anew(cue, run, asker)
    return cue if asks and leads_in(run.first, streams[run.speaker], language) else None


def named_right_before(
    run: Run, cues: Sequence[Cue], streams: Streams, language: SpokenLanguage
) -> Cue | None:
    """What the speaker names right before a run: "my account number is ...", ``None`` for nothing."""
    cue = _last_before(run, cues)
    if cue is None or cue.speaker != run.speaker or not cue.strong or cue.kind == HARMLESS:
        return None
    tokens = streams[run.speaker]
    between = [
        token for token in tokens[max(0, run.first - MOST_LEAD_IN) : run.first] if token.start_s >= cue.end_s
    ]
    linked = all(token.plain in language.links for token in between)
    reaches = run.first - len(between) > 0 and tokens[run.first - len(between) - 1].end_s <= cue.end_s
    return cue if linked and reaches and not any(token.ends_sentence for token in between) else None


def speaks_of_another_thing(cue: Cue, run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether a code is one of a thing, by its own sentence: "the code on the router lamp is 421"."""
    if cue.speaker != run.speaker:
        return False
    first = sentence_start(tokens, run.first)
    same_sentence = tokens[first].start_s <= cue.start_s
    if same_sentence and language.things_with_codes & {token.plain for token in tokens[first : run.first]}:
        return not cue.strong or cue.kind == "pin"
    between = [token for token in tokens[first : run.first] if token.start_s >= cue.end_s]
    for index, token in enumerate(between):
        if token.plain in language.places_of_things:
            rest = [after.plain for after in between[index + 1 :]]
            return bool(rest) and not language.code_places & set(rest)
    return False


def letter_before(run: Run, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether digits go on from a letter, as in "E two two one": no part of a card or telephone number."""
    before = tokens[run.first - 1] if run.first else None
    return (
        before is not None
        and len(before.plain) == 1
        and before.plain.isalpha()
        and before.raw.strip(".,").isupper()
        and before.plain not in language.lead_ins
        and not before.digits
    )


def without_other_expiries(
    cues: Sequence[Cue], streams: Streams, language: SpokenLanguage, reach_s: float
) -> list[Cue]:
    """The cues, in which what announces the expiry of a contract or a passport is harmless."""
    return [
        replace(cue, kind=HARMLESS, strong=False)
        if cue.kind == "expiry_date" and _of_another_thing(cue, streams, language, reach_s)
        else cue
        for cue in cues
    ]


def _of_another_thing(
    cue: Cue, streams: Mapping[Role, Sequence[Token]], language: SpokenLanguage, reach_s: float
) -> bool:
    """Whether what expires is no card: the thing named last before, or in the same sentence."""
    own = streams[cue.speaker]
    at = next(index for index, token in enumerate(own) if token.start_s >= cue.start_s)
    sentence = own[sentence_start(own, at) : sentence_end(own, at)]
    here = {token.plain for token in sentence}
    if here & (language.things_that_expire | language.card_words):
        return not here & language.card_words
    things = [
        (token.start_s, token.plain in language.things_that_expire)
        for tokens in streams.values()
        for token in tokens
        if cue.start_s - reach_s <= token.start_s < cue.start_s
        and token.plain in language.things_that_expire | language.card_words
    ]
    return bool(things) and max(things)[1]


def _last_before(run: Run, cues: Sequence[Cue]) -> Cue | None:
    """The cue nearest before a run; a single harmless word beside one that names a secret is passed over."""
    before = bisect_left([cue.start_s for cue in cues], run.start_s)
    last = cues[before - 1] if before else None
    if last is not None and last.kind == HARMLESS and last.words == 1 and last.speaker != run.speaker:
        named = cues[before - 2] if before > 1 else None
        if named is not None and named.strong and named.speaker == last.speaker:
            return named
    return last


def _asks(cue: Cue, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    at = next((i for i, token in enumerate(tokens) if token.start_s >= cue.start_s), None)
    if at is None:
        return False
    sentence = tokens[sentence_start(tokens, at) : sentence_end(tokens, at)]
    words = {token.plain for token in sentence}
    if words & language.quantity_questions or (words & language.money_words and not cue.strong):
        return False
    ends_with_cue = sentence[-1].end_s <= cue.end_s
    requests = bool(phrase_ends(sentence, language.request_phrases))
    return sentence[-1].asks or ends_with_cue or requests


def _asks_anew(cue: Cue, run: Run, tokens: Sequence[Token]) -> bool:
    """Whether the asker has gone on to something else before the run: another question, or a long turn."""
    at = next((i for i, token in enumerate(tokens) if token.start_s >= cue.start_s), len(tokens) - 1)
    end = sentence_end(tokens, at)
    later = [token for token in tokens[end:] if token.start_s < run.start_s]
    questions = [i for i, token in enumerate(later) if token.asks]
    another = any(i - sentence_start(later, i) >= FEWEST_QUESTION_WORDS - 1 for i in questions)
    return another or sum(token.turn != tokens[at].turn for token in later) > MOST_SAID_BY_OTHER


def leads_in(index: int, tokens: Sequence[Token], language: SpokenLanguage) -> bool:
    """Whether nothing but fillers and words such as "it is" stand before a token in its sentence."""
    first = sentence_start(tokens, index)
    before = [token for token in tokens[first:index] if not (token.digits or token.continues)]
    return len(before) <= MOST_LEAD_IN and all(
        token.plain in language.lead_ins | language.between for token in before
    )

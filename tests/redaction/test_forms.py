"""Numbers that are valid as something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.redaction.forms import is_card_number, is_social_security_number, is_telephone_number, luhn


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [
        ("4242424242424242", True),
        ("378282246310005", True),  # 15 digits
        ("2223003122003222", True),  # Mastercard's newer range
        ("6011111111111117", True),
        ("4242424242424241", False),  # check digit
        ("424242424242", False),  # too short
        ("1234567812345670", False),  # no scheme's first digit
    ],
)
def test_payment_cards(digits: str, is_one: bool) -> None:
    """Length, scheme and check digit decide, as on a form for payments."""
    assert is_card_number(digits) is is_one


@given(st.text("0123456789", min_size=1, max_size=20), st.data())
def test_one_wrong_digit_breaks_a_check_digit(start: str, data: st.DataObject) -> None:
    """That is what check digits are for: exactly one last digit fits, and a slip in any place is seen."""
    fitting = [start + last for last in "0123456789" if luhn(start + last)]
    assert len(fitting) == 1
    place = data.draw(st.integers(0, len(start)))
    other = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != fitting[0][place]))
    assert not luhn(fitting[0][:place] + other + fitting[0][place + 1 :])


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [
        ("219099999", True),
        ("000121234", False),
        ("666121234", False),
        ("912121234", False),
        ("219009999", False),
        ("219090000", False),
        ("21909999", False),
    ],
)
def test_social_security_numbers(digits: str, is_one: bool) -> None:
    """Numbers that were never issued are none."""
    assert is_social_security_number(digits) is is_one


@pytest.mark.parametrize(
    ("digits", "regions", "is_one"),
    [
        ("2025550143", ("US",), True),
        ("12025550143", ("US",), True),
        ("02079460018", ("US", "GB"), True),
        ("02079460018", ("US",), False),
        ("1111111111", ("US", "GB"), False),
        ("5", ("US",), False),
    ],
)
def test_telephone_numbers(digits: str, regions: tuple[str, ...], is_one: bool) -> None:
    """A number counts where one of the countries' numbering plans has it."""
    assert is_telephone_number(digits, regions) is is_one

"""One declaration of a setting gives its range, its words, its validation."""

from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given, strategies as st

from engine.errors import InvalidRequest
from engine.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Example(Settings):
    steps: int = setting(50, 10, 100, help="How many")
    strength: float = setting(0.75, 0, 1, 0.05, help="How much")
    fill: Literal["texture", "smooth"] = setting("texture", help="With what")
    mirror: bool = setting(False, help="Whether")
    title: str = setting("none", help="Any words")
    least: float = setting(2.0, 1, help="At least one")
    most: int = setting(2, high=9, help="At most nine")
    free: float = setting(0.0, help="Any number")


DECLARED = {declaration.name: declaration for declaration in Example.declarations()}


def test_declarations_come_in_order_and_whole():
    assert [d.name for d in Example.declarations()] == list(Example.__dataclass_fields__)
    strength = DECLARED["strength"]
    assert (strength.type, strength.default, strength.low, strength.high, strength.step) == (
        float, 0.75, 0, 1, 0.05,
    )  # fmt: skip
    assert strength.help == "How much"
    assert (DECLARED["fill"].type, DECLARED["fill"].choices) == (str, ("texture", "smooth"))
    assert DECLARED["steps"].choices == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("steps", "10 to 100"),
        ("strength", "0 to 1"),
        ("fill", "texture, smooth"),
        ("mirror", "on or off"),
        ("title", "text"),
        ("least", "1 or more"),
        ("most", "9 or less"),
        ("free", "any number"),
    ],
)
def test_a_range_in_words(name, words):
    assert DECLARED[name].range == words


def test_defaults_are_valid():
    assert Example().steps == 50


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "10", 10),
        ("steps", " 100 ", 100),
        ("strength", "1", 1.0),
        ("strength", "0.3", 0.3),
        ("fill", "smooth", "smooth"),
        ("mirror", "on", True),
        ("mirror", "Yes", True),
        ("mirror", "TRUE", True),
        ("mirror", "1", True),
        ("mirror", "off", False),
        ("mirror", "no", False),
        ("mirror", "0", False),
        ("title", "two words", "two words"),
        ("free", "-1e6", -1e6),
    ],
)
def test_words_become_values(name, text, value):
    parsed = DECLARED[name].parse(text)
    DECLARED[name].check(parsed)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("steps", "9"),
        ("steps", "101"),
        ("steps", "10.5"),
        ("steps", "ten"),
        ("steps", ""),
        ("steps", "9" * 400),
        ("steps", "9" * 5000),
        ("strength", "1.0001"),
        ("strength", "-0.0001"),
        ("strength", "nan"),
        ("strength", "inf"),
        ("free", "nan"),
        ("free", "-inf"),
        ("fill", "magic"),
        ("fill", "Texture"),
        ("mirror", "maybe"),
        ("least", "0.5"),
        ("most", "10"),
    ],
)
def test_words_outside_the_range_are_refused_with_the_range(name, text):
    with pytest.raises(InvalidRequest) as caught:
        Example(**{name: DECLARED[name].parse(text)})
    assert name in str(caught.value)
    assert DECLARED[name].range in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", True),
        ("steps", 10.0),
        ("steps", 10**400),
        ("steps", None),
        ("strength", "0.5"),
        ("strength", False),
        ("fill", None),
        ("fill", 1),
        ("mirror", 1),
        ("mirror", "on"),
        ("title", 1),
    ],
)
def test_values_of_another_type_are_refused(name, value):
    with pytest.raises(InvalidRequest, match=name):
        Example(**{name: value})


def test_a_whole_number_is_a_float_too():
    assert Example(strength=1).strength == 1


def test_settings_may_have_no_field():
    @dataclass(frozen=True, kw_only=True)
    class Nothing(Settings):
        pass

    assert Nothing.declarations() == ()


@given(st.text())
def test_no_text_is_too_strange(text):
    for declaration in Example.declarations():
        try:
            declaration.check(declaration.parse(text))
        except InvalidRequest as refusal:
            assert declaration.name in str(refusal)


@given(st.one_of(st.integers(-(10**18), 10**18), st.floats(), st.booleans(), st.text(), st.none()))
def test_no_value_is_too_strange(value):
    for declaration in Example.declarations():
        try:
            declaration.check(value)
        except InvalidRequest as refusal:
            assert declaration.name in str(refusal)
        else:
            assert declaration.type is str or declaration.parse(str(value)) == declaration.type(value)

"""One declaration of a tunable gives its panel widget, command-line flag, JSON, validation and docs row."""

import dataclasses
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from engine.errors import InvalidRequest

Value = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One setting; `low`, `high` and `step` are None but for numbers, `choices` empty but for words."""

    name: str
    type: type[bool] | type[int] | type[float] | type[str]
    default: Value
    low: float | None
    high: float | None
    step: float | None
    choices: tuple[str, ...]
    help: str

    @property
    def range(self) -> str:
        """The allowed values in words: "0 to 1", "smooth, auto", "on or off"."""
        if self.type is bool:
            return "on or off"
        if self.type is str:
            return ", ".join(self.choices) or "text"
        if self.low is None:
            return "any number" if self.high is None else f"{self.high:g} or less"
        return f"{self.low:g} or more" if self.high is None else f"{self.low:g} to {self.high:g}"

    def parse(self, text: str) -> Value:
        """The value that `text` spells.

        Raises:
            InvalidRequest: `text` spells no value of this setting's type.
        """
        word = text.strip()
        if self.type is bool:
            if word.lower() not in _BOOLEANS:
                raise InvalidRequest(f"{self.name} takes on or off, not “{text}”.")
            return _BOOLEANS[word.lower()]
        try:
            return self.type(word)
        except ValueError:
            raise InvalidRequest(f"{self.name} takes {self.range}, not “{text}”.") from None

    def check(self, value: object) -> None:
        """Raise InvalidRequest unless `value` is one of this setting's values."""
        if self.type in (int, float):
            fits = (
                isinstance(value, int if self.type is int else (int, float))
                and not isinstance(value, bool)
                and -math.inf < value < math.inf  # takes integers too large for math.isfinite
                and (self.low is None or value >= self.low)
                and (self.high is None or value <= self.high)
            )
        else:
            fits = isinstance(value, self.type) and (not self.choices or value in self.choices)
        if not fits:
            raise InvalidRequest(f"{self.name} takes {self.range}, not {value}.")


_BOOLEANS = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}


def setting(
    default: Any,  # noqa: ANN401 - the field's own annotation types it
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    *,
    help: str,
) -> Any:  # noqa: ANN401
    """Declare a field of a `Settings` class: its default, range (inclusive), step and one line of help."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "step": step, "help": help})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every method's settings.

    Raises:
        InvalidRequest: a value lies outside its declared range.
    """

    def __post_init__(self) -> None:
        for declaration in self.declarations():
            declaration.check(getattr(self, declaration.name))

    @classmethod
    def of(cls, values: Mapping[str, Any], owner: str) -> Self:
        """The settings with these values, and the defaults for the others.

        Args:
            owner: whose settings they are, for sentences.

        Raises:
            InvalidRequest: a value lies outside its range, or there is no such setting.
        """
        known = [declaration.name for declaration in cls.declarations()]
        for name in values:
            if name not in known:
                raise InvalidRequest(f"{owner} has no setting “{name}”; it has {', '.join(known) or 'none'}.")
        return cls(**values)

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """The settings in the order of their declaration."""
        hints = get_type_hints(cls)
        return tuple(_declaration(field, hints[field.name]) for field in dataclasses.fields(cls))


def _declaration(field: dataclasses.Field[Any], hint: object) -> Declaration:
    choices: tuple[str, ...] = ()
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), str
    assert hint in (bool, int, float, str), f"{field.name}: {hint} is no type of a setting"
    meta: types.MappingProxyType[str, Any] = field.metadata
    default: Any = field.default
    return Declaration(
        name=field.name,
        type=hint,  # pyright: ignore[reportArgumentType]
        default=default,
        low=meta["low"],
        high=meta["high"],
        step=meta["step"],
        choices=choices,
        help=meta["help"],
    )

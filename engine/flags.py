"""Reading flags, and what those of `pliant edit` spell: a request, settings, points."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from engine.edit import DragEdit, EditRequest, ExemplarEdit, Point, PointPair, TextEdit
from engine.errors import InvalidRequest
from engine.method import AnyMethod
from engine.photo import Photo, open_mask, open_photo
from engine.settings import Declaration, Value
from engine.terminal import out


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong flag is bad input like any other, and help is an answer like any other."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequest(
            f"{message[:1].upper()}{message[1:]}. “{self.prog} --help” shows how it is used."
        )

    def _print_message(self, message: str, file: object = None) -> None:
        out(message)


def read_request(method: AnyMethod, options: argparse.Namespace, photo: Photo) -> EditRequest:
    """The request that the flags spell; flags that the method's kind of request does not know are refused.

    Raises:
        InvalidRequest: a flag is malformed, does not belong to the method, or names an unreadable file.
    """
    common: dict[str, Any] = {
        "image": photo.pixels,
        "profile": photo.profile,
        "mask": None if options.mask is None else open_mask(options.mask, "mask"),
        "seed": read_integer(options.seed),
        "origin": photo.origin,
    }
    given = {
        "--drag": options.drags,
        "--pin": options.pins,
        "--subject": options.subject,
        "--motion": options.motion,
        "--prompt": options.prompt,
        "--exemplar": options.exemplar,
    }
    drag = {"--drag", "--pin", "--subject", "--motion"} | ({"--prompt"} if method.reads_prompt else set())
    known = {DragEdit: drag, TextEdit: {"--prompt"}, ExemplarEdit: {"--exemplar"}}[method.request]
    for flag, value in given.items():
        if value not in (None, []) and flag not in known:
            raise InvalidRequest(f"{method.title} takes no {flag}; leave it out.")
    if method.request is DragEdit:
        return DragEdit(
            **common,
            points=tuple(_pair(text) for text in options.drags),
            pins=tuple(_point(text, f"--pin {text}") for text in options.pins),
            subject=None if options.subject is None else open_mask(options.subject, "subject"),
            motion="deform" if options.motion is None else options.motion,
            prompt=options.prompt or "",
        )
    if method.request is TextEdit:
        return TextEdit(**common, prompt=options.prompt or "")
    if options.exemplar is None:
        raise InvalidRequest(f"{method.title} needs a picture of what to put in; give --exemplar FILE.")
    return ExemplarEdit(**common, exemplar=open_photo(options.exemplar).pixels)


def read_settings(find: Callable[[str], Declaration], texts: Sequence[str]) -> dict[str, Value]:
    """The values that `--set NAME=VALUE` flags spell.

    Args:
        find: gives a setting by its name, or raises InvalidRequest.

    Raises:
        InvalidRequest: a flag is malformed, or there is no such setting.
    """
    chosen: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidRequest(f"--set takes NAME=VALUE, not “{text}”.")
        chosen[name] = find(name).parse(value)
    return chosen


def _pair(text: str) -> PointPair:
    ends = text.split(":")
    if len(ends) != 2:
        raise InvalidRequest(f"--drag takes X,Y:X,Y, not “{text}”.")
    return PointPair(_point(ends[0], f"--drag {text}"), _point(ends[1], f"--drag {text}"))


def _point(text: str, flag: str) -> Point:
    try:
        x, y = (float(number) for number in text.split(","))
    except ValueError:
        raise InvalidRequest(f"“{flag}” has no point X,Y in “{text}”.") from None
    return Point(x, y)


def read_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidRequest(f"--seed takes a whole number, not “{text}”.") from None

"""What can be done with which pack: the choices that a window shows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.edit import EditRequest
from engine.generation import GENERATE, ROLES
from engine.methods import METHODS
from engine.packs import ModelPack


class Offer(NamedTuple):
    """A method, and a pack on which it runs; None where it needs none.

    Args:
        simplified: the pack lacks a part of the method, for which something simpler stands in.
        finds_subject: the method looks for what moves by itself.
    """

    method: str
    pack: str | None
    pack_title: str
    simplified: bool = False
    finds_subject: bool = False


def edit_offers(request: type[EditRequest], packs: Sequence[ModelPack]) -> Iterator[Offer]:
    """The methods that answer this kind of request, each with every pack that holds what it needs."""
    for method in METHODS.values():
        if not issubclass(request, method.request):
            continue
        if not method.roles:
            yield Offer(method.name, None, "")
        for pack in packs:
            if method.roles and method.roles <= pack.components.keys():
                yield Offer(
                    method.name,
                    pack.name,
                    pack.title,
                    simplified=not method.full_roles <= pack.components.keys(),
                    finds_subject=method.finds_subject(pack),
                )


def better_pack(
    method: str, installed: Sequence[ModelPack], fetchable: Sequence[ModelPack]
) -> ModelPack | None:
    """Of packs that could be got, the one whose networks work on larger pictures than those of all installed.

    Args:
        method: what shall run on it; `GENERATE` for making pictures from words.
    """
    roles = ROLES if method == GENERATE else METHODS[method].roles
    largest = max((pack.working_size for pack in installed if roles <= pack.components.keys()), default=0)
    fitting = [p for p in fetchable if p.working_size > largest and roles <= p.components.keys()]
    # Of equal ones the smallest: what a pack adds to the one that it extends is for another method.
    return max(fitting, key=lambda pack: (pack.working_size, -len(pack.components)), default=None)


def generate_offers(packs: Sequence[ModelPack]) -> Iterator[Offer]:
    """The packs that make pictures from words."""
    for pack in packs:
        if pack.components.keys() >= ROLES:
            yield Offer(GENERATE, pack.name, pack.title)

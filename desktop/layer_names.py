"""Names of new layers that tell them apart."""

import re
from collections.abc import Iterable


def running_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or `name` with the number after the highest among `taken`: “Drag”, “Drag 2”, “Drag 3”."""
    numbered = re.compile(rf"{re.escape(name)}(?: (\d{{1,9}}))?")
    matches = (numbered.fullmatch(each) for each in taken)
    highest = max((int(match[1] or 1) for match in matches if match), default=0)
    return f"{name} {highest + 1}" if highest else name

"""The list of methods, and what it says of each."""

from desktop.panels.run_panel import MethodChooser
from engine import Offer


def test_an_offer_says_where_something_simpler_stands_in(qtbot):
    chooser = MethodChooser("Method", None, lambda method, pack: {})
    qtbot.addWidget(chooser)
    chooser.set_offers(
        (
            Offer("flow_warp", None, ""),
            Offer("instant_drag", "whole", "Whole"),
            Offer("instant_drag", "small", "Small", simplified=True),
        )
    )
    shown = [chooser.methods.itemText(i) for i in range(chooser.methods.count())]
    assert shown == ["Flow warp", "InstantDrag · Whole", "InstantDrag · Small, simplified"]

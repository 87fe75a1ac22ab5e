"""The panels around the canvas."""

from desktop.panels.history_panel import HistoryPanel
from desktop.panels.layers_panel import LayersPanel
from desktop.panels.number_field import NumberField
from desktop.panels.settings_form import SettingsForm

__all__ = ["HistoryPanel", "LayersPanel", "NumberField", "SettingsForm"]

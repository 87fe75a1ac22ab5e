"""The engine's texts that the window shows, for lupdate to find: the window asks for them by what they hold.

What the engine says about errors and pictures stays English, as on the command line.
"""

from PySide6.QtCore import QT_TRANSLATE_NOOP

SETTINGS = (  # names, helps and choices
    QT_TRANSLATE_NOOP("SettingsForm", "Stiffness"),
    QT_TRANSLATE_NOOP("SettingsForm", "How far around a handle the picture moves as one piece"),
    QT_TRANSLATE_NOOP("SettingsForm", "Fill"),
    QT_TRANSLATE_NOOP(
        "SettingsForm",
        "What uncovered places get: texture from elsewhere in the picture, or smooth colour",
    ),
    QT_TRANSLATE_NOOP("SettingsForm", "texture"),
    QT_TRANSLATE_NOOP("SettingsForm", "smooth"),
    QT_TRANSLATE_NOOP("SettingsForm", "Flowgen"),
    QT_TRANSLATE_NOOP(
        "SettingsForm", "Which network spreads the motion: one for few drags, or a very fine one for many"
    ),
    QT_TRANSLATE_NOOP("SettingsForm", "few"),
    QT_TRANSLATE_NOOP("SettingsForm", "many"),
    QT_TRANSLATE_NOOP("SettingsForm", "Reach"),
    QT_TRANSLATE_NOOP(
        "SettingsForm", "How far the motion reaches: peak, as far as the longest drag, or static, by a factor"
    ),
    QT_TRANSLATE_NOOP("SettingsForm", "peak"),
    QT_TRANSLATE_NOOP("SettingsForm", "static"),
    QT_TRANSLATE_NOOP("SettingsForm", "Reach Factor"),
    QT_TRANSLATE_NOOP("SettingsForm", "What a static reach multiplies the motion by"),
    QT_TRANSLATE_NOOP("SettingsForm", "Inference Steps"),
    QT_TRANSLATE_NOOP("SettingsForm", "Denoising steps"),
    QT_TRANSLATE_NOOP("SettingsForm", "Image Guidance"),
    QT_TRANSLATE_NOOP("SettingsForm", "How closely to keep to the picture"),
    QT_TRANSLATE_NOOP("SettingsForm", "Flow Guidance"),
    QT_TRANSLATE_NOOP("SettingsForm", "How closely to follow the motion"),
)
SAMPLES = (  # titles
    QT_TRANSLATE_NOOP("StartPage", "Stretch to see further"),
    QT_TRANSLATE_NOOP("StartPage", "Build the tower higher"),
    QT_TRANSLATE_NOOP("StartPage", "A bigger dandelion"),
    QT_TRANSLATE_NOOP("StartPage", "Tilt the head"),
    QT_TRANSLATE_NOOP("StartPage", "A pearl twice as large"),
    QT_TRANSLATE_NOOP("StartPage", "Raise the mast"),
    QT_TRANSLATE_NOOP("StartPage", "A broader smile"),
    QT_TRANSLATE_NOOP("StartPage", "Raise the summit"),
    QT_TRANSLATE_NOOP("StartPage", "Look up"),
    QT_TRANSLATE_NOOP("StartPage", "Take the ball out of the picture"),
    QT_TRANSLATE_NOOP("StartPage", "Heap it higher"),
    QT_TRANSLATE_NOOP("StartPage", "A longer gondola"),
)

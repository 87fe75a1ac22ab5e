"""The engine's texts that the window shows, for lupdate to find: the window asks for them by what they hold.

What the engine says about errors and pictures stays English, as on the command line.
"""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

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
    QT_TRANSLATE_NOOP("SettingsForm", "Denoising steps from pure noise to a picture"),
    QT_TRANSLATE_NOOP("SettingsForm", "Inversion Strength"),
    QT_TRANSLATE_NOOP("SettingsForm", "How far the picture is turned back to noise before it is dragged"),
    QT_TRANSLATE_NOOP("SettingsForm", "Alternating"),
    QT_TRANSLATE_NOOP("SettingsForm", "Drag a little before each denoising step, not all at once"),
    QT_TRANSLATE_NOOP("SettingsForm", "Drag Steps"),
    QT_TRANSLATE_NOOP("SettingsForm", "Denoising steps that are preceded by dragging"),
    QT_TRANSLATE_NOOP("SettingsForm", "Trackings"),
    QT_TRANSLATE_NOOP("SettingsForm", "How often handles are tracked before a denoising step"),
    QT_TRANSLATE_NOOP("SettingsForm", "Updates"),
    QT_TRANSLATE_NOOP("SettingsForm", "Updates of the picture for each tracking"),
    QT_TRANSLATE_NOOP("SettingsForm", "Learning Rate"),
    QT_TRANSLATE_NOOP("SettingsForm", "Size of an update"),
    QT_TRANSLATE_NOOP("SettingsForm", "Information Preserving"),
    QT_TRANSLATE_NOOP(
        "SettingsForm", "Keep handles looking as in the original, not as after the last update"
    ),
    QT_TRANSLATE_NOOP("SettingsForm", "Mask Weight"),
    QT_TRANSLATE_NOOP("SettingsForm", "How strictly the picture stays where it may not change"),
    QT_TRANSLATE_NOOP("SettingsForm", "Patch Radius"),
    QT_TRANSLATE_NOOP("SettingsForm", "Half the side of what is pulled at a handle"),
    QT_TRANSLATE_NOOP("SettingsForm", "Tracking Radius"),
    QT_TRANSLATE_NOOP("SettingsForm", "Half the side of where a handle is looked for"),
    QT_TRANSLATE_NOOP("SettingsForm", "Stride"),
    QT_TRANSLATE_NOOP("SettingsForm", "How far ahead a handle is pulled at a time"),
    QT_TRANSLATE_NOOP("SettingsForm", "Early Stop"),
    QT_TRANSLATE_NOOP("SettingsForm", "Trackings without any motion after which dragging ends"),
    QT_TRANSLATE_NOOP("SettingsForm", "Feature Block"),
    QT_TRANSLATE_NOOP("SettingsForm", "Which block of the network points are known by; 0 is its middle"),
    QT_TRANSLATE_NOOP("SettingsForm", "Lora Steps"),
    QT_TRANSLATE_NOOP("SettingsForm", "Steps in which the network learns the picture; 0 for none"),
    QT_TRANSLATE_NOOP("SettingsForm", "Lora Learning Rate"),
    QT_TRANSLATE_NOOP("SettingsForm", "Size of such a step"),
    QT_TRANSLATE_NOOP("SettingsForm", "Lora Batch"),
    QT_TRANSLATE_NOOP("SettingsForm", "Noised pictures in such a step"),
    QT_TRANSLATE_NOOP("SettingsForm", "Lora Rank"),
    QT_TRANSLATE_NOOP("SettingsForm", "How much the network can learn of the picture"),
    QT_TRANSLATE_NOOP("SettingsForm", "Updates of the picture, at most"),
    QT_TRANSLATE_NOOP("SettingsForm", "Reference Control"),
    QT_TRANSLATE_NOOP(
        "SettingsForm", "Paint the edit with what the picture before it shows, by mutual self-attention"
    ),
    QT_TRANSLATE_NOOP("SettingsForm", "Steps"),
    QT_TRANSLATE_NOOP("SettingsForm", "Denoising steps from noise to the picture"),
    QT_TRANSLATE_NOOP("SettingsForm", "Guidance"),
    QT_TRANSLATE_NOOP("SettingsForm", "How much more than by itself it follows the prompt"),
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
PHASES = {  # of an edit, as the engine tells them, and as its user understands them
    "Plan": QT_TRANSLATE_NOOP("Phase", "Preparing"),
    "Load": QT_TRANSLATE_NOOP("Phase", "Loading"),
    "Encode": QT_TRANSLATE_NOOP("Phase", "Encoding"),
    "Adapt": QT_TRANSLATE_NOOP("Phase", "Learning"),
    "Retrace": QT_TRANSLATE_NOOP("Phase", "Generating again"),
    "Invert": QT_TRANSLATE_NOOP("Phase", "Inverting"),
    "Drag": QT_TRANSLATE_NOOP("Phase", "Dragging"),
    "Denoise": QT_TRANSLATE_NOOP("Phase", "Denoising"),
    "Decode": QT_TRANSLATE_NOOP("Phase", "Decoding"),
    "Subject": QT_TRANSLATE_NOOP("Phase", "Finding what moves"),
    "Flow": QT_TRANSLATE_NOOP("Phase", "Finding the motion"),
    "Warp": QT_TRANSLATE_NOOP("Phase", "Moving"),
    "Fill": QT_TRANSLATE_NOOP("Phase", "Filling"),
    "Detail": QT_TRANSLATE_NOOP("Phase", "Restoring detail"),
}


def phase_name(phase: str) -> str:
    """A phase of an edit in the user's language."""
    return QCoreApplication.translate("Phase", str(PHASES.get(phase, phase)))

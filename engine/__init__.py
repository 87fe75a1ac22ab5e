"""The engine's public face. Importing it loads no torch."""

import os
import signal
import sys

if sys.argv[:1] == ["-m"]:  # `python -m engine` loads this before its own first line: the door is here
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from engine import channel, jobs, pictures
from engine.edit import (
    MAX_PIXELS,
    Box,
    DragEdit,
    EditRequest,
    EditResult,
    ExemplarEdit,
    Image,
    Mask,
    Motion,
    Point,
    PointPair,
    Subject,
    TextEdit,
)
from engine.engine import Engine
from engine.errors import DownloadFailed, EngineError, InvalidRequest, ModelMissing, OutOfMemory
from engine.generation import GENERATE
from engine.halving import halve, is_opaque
from engine.jobs import EditJob, GenerateJob, PrepareJob, SubjectJob, WarmJob
from engine.method import Method
from engine.methods import METHODS
from engine.methods.flow_warp.preview import Preview, WarpPreview
from engine.offers import Offer
from engine.origin import GenerationSettings, Origin
from engine.packs import ModelPack
from engine.paths import data_dir, resource_dir
from engine.photo import Photo, open_photo
from engine.photo_writer import check_output, save_photo
from engine.progress import Cancelled, Progress, Step
from engine.region import Region
from engine.sample import Sample, samples
from engine.settings import Declaration, Settings, Value

__all__ = [
    "GENERATE",
    "MAX_PIXELS",
    "METHODS",
    "Box",
    "Cancelled",
    "Declaration",
    "DownloadFailed",
    "DragEdit",
    "EditJob",
    "EditRequest",
    "EditResult",
    "Engine",
    "EngineError",
    "ExemplarEdit",
    "GenerateJob",
    "GenerationSettings",
    "Image",
    "InvalidRequest",
    "Mask",
    "Method",
    "ModelMissing",
    "ModelPack",
    "Motion",
    "Offer",
    "Origin",
    "OutOfMemory",
    "Photo",
    "Point",
    "PointPair",
    "PrepareJob",
    "Preview",
    "Progress",
    "Region",
    "Sample",
    "Settings",
    "Step",
    "Subject",
    "SubjectJob",
    "TextEdit",
    "Value",
    "WarmJob",
    "WarpPreview",
    "channel",
    "check_output",
    "data_dir",
    "halve",
    "is_opaque",
    "jobs",
    "open_photo",
    "pictures",
    "resource_dir",
    "samples",
    "save_photo",
]

"""Packs at work: opened on a device. The lowest floor that may load torch, and only where it is needed."""

import os

# Read when the libraries that open networks are imported, by whomever: they shall look nothing up.
os.environ["HF_HUB_OFFLINE"] = "1"

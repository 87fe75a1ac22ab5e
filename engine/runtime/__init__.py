"""Packs at work: opened on a device. The lowest floor that may load torch, and only where it is needed."""

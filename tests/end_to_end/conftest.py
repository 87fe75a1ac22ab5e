"""Whole programs are tested with the packs that a test gives them."""

import pytest

import engine.engine
from engine.packs import PackStore


@pytest.fixture(autouse=True)
def no_shipped_packs(tmp_path_factory, monkeypatch):
    nothing = tmp_path_factory.mktemp("no_packs")
    monkeypatch.setattr(engine.engine, "PackStore", lambda: PackStore(nothing))

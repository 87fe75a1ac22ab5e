"""Every registered method is whole: its folder, its words, its settings, an editor that can be built."""

import dataclasses
from pathlib import Path

import pytest

import engine.methods
from engine.edit import DragEdit, ExemplarEdit, Point, PointPair, TextEdit
from engine.engine import Engine
from engine.errors import ModelMissing
from engine.methods import METHODS
from engine.runtime.components import Components
from engine.settings import Settings

FOLDER = Path(engine.methods.__file__).parent
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)


def test_each_folder_is_registered_under_its_name():
    folders = {path.parent.name for path in FOLDER.glob("*/__init__.py")}
    assert set(METHODS) == folders
    assert {method.name for method in METHODS.values()} == folders


def test_titles_differ():
    titles = [method.title for method in METHODS.values()]
    assert len(set(titles)) == len(titles)


@every_method
def test_a_method_is_declared_whole(method):
    assert METHODS[method.name] is method
    assert method.title
    assert method.request in (DragEdit, TextEdit, ExemplarEdit)
    assert issubclass(method.settings, Settings)
    assert all(role.isidentifier() for role in method.roles)
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.title = "other"


@every_method
def test_settings_have_valid_defaults_ranges_and_help(method):
    defaults = method.settings()
    for declaration in method.settings.declarations():
        assert declaration.default == getattr(defaults, declaration.name)
        assert declaration.help
        assert not declaration.help.endswith(".")
        assert declaration.range
        assert declaration.parse(str(declaration.default)) == declaration.default
        if declaration.type in (int, float):
            assert declaration.low is not None, f"{declaration.name} needs ends for its slider"
            assert declaration.high is not None
            assert declaration.low < declaration.high
        if declaration.type is str and declaration.choices:
            assert declaration.default in declaration.choices


@every_method
def test_settings_belong_to_an_instance_and_do_not_change(method):
    settings = method.settings()
    for declaration in method.settings.declarations():
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(settings, declaration.name, declaration.default)


@pytest.mark.parametrize("method", [m for m in METHODS.values() if not m.roles], ids=lambda m: m.name)
def test_a_method_without_roles_is_built_from_nothing(method):
    assert callable(method.build(Components(pack=None, device="cpu")).edit)


@pytest.mark.parametrize("method", [m for m in METHODS.values() if m.roles], ids=lambda m: m.name)
def test_a_method_with_roles_asks_for_a_pack(method, picture):
    points = (PointPair(Point(100, 100), Point(120, 100)),)
    requests = {DragEdit: DragEdit(image=picture, points=points)}
    with pytest.raises(ModelMissing, match=f"{method.title} runs on a pack; choose one"):
        Engine(device="cpu").edit(method.name, requests[method.request])

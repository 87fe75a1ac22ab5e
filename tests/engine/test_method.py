"""A registered method knows its settings by their names."""

import dataclasses

import pytest

from engine.errors import InvalidRequest
from engine.methods import METHODS
from engine.settings import Settings

METHOD = METHODS["flow_warp"]


def test_a_setting_is_found_by_its_name():
    assert METHOD.setting("stiffness") in METHOD.settings.declarations()


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InvalidRequest, match=r"^flow_warp has no setting “stiff”; it has stiffness, fill"):
        METHOD.setting("stiff")


def test_a_method_without_settings_says_so():
    with pytest.raises(InvalidRequest, match=r"it has none\.$"):
        dataclasses.replace(METHOD, settings=Settings).setting("stiff")


def test_text_is_read_only_where_a_method_says_so():
    assert not METHOD.reads_prompt

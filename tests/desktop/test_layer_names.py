import pytest

from desktop.layer_names import running_name


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], "Drag"),
        (["Background", "Layer 3"], "Drag"),
        (["Drag"], "Drag 2"),
        (["Drag", "Drag 3", "Drag 2"], "Drag 4"),
        (["Drag 7"], "Drag 8"),
        (["Drag copy", "Dragon", "A Drag 5", "drag 9"], "Drag"),
        (["Drag " + "9" * 5000], "Drag"),
    ],
)
def test_the_number_after_the_highest_is_taken(taken, expected):
    assert running_name("Drag", taken) == expected


def test_a_name_with_signs_of_its_own_is_taken_as_it_is():
    assert running_name("(a)+", ["(a)+", "aa"]) == "(a)+ 2"

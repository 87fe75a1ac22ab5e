"""The starter pack as it is shipped: from a file to a file, and a window that was never used before."""

import json

import cv2
import numpy as np
import PIL.Image
import pytest
from PySide6.QtCore import QEvent, Qt

from desktop.panels.run_panel import RunPanel
from desktop.window import MainWindow
from engine import Box, DragEdit, Engine, Point, PointPair, cli, open_photo
from engine.evaluation.reconstruction import reconstruction
from engine.photo import open_mask
from tests.desktop.hands import BY_NAME, flat, press, send, settle

METHOD, PACK, TITLE = "instant_drag", "starter", "InstantDrag · Starter pack"
LOADING = 60_000  # milliseconds: torch is imported by the engine process's first job
BENT = BY_NAME["dogs_at_window"]
BALL = BY_NAME["otters"].picture
PULL = PointPair(Point(340, 128), Point(640, 160))  # from the ball's middle over the water
BALL_AT, LAID_AT = Box(165, 60, 465, 200), Box(465, 92, 765, 232)


@pytest.fixture(autouse=True, scope="module")
def pliant_home(tmp_path_factory):
    """A home that nothing was ever kept in: no settings, no packs but those shipped."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLIANT_HOME", str(home))
        yield home


@pytest.fixture
def edit(capsys, tmp_path):
    """edit(picture, *words) → what the command line tells, the picture before, and what it wrote."""

    def run(picture, *words):
        output = tmp_path / "out.png"
        asked = ["edit", METHOD, picture, "-o", output, "--pack", PACK, "--json", *words]
        status = cli.main([str(word) for word in asked])
        out, err = capsys.readouterr()
        assert (status, err) == (cli.DONE, "")
        with PIL.Image.open(output) as written:
            return json.loads(out), open_photo(picture).pixels, np.asarray(written.convert("RGBA"))

    return run


def pulled(pair):
    """A pair as the command line reads it."""
    return "--drag", ":".join(",".join(str(v) for v in end) for end in pair)


def around(image, point, reach=20):
    x, y = round(point[0]), round(point[1])
    return image[y - reach : y + reach + 1, x - reach : x + reach + 1, :3].astype(float).ravel()


def blue(image):
    """Which pixels have the ball's blue, (h, w) bool."""
    red, green, blue_ = np.moveaxis(image[..., :3].astype(int), -1, 0)
    return (blue_ > 150) & (green > 100) & (red < 100)


def outside(image, box):
    """The pixels around a box."""
    around_it = np.ones(image.shape[:2], bool)
    around_it[box.slices] = False
    return image[around_it]


def test_a_picture_is_bent_where_it_is_pulled_and_kept_to_the_byte_elsewhere(edit):
    drags = [word for pair in BENT.points for word in pulled(pair)]
    told, before, after = edit(BENT.picture, *drags)
    assert (told["pack"], told["evaluations"], told["partial"]) == (PACK, {"DragFlow": 1}, False)
    box = Box(*told["region"])
    assert box.width * box.height < 0.5 * before.shape[0] * before.shape[1]
    assert np.array_equal(outside(after, box), outside(before, box))
    for (handle, target), rest in zip(BENT.points, told["handles"], strict=True):
        length = np.hypot(*np.subtract(target, handle))
        assert np.hypot(*np.subtract(target, rest)) < 0.25 * length
        wanted = around(before, handle)
        there, earlier = (np.corrcoef(wanted, around(image, target))[0, 1] for image in (after, before))
        assert 1 - there < 0.75 * (1 - earlier)


def test_pixels_within_the_region_that_may_not_change_are_kept_too(edit, tmp_path):
    mask = np.zeros(open_photo(BENT.picture).pixels.shape[:2], np.uint8)
    cv2.circle(mask, (430, 450), 130, 255, -1)
    PIL.Image.fromarray(mask).save(tmp_path / "mask.png")
    _, before, after = edit(BENT.picture, *pulled(BENT.points[0]), "--mask", tmp_path / "mask.png")
    assert np.array_equal(after[mask == 0], before[mask == 0])
    assert (after != before).any()


def test_the_ball_is_found_by_the_network_and_nothing_else():
    photo = open_photo(BALL)
    request = DragEdit(image=photo.pixels, points=(PULL,), motion="move")
    found = Engine().prepare(METHOD, request, PACK)
    assert isinstance(found, DragEdit) and found.subject is not None
    painted = BY_NAME["otters"].subject
    assert painted is not None
    wide, told = open_mask(painted, "subject") > 0, found.subject > 127
    assert (told & ~wide).sum() < 0.02 * told.sum()
    assert (told & blue(photo.pixels)).sum() > 0.95 * blue(photo.pixels).sum()


def test_the_ball_moves_and_the_water_closes_behind_it(edit):
    told, before, after = edit(BALL, "--motion", "move", *pulled(PULL))
    assert told["evaluations"] == {"DragFlow": 3}, "two to find it, one to move it"
    assert np.hypot(*np.subtract(PULL.target, told["handles"][0])) < 5
    box = Box(*told["region"])
    assert np.array_equal(outside(after, box), outside(before, box))
    was, left, laid = (
        np.count_nonzero(blue(image[at.slices]))
        for image, at in ((before, BALL_AT), (after, BALL_AT), (after, LAID_AT))
    )
    assert was > 10_000
    assert left < 0.01 * was
    assert 0.9 * was < laid < 1.1 * was


@pytest.fixture(scope="module")
def window(qapp):
    shown = MainWindow(Engine())
    shown.resize(1000, 700)
    shown.show()
    shown.start_engine()
    yield shown
    settle(shown)
    shown.close()
    shown.deleteLater()


def test_the_first_window_ever_has_chosen_the_pack(window):
    run = window.findChild(RunPanel)
    for chooser in (run.fast, run.slow):
        assert (chooser.choice.method, chooser.choice.pack) == (METHOD, PACK)
        assert chooser.methods.currentText().startswith(TITLE)


def test_a_rest_of_the_pointer_in_it_is_answered_by_the_pack(qtbot, window):
    with qtbot.waitSignal(window.filing.worker.opened):
        window.filing.open_path(BENT.picture)
    before, (handle, target) = flat(window).copy(), BENT.points[0]
    send(window, QEvent.Type.MouseButtonPress, handle)
    for part in (0.5, 1):
        send(window, QEvent.Type.MouseMove, tuple((1 - part) * np.array(handle) + part * np.array(target)))
    badge = window.workspace.badge
    assert badge.text() == "Flow warp: preview"
    qtbot.waitUntil(lambda: badge.text().startswith("InstantDrag · Enter"), timeout=LOADING)
    send(window, QEvent.Type.MouseButtonRelease, target)
    region = Engine().plan(window.session.request())
    press(qtbot, window, Qt.Key.Key_Return)
    made = window.document.active_layer.provenance
    assert (made["method"], made["pack"]) == (METHOD, PACK)
    after, may = flat(window), np.zeros(before.shape[:2], bool)
    may[region.crop.slices] = region.mask > 0
    assert np.array_equal(after[~may], before[~may])
    assert (after != before)[may].any()


def test_a_picture_is_still_there_after_noise_and_back():
    """LoRA and inversion alone, without a drag."""
    request = BENT.request(open_photo(BENT.picture))
    row = reconstruction(Engine(), PACK, [request])
    assert row.inverted >= 24
    assert row.encoded - 1 < row.inverted < row.encoded + 1

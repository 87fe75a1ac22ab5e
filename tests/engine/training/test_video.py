"""Pairs of a square that moves over a ground: its flow and its outline are known."""

import cv2
import numpy as np
import pytest
from clips import HEIGHT, SIDE, STEP, WIDTH, corner, frames, front, write_pictures, write_video

from engine.errors import InvalidRequest
from engine.training import video
from engine.training.video import ClipSettings, open_clips

S = HEIGHT  # the middle square is not scaled
LEFT = (WIDTH - HEIGHT) // 2


def told(**changes):
    return ClipSettings(**{"side": S, "gap": 1, **changes})


def outline(number):
    return front(number)[:, LEFT : LEFT + S] > 0


@pytest.mark.parametrize("kind", ["pictures", "avi", "mp4"])
def test_flow_and_front_of_a_clip(tmp_path, kind):
    if kind == "pictures":
        write_pictures(tmp_path / "data" / "clip", 6)
    else:
        write_video(tmp_path / "data" / f"clip.{kind}", 6, {"avi": "MJPG", "mp4": "mp4v"}[kind])
    (clip,) = open_clips(tmp_path / "data", told(), tmp_path / "cache")
    assert clip.source.shape == clip.target.shape == (5, S, S, 3)
    inside = cv2.erode(outline(2).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    flow = clip.flow[2].astype(np.float32)
    assert np.abs(flow[inside] - STEP).mean() < 0.3
    assert np.abs(flow[~outline(2)]).mean() < 0.3
    for found, number in zip(clip.front[2], (2, 3), strict=True):
        true = outline(number)
        assert (found & true).sum() / (found | true).sum() > 0.7


def test_colours_are_rgb_and_pairs_in_order(tmp_path):
    folder = write_pictures(tmp_path / "clip", 4)
    (clip,) = open_clips(folder, told(), tmp_path / "cache")
    for number, picture in enumerate(list(frames(4))[:3]):
        assert np.array_equal(clip.source[number], picture[:, LEFT : LEFT + S, ::-1])
    assert np.array_equal(clip.target[0], clip.source[1])


def test_flow_is_in_pixels_of_the_small_square(tmp_path):
    folder = write_pictures(tmp_path / "clip", 3)
    (clip,) = open_clips(folder, told(side=S // 2), tmp_path / "cache")
    x, y = (corner(0) - (LEFT, 0) + SIDE // 2) // 2
    assert clip.flow[0, y - 4 : y + 4, x - 4 : x + 4].mean((0, 1)) == pytest.approx(STEP / 2, abs=0.35)


def test_camera_motion_is_no_foreground(tmp_path):
    folder = write_pictures(tmp_path / "clip", 3, pan=4)
    (clip,) = open_clips(folder, told(), tmp_path / "cache")
    true = outline(0)
    found = clip.front[0, 0]
    assert (found & true).sum() / (found | true).sum() > 0.6


def test_gap_lengthens_motion(tmp_path):
    folder = write_pictures(tmp_path / "clip", 12)
    (clip,) = open_clips(folder, told(gap=4), tmp_path / "cache")
    x, y = corner(0) - (LEFT, 0) + SIDE // 2
    lengths = {
        round(
            float(np.hypot(*clip.flow[i, y : y + 4, x : x + 4].mean((0, 1)).astype(float))) / np.hypot(*STEP)
        )
        for i in range(len(clip.source))
    }
    assert lengths <= {1, 2, 3, 4}
    assert len(lengths) > 1


def test_pairs_are_limited_and_spread(tmp_path):
    folder = write_pictures(tmp_path / "clip", 20)
    (clip,) = open_clips(folder, told(pairs=5), tmp_path / "cache")
    assert len(clip.source) == 5
    assert clip.kept == 5
    last = list(frames(20))[16]
    assert np.array_equal(clip.source[-1], last[:, LEFT : LEFT + S, ::-1])


@pytest.mark.parametrize("pairs", [16, 29, 7])
def test_there_are_never_more_than_was_said(tmp_path, pairs):
    folder = write_pictures(tmp_path / "clip", 30)
    (clip,) = open_clips(folder, told(pairs=pairs), tmp_path / "cache")
    assert pairs / 2 < len(clip.source) + 2 and len(clip.source) <= pairs


def test_frames_are_counted_where_the_file_does_not_say(tmp_path, monkeypatch):
    folder = tmp_path / "clips"
    write_video(folder / "clip.avi", 20)
    spread = [len(clip.source) for clip in open_clips(folder, told(pairs=5), tmp_path / "cache")]
    told_none = {cv2.CAP_PROP_FRAME_COUNT: -1.0}

    class Silent:
        def __init__(self, path):
            self._real = real(path)

        def get(self, key):
            return told_none.get(key, self._real.get(key))

        def __getattr__(self, name):
            return getattr(self._real, name)

    real = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", Silent)
    again = open_clips(folder, told(pairs=5), tmp_path / "other")
    assert [len(clip.source) for clip in again] == spread == [5]


def test_last_tenth_is_held_out(tmp_path):
    folder = write_pictures(tmp_path / "clip", 21)
    (clip,) = open_clips(folder, told(), tmp_path / "cache")
    assert (len(clip.source), clip.kept) == (19, 17), "of 20 pairs, one ends where the last two begin"


@pytest.mark.parametrize("gap", [1, 4])
def test_no_frame_is_trained_with_that_is_held_out(tmp_path, gap):
    folder = write_pictures(tmp_path / "clip", 30)
    (clip,) = open_clips(folder, told(gap=gap), tmp_path / "cache")
    assert len(clip.source) > clip.kept

    def shown(part):
        return {frame.tobytes() for frames in (clip.source[part], clip.target[part]) for frame in frames}

    assert not shown(slice(clip.kept)) & shown(slice(clip.kept, None))


def test_long_pairs_do_not_leave_most_of_a_clip_out():
    spans = [(i, i + (90 if i == 10 else 1)) for i in range(100)]
    pairs = [video._Pair(None, None, None, None, span) for span in sorted(spans, key=lambda span: span[1])]
    kept, held_out = video._split(pairs)
    assert (len(kept), len(held_out)) == (88, 10)
    assert max(pair.span[1] for pair in kept) < min(pair.span[0] for pair in held_out)


def test_a_clip_as_short_as_the_gap_is_all_trained_with(tmp_path):
    folder = write_pictures(tmp_path / "clip", 14)
    (clip,) = open_clips(folder, told(gap=100), tmp_path / "cache")
    assert clip.kept == len(clip.source)


def test_given_segmentation(tmp_path):
    folder = write_pictures(tmp_path / "clip", 4)
    own = tmp_path / "masks" / "clip"
    own.mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(own / f"{number:03}.png"), front(number))
    (clip,) = open_clips(folder, told(segmentation=tmp_path / "masks"), tmp_path / "cache")
    assert np.array_equal(clip.front[1], np.stack([outline(1), outline(2)]))
    (own / "002.png").unlink()
    with pytest.raises(InvalidRequest, match=r"no segmentation .*002\.png"):
        open_clips(folder, told(segmentation=tmp_path / "masks"), tmp_path / "cache")


@pytest.mark.parametrize("kind", ["npy", "flo"])
def test_given_flows(tmp_path, kind):
    folder = write_pictures(tmp_path / "clip", 3)
    own = tmp_path / "flows" / "clip"
    own.mkdir(parents=True)
    for number in range(2):
        flow = np.where(front(number)[..., None] > 0, STEP, 0).astype(np.float32)
        if kind == "npy":
            np.save(own / f"{number:03}.npy", flow)
        else:
            cv2.writeOpticalFlow(str(own / f"{number:03}.flo"), flow)
    settings = told(flows=tmp_path / "flows", side=S // 2)
    (clip,) = open_clips(folder, settings, tmp_path / "cache")
    expected = np.where(outline(0)[..., None], STEP, 0)
    assert clip.flow[0] == pytest.approx(
        cv2.resize(expected, (S // 2,) * 2, interpolation=cv2.INTER_AREA) / 2
    )
    for file in own.iterdir():
        file.write_bytes(b"no flow")
    with pytest.raises(InvalidRequest, match="is no flow"):
        open_clips(folder, settings, tmp_path / "cache")
    with pytest.raises(InvalidRequest, match="gap=1"):
        open_clips(folder, told(flows=tmp_path, gap=2), tmp_path / "cache")


def test_prepared_once(tmp_path, monkeypatch):
    folder = write_pictures(tmp_path / "clip", 4)
    first = open_clips(folder, told(), tmp_path / "cache")[0]
    with monkeypatch.context() as patch:
        patch.setattr("engine.training.video._pairs", lambda *_: pytest.fail("prepared again"))
        again = open_clips(folder, told(), tmp_path / "cache")[0]
    assert np.array_equal(first.flow, again.flow)
    assert isinstance(again.source, np.memmap)
    (folder / "003.png").unlink()
    assert len(open_clips(folder, told(), tmp_path / "cache")[0].source) == 2
    assert not list((tmp_path / "cache").glob("unfinished-*"))


def test_several_clips(tmp_path):
    write_pictures(tmp_path / "data" / "deep" / "one", 4)
    write_video(tmp_path / "data" / "two.avi", 3)
    clips = open_clips(tmp_path / "data", told(), tmp_path / "cache")
    assert sorted(len(clip.source) for clip in clips) == [2, 3]


def test_nothing_to_learn_from(tmp_path):
    still = tmp_path / "still"
    still.mkdir()
    with pytest.raises(InvalidRequest, match="holds no videos"):
        open_clips(still, told(), tmp_path / "cache")
    for number in range(3):
        cv2.imwrite(str(still / f"{number}.png"), next(frames(1)))
    for _ in range(2):  # the second time from the cache
        with pytest.raises(InvalidRequest, match="Nothing moves in the 1 clips"):
            open_clips(still, told(), tmp_path / "cache")


@pytest.mark.parametrize(("name", "said"), [("clip.mp4", "as a video"), ("clip/000.png", "as a picture")])
def test_damaged_files(tmp_path, name, said, capfd):
    if "/" in name:
        write_pictures(tmp_path / "data" / "clip", 3)
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / name).write_bytes(b"damaged")
    with pytest.raises(InvalidRequest, match=f"cannot be read {said}"):
        open_clips(tmp_path / "data", told(), tmp_path / "cache")

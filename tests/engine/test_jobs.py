"""Jobs and answers survive being JSON."""

import json
from dataclasses import fields

import numpy as np
import pytest

from engine.channel import Channel, Run
from engine.edit import Box, DragEdit, EditResult, ExemplarEdit, Point, PointPair, TextEdit
from engine.errors import InvalidRequest
from engine.jobs import (
    EditJob,
    GenerateJob,
    PrepareJob,
    SubjectJob,
    WarmJob,
    decode_answer,
    decode_job,
    encode_answer,
    encode_job,
)
from engine.origin import Origin
from engine.pictures import PictureRef


class Files:
    """Arrays by name, without files."""

    def __init__(self):
        self.arrays = {}

    def put(self, content):
        array = np.frombuffer(content, np.uint8) if isinstance(content, bytes) else content
        self.arrays[f"1-{len(self.arrays)}"] = array
        return PictureRef(f"1-{len(self.arrays) - 1}", array.shape)

    def get(self, ref):
        assert self.arrays[ref.name].shape == ref.shape
        return self.arrays[ref.name]


def through_json(job):
    files = Files()
    return decode_job(json.loads(json.dumps(encode_job(job, files.put))), files.get)


def requests(picture):
    mask = np.full(picture.shape[:2], 255, np.uint8)
    pairs = (PointPair(Point(np.float32(1.1), 2), Point(30.123456789012345, 0.1 + 0.2)),)
    return [
        DragEdit(image=picture, points=pairs, seed=np.int64(2**62)),
        DragEdit(
            image=picture,
            points=pairs,
            pins=(Point(5, 6),),
            subject=mask,
            mask=mask,
            protected=mask // 2,
            profile=b"\0\xff",
            motion="move",
            prompt="ein Käfer 🐞",
            origin=Origin(prompt="ein Käfer 🐞", pack="p", size=(320, 240), seed=np.int64(2**62)),
        ),
        TextEdit(image=picture, prompt="a bird"),
        ExemplarEdit(image=picture, mask=mask, exemplar=picture[:9, :7].copy()),
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_request_comes_out_as_it_went_in(picture, number):
    request = requests(picture)[number]
    job = EditJob(
        method="m", request=request, settings={"a": np.float64(0.1), "b": "x"}, pack="p", preview=True
    )
    found = through_json(job)
    assert isinstance(found, EditJob)
    assert type(found.request) is type(request)
    for part in fields(request):
        before, after = getattr(request, part.name), getattr(found.request, part.name)
        assert np.array_equal(before, after) if isinstance(before, np.ndarray) else before == after, part.name
    assert (found.method, found.settings, found.pack, found.device) == (
        "m",
        {"a": 0.1, "b": "x"},
        "p",
        "auto",
    )
    assert found.preview


def test_other_jobs_do_too(picture):
    assert through_json(WarmJob(device="cuda")) == WarmJob(device="cuda")
    origin = Origin(prompt="ein Käfer 🐞", pack="p", size=(64, 32), steps=3)
    painted = GenerateJob(origin=origin, device="cpu")
    assert through_json(painted) == painted
    ready = PrepareJob(method="m", request=requests(picture)[1], settings={"a": 3}, pack="p", device="cpu")
    found = through_json(ready)
    assert isinstance(found, PrepareJob)
    assert (found.method, found.settings, found.pack, found.device) == ("m", {"a": 3}, "p", "cpu")
    assert np.array_equal(found.request.image, picture) and found.request.origin == ready.request.origin
    found = through_json(SubjectJob(request=requests(picture)[0]))
    assert isinstance(found, SubjectJob)
    assert np.array_equal(found.request.image, picture)


def test_a_request_that_contradicts_itself_is_refused_there_too(picture):
    files = Files()
    work = encode_job(EditJob(method="m", request=requests(picture)[0]), files.put)
    work["request"]["fields"]["points"] = []
    with pytest.raises(InvalidRequest, match="at least one handle"):
        decode_job(work, files.get)


def test_answers_come_out_as_they_went_in(picture):
    files = Files()
    result = EditResult(
        image=picture,
        region=Box(1, 2, 3, 4),
        handles=(Point(0.1, 1 / 3),),
        partial=True,
        timings={"Warp": 0.123456789},
        evaluations={"DragFlow": 2},
    )
    for answer in (result, picture[..., 0], "cuda"):
        found = decode_answer(json.loads(json.dumps(encode_answer(answer, files.put))), files.get)
        if isinstance(answer, EditResult):
            assert isinstance(found, EditResult)
            assert all(getattr(found, part.name) is getattr(answer, part.name) for part in fields(found)[:1])
            assert (found.region, found.handles) == (answer.region, answer.handles)
            assert (found.partial, found.timings) == (answer.partial, answer.timings)
            assert found.evaluations == answer.evaluations
        else:
            assert np.array_equal(found, answer)


class Pipe:
    def __init__(self, data):
        self.data = data

    def recv_bytes(self, most):
        return self.data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"1",
        b"[]",
        b'["Run", {}]',
        b'["Nothing", {}]',
        b'["Run", {"job": 1, "x": 2}]',
        b"\x80\x04N.",
    ],
)
def test_what_is_no_message_is_a_value_error(data):
    with pytest.raises(ValueError, match=r".*"):
        Channel(Pipe(data)).receive()


def test_a_message_is():
    assert Channel(Pipe(b'["Run", {"job": 1, "work": {}}]')).receive() == Run(1, {})

"""An engine process for tests: one more method, “fault”, does what the prompt of its request says."""

import ctypes
import os
import signal
import socket
import sys
import time

from engine.edit import Box, DragEdit, EditResult
from engine.errors import InvalidRequest
from engine.host import main
from engine.method import Method
from engine.methods import METHODS
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.pictures import SessionFolder

STEPS, PAUSE = 60, 0.02  # of “slow”


class FaultEditor:
    def edit(self, request, settings, progress):
        with progress.phase("Load" if request.prompt.startswith("load") else "Begin"):
            getattr(self, request.prompt)(request, progress)
        return self._painted(request, 255)

    def prepare(self, request, settings, progress):
        getattr(self, request.prompt)(request, progress)

    def slow(self, request, progress):
        for i in progress.track("Slow", range(STEPS)):
            progress.checkpoint(lambda i=i: self._painted(request, i))
            progress.report((request.points[0].handle,))
            progress.preview(lambda i=i: self._painted(request, i).image)
            time.sleep(PAUSE)

    def bare(self, request, progress):
        for _ in progress.track("Bare", range(STEPS)):
            time.sleep(PAUSE)

    def short(self, request, progress):
        for _ in progress.track("Short", range(STEPS // 4)):
            time.sleep(PAUSE)

    def polling(self, request, progress):
        for _ in range(200):
            progress.check()
            time.sleep(PAUSE)

    def finish(self, request, progress):
        """What there is takes a second to render, and nothing stops that."""
        self._stopped_with(request, progress, lambda: time.sleep(1))

    def finish_asking(self, request, progress):
        def render():
            for _ in range(3000):
                progress.check()
                time.sleep(PAUSE)

        self._stopped_with(request, progress, render)

    def finish_never(self, request, progress):
        self._stopped_with(request, progress, lambda: time.sleep(60))

    def finish_deaf(self, request, progress):
        def render():
            time.sleep(0.5)  # until it has been told
            self.deaf(request, progress)

        self._stopped_with(request, progress, render)

    def load(self, request, progress):
        time.sleep(1)

    def load_for_ever(self, request, progress):
        time.sleep(60)

    def hang(self, request, progress):
        time.sleep(60)

    def deaf(self, request, progress):
        ctypes.PyDLL(None).sleep(60)  # with Python's lock held: no thread runs

    def bug(self, request, progress):
        raise ZeroDivisionError("the bug of the test")

    def refuse(self, request, progress):
        raise InvalidRequest("The picture must not be edited.")

    def memory(self, request, progress):
        raise MemoryError

    def allocate(self, request, progress):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    def device(self, request, progress):
        raise RuntimeError("CUDA error: device-side assert triggered")

    def leave(self, request, progress):
        os._exit(3)

    def killed(self, request, progress):
        os.kill(os.getpid(), signal.SIGKILL)

    def torn(self, request, progress):
        """The process ends amid the next picture that it writes, which is the answer's."""
        SessionFolder._check_open = lambda folder: os.kill(os.getpid(), signal.SIGKILL)

    def connect(self, request, progress):
        socket.create_connection(("127.0.0.1", 9), timeout=5)

    def look_up(self, request, progress):
        socket.getaddrinfo("localhost", 80)

    def _stopped_with(self, request, progress, render):
        """Until it is cancelled; `render` takes the time that rendering what there is takes."""
        progress.checkpoint(lambda: (render(), self._painted(request, 7))[1])
        progress.report((request.points[0].handle,))
        self.polling(request, progress)

    @staticmethod
    def _painted(request, grey):
        image = request.image.copy()
        image[..., :3] = grey
        return EditResult(image=image, region=Box(0, 0, *request.size), handles=(request.points[0].target,))


METHODS["fault"] = Method(
    name="fault",
    title="Fault",
    request=DragEdit,
    settings=FlowWarpSettings,
    roles=frozenset(),
    build=lambda components: FaultEditor(),
)

if __name__ == "__main__":
    sys.exit(main())

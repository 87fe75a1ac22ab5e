"""The tests' own surroundings hold what they promise."""

import os
import socket
from pathlib import Path

import pytest

from engine.paths import data_dir


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0)], ids=["IPv4", "IPv6"])
def test_connections_to_other_machines_fail(address):
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(RuntimeError, match="may not connect"):
        client.connect(address)


def test_names_of_other_machines_are_not_looked_up():
    with pytest.raises(RuntimeError, match=r"may not look up pliant\.example"):
        socket.create_connection(("pliant.example", 80), timeout=1)


def test_connections_to_this_machine_work():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_home_is_temporary(tmp_path_factory):
    assert Path(os.environ["PLIANT_HOME"]).is_relative_to(tmp_path_factory.getbasetemp())
    assert data_dir() == Path(os.environ["PLIANT_HOME"])


def test_qt_needs_no_screen():
    assert os.environ["QT_QPA_PLATFORM"]


@pytest.mark.long
def test_long_tests_run_only_when_asked_for(pytestconfig):
    assert pytestconfig.getoption("--long")

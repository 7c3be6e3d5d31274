"""Where the demo serves: on the ports that the pages of a node name, as far as nobody has them."""

from __future__ import annotations

import socket

import pytest

from edge.app import demo
from edge.app.demo_processes import free_port


def test_usual_ports_are_taken_where_they_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    page, centre = free_port(), free_port()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(demo, "USUAL_PORTS", {"grpc": taken, "centre": centre})
        ports = demo.choose_ports(page)
    assert (ports.page, ports.centre) == (page, centre)
    assert ports.grpc != taken


def test_without_a_port_of_the_page_any_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = free_port()
    monkeypatch.setattr(demo, "USUAL_PORTS", {"grpc": usual, "centre": usual})
    ports = demo.choose_ports(0)
    assert usual not in (ports.grpc, ports.centre)
    assert ports.page > 0

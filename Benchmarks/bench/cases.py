# Gantry: bare metal as a cloud.
# SPDX-License-Identifier: Apache-2.0
"""What is measured, and its tables."""

import contextlib
import sys
import time

from .lab import FIRST, BenchError, address
from .report import Figure, Table
from .servers import Atftpd, Dnsmasq, Gantry, GantryDisk, GantryIdle, ISC, Kea, KeaPostgres, Nginx, TftpdHPA

MIB = 1 << 20


@contextlib.contextmanager
def tolerated(kind):
    """What goes wrong with one server leaves a gap in the tables."""
    try:
        yield
    except BenchError as error:
        print(f"bench: {kind.name}: {error}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def serving(kind, lab, tools, held=0):
    server = kind(lab, tools)
    try:
        server.start(held)
        yield server
    finally:
        server.stop()


def chosen(kinds, only):
    return [kind for kind in kinds if not only or any(word in kind.name.lower().replace(",", " ").split() for word in only)]


def dhcp(lab, tools, runs, only, say):
    """Each run of each server begins with an empty lease database, or with 50,000 leases held."""
    kinds = chosen([Gantry, GantryDisk, Kea, KeaPostgres, ISC, Dnsmasq], only)
    for held in (0, 50_000):
        rates = Table(
            f"DHCP with {held:,} leases held",
            ["server", "durable against", "DORA/s", "DORA per CPU s", "known clients' DORA per CPU s", "renewals/s", "renewals per CPU s", "load"],
        )
        latencies = Table(
            f"DHCP latency with {held:,} leases held, µs",
            ["server", "idle OFFER p50", "p99", "idle ACK p50", "p99", "64 at once: OFFER p50", "p99", "64 at once: ACK p50", "p99"],
        )
        for kind in kinds:
            figures = [Figure() for _ in range(13)]
            load = Figure()
            for number in range(runs):
                say(f"{kind.name}, {held} held, run {number + 1}")
                with tolerated(kind), serving(kind, lab, tools, held) as server:
                    load.add(dhcp_run(lab, server, held, figures))
            rates.add(kind.name, kind.durable, *figures[:5], load.range(1))
            latencies.add(kind.name, *figures[5:])
        yield rates
        yield latencies


def dhcp_run(lab, server, held, figures):
    """One after the other: idle, new clients, known clients, renewals."""
    slow = isinstance(server, (ISC, Dnsmasq, KeaPostgres))
    idle = lab.generate("dhcp", server, first=900_000, clients=300, window=1, pause_us=3000, seconds=8)
    fresh = lab.generate("dhcp", server, clients=min(50_000, 59_000 - held), window=64, seconds=5 if slow else 10)
    # Many of them, because rackd lets one client send only as much as a client has to say.
    known_clients = {"clients": max(1, min(20_000, fresh.done)), "known": 1, "window": 64, "exchanges": 1_000_000, "seconds": 3}
    known = lab.generate("dhcp", server, **known_clients)
    renewals = lab.generate("dhcp", server, mode="renew", **known_clients)
    values = [
        fresh.done / fresh.seconds, fresh.done / max(fresh.cpu, 0.01), known.done / max(known.cpu, 0.01),
        renewals.done / renewals.seconds, renewals.done / max(renewals.cpu, 0.01),
    ]
    for measured in (idle, fresh):
        for part in ("offer_us", "ack_us"):
            for name in ("p50", "p99"):
                values.append(measured.result[part][name] if measured.result[part] else float("nan"))
    for figure, value in zip(figures, values):
        figure.add(value)
    return fresh.load


def tftp(lab, tools, runs, only, say):
    kinds = chosen([Gantry, TftpdHPA, Atftpd, Dnsmasq], only)
    # Window, clients, transfers of 8 MiB.
    settings = [(1, 1, 16), (1, 50, 64), (16, 1, 64), (16, 50, 64)]
    table = Table(
        "TFTP, files of 8 MiB, blocks of 1428 octets",
        ["server", "window", "clients", "MB/s", "CPU s/GB", "transfer p50, ms", "repeats", "load"],
    )
    results = {}
    for kind in kinds:
        for number in range(runs):
            say(f"{kind.name}, run {number + 1}")
            with tolerated(kind), serving(kind, lab, tools) as server:
                for window, clients, transfers in settings:
                    measured = lab.generate(
                        "tftp", server, file="large.bin", block=1428, window=window, clients=clients, transfers=transfers, size=8 * MIB,
                        source=address(FIRST), seconds=20,
                    )
                    figures = results.setdefault((kind.name, window, clients), [Figure() for _ in range(5)])
                    octets = measured.result["octets"]
                    if measured.result["errors"]:
                        say(f"  window {window}, {clients} clients: {measured.result['errors']} transfers failed")
                    if octets == 0:
                        continue
                    values = [
                        octets / 1e6 / measured.seconds, measured.cpu / (octets / 1e9),
                        measured.result["transfer_us"]["p50"] / 1000 if measured.done else float("nan"), measured.result["retries"],
                        measured.load,
                    ]
                    for figure, value in zip(figures, values):
                        figure.add(value)
    for window, clients, _ in settings:
        for kind in kinds:
            figures = results.get((kind.name, window, clients), [Figure() for _ in range(5)])
            table.add(kind.name, window, clients, *figures[:4], figures[4].range(1))
    yield table


def http(lab, tools, runs, only, say):
    kinds = chosen([Gantry, Nginx], only)
    large = Table("HTTP, a file of 64 MiB", ["server", "connections", "MB/s", "CPU ms/GB", "load"])
    ranges = Table("HTTP, ranges of 64 KiB of it", ["server", "connections", "requests/s", "CPU µs/request", "load"])
    small = Table("HTTP, a file of 4 KiB", ["server", "connections", "requests/s", "CPU µs/request", "p99, µs", "load"])
    results = {}
    for kind in kinds:
        for number in range(runs):
            say(f"{kind.name}, run {number + 1}")
            with tolerated(kind), serving(kind, lab, tools) as server:
                for connections in (1, 16, 64):
                    def measure(case, file, count, **arguments):
                        measured = lab.generate(
                            "http", server, port=5248, path=server.http_path(file), connections=connections, requests=count, seconds=12,
                            **arguments,
                        )
                        if measured.result["errors"] or not measured.done:
                            say(f"  {case}, {connections} connections: {measured.result['errors']} errors")
                        figures = results.setdefault((case, kind.name, connections), [Figure() for _ in range(4)])
                        return measured, figures

                    measured, figures = measure("large", "huge.bin", 100)
                    octets = measured.result["octets"]
                    for figure, value in zip(figures, (octets / 1e6 / measured.seconds, measured.cpu / (octets / 1e12), measured.load)):
                        figure.add(value)
                    for case, file, count, arguments in (
                        ("ranges", "huge.bin", 10_000, {"range": 65_536, "size": 64 * MIB}), ("small", "small.bin", 20_000, {}),
                    ):
                        measured, figures = measure(case, file, count, **arguments)
                        values = (
                            measured.done / measured.seconds, measured.cpu * 1e6 / measured.done, measured.load,
                            measured.result["request_us"]["p99"],
                        )
                        for figure, value in zip(figures, values):
                            figure.add(value)
    for connections in (1, 16, 64):
        for kind in kinds:
            figures = results.get(("large", kind.name, connections), [Figure() for _ in range(4)])
            large.add(kind.name, connections, figures[0], figures[1], figures[2].range(1))
            figures = results.get(("ranges", kind.name, connections), [Figure() for _ in range(4)])
            ranges.add(kind.name, connections, figures[0], figures[1], figures[2].range(1))
            figures = results.get(("small", kind.name, connections), [Figure() for _ in range(4)])
            small.add(kind.name, connections, figures[0], figures[1], figures[3], figures[2].range(1))
    yield from (large, ranges, small)


def memory(lab, tools, runs, only, say):
    table = Table("Memory, MiB", ["server", "state", "resident", "of it its own"])
    for kind in chosen([Gantry, Kea, ISC, Dnsmasq, Nginx], only):
        states = [("idle", 0)] if kind is Nginx else [("idle, one segment", 0), ("50,000 leases", 50_000)]
        for state, held in states:
            figures = [Figure(), Figure()]
            for _ in range(runs):
                say(f"{kind.name}, {state}")
                starting = GantryIdle if kind is Gantry and held == 0 else kind
                with tolerated(kind), serving(starting, lab, tools, held) as server:
                    time.sleep(5)
                    memories = [process.memory() for process in server.processes]
                    for figure, part in zip(figures, zip(*memories)):
                        figure.add(sum(part))
            table.add(kind.name, state, *figures)
    yield table


def allocations(lab, tools, runs, only, say):
    """Counts calls of malloc by thread while clients are served."""
    table = Table("Allocations of rackd's DHCP packet thread", ["what", "exchanges", "packets answered", "allocations"])
    with serving(Gantry, lab, {**tools, "counting": True}) as server:
        for what, arguments in (
            ("DORA of new clients", {"clients": 50_000, "seconds": 60}),
            ("DORA of known clients", {"clients": 50_000, "seconds": 60, "exchanges": 50_000}),
            ("renewals", {"clients": 50_000, "mode": "renew", "exchanges": 100_000, "seconds": 60}),
        ):
            before = server.allocations("dhcp-packets")
            measured = lab.generate("dhcp", server, window=64, **arguments)
            table.add(what, measured.done, measured.done * (1 if what == "renewals" else 2), server.allocations("dhcp-packets") - before)
    yield table


CASES = {"dhcp": dhcp, "tftp": tftp, "http": http, "memory": memory, "allocations": allocations}

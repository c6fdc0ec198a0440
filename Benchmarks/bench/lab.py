# Gantry: bare metal as a cloud.
# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces joined by a cable, the processes in them, and what those cost."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

SERVER = "10.80.0.1"
CLIENT = "10.80.0.2"
SUBNET = "10.80.0.0/16"
FIRST = 10 << 24 | 80 << 16 | 8 << 8  # 10.80.8.0, the first address for machines
POOL = 60_000
TICK = os.sysconf("SC_CLK_TCK")
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def address(number):
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def mac(client):
    """As the load generator makes them."""
    return ":".join(f"{octet:02x}" for octet in (2, 0x67, client >> 24 & 255, client >> 16 & 255, client >> 8 & 255, client & 255))


class BenchError(Exception):
    pass


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


class Lab:
    """The namespaces: `rack0` with the service address in one, `machine0` in the other, which answers for every machine's address."""

    def __init__(self, directory, load):
        self.directory = pathlib.Path(directory).resolve()
        self.load = load
        self.server = f"gbench-s{os.getpid()}"
        self.client = f"gbench-c{os.getpid()}"
        self.processes = []

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            for name in (self.server, self.client):
                run("ip", "netns", "add", name)
                run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", self.server, "link", "add", "rack0", "type", "veth", "peer", "name", "machine0", "netns", self.client)
            for name, link, own in ((self.server, "rack0", SERVER), (self.client, "machine0", CLIENT)):
                run("ip", "-n", name, "address", "add", f"{own}/16", "dev", link)
                run("ip", "-n", name, "link", "set", link, "up")
            for network in ("10.80.8.0/21", "10.80.16.0/20", "10.80.32.0/19", "10.80.64.0/18", "10.80.128.0/17"):
                run("ip", "-n", self.client, "route", "add", "local", network, "dev", "machine0")
            self.server_mac, machine = (
                json.loads(run("ip", "-n", name, "-j", "link", "show", link))[0]["address"]
                for name, link in ((self.server, "rack0"), (self.client, "machine0"))
            )
            # For answers to renewals: the kernel's table of neighbours is too small for so many on one wire.
            neighbours = "".join(
                f"neigh add {address(FIRST + index)} lladdr {machine} dev rack0 nud permanent\n" for index in range(POOL)
            )
            run("ip", "-n", self.server, "-batch", "-", input=neighbours)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stop()
        for name in (self.server, self.client):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def start(self, *command, name, environment=None, **options):
        """A server in the rack's namespace, which writes to `name.log`."""
        process = ServerProcess(self, list(command), name, environment or {}, **options)
        self.processes.append(process)
        return process

    def generate(self, kind, server, **arguments):
        """Runs a load generator; measures `server` while its measured part lasts."""
        command = ["ip", "netns", "exec", self.client, self.load, kind, "--server", SERVER]
        for name, value in arguments.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        if kind == "dhcp":
            command += ["--server-mac", self.server_mac]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            if process.stdout.readline().strip() != "ready":
                raise BenchError(f"bench-load {kind}: {process.stderr.read().strip()}")
            before = server.cpu_seconds()
            process.stdin.write("\n")
            process.stdin.flush()
            line = process.stdout.readline()
            after = server.cpu_seconds()
            if not line.startswith("{"):
                raise BenchError(f"bench-load {kind}: {process.stderr.read().strip()}")
        finally:
            process.kill()
            process.wait()
        return Measured(json.loads(line), after - before, os.getloadavg()[0])


class Measured:
    def __init__(self, result, cpu, load):
        self.result = result
        self.cpu = cpu
        self.load = load

    @property
    def done(self):
        return self.result["done"]

    @property
    def seconds(self):
        return self.result["seconds"]


class CPUGroup:
    """A control group, which counts the CPU time of all that ever ran in it: some servers forget the children that they fork."""

    def __init__(self, name):
        self.is_old = (CGROUPS / "cpuacct").is_dir()
        self.path = (CGROUPS / "cpuacct" if self.is_old else CGROUPS) / name
        self.path.mkdir(exist_ok=True)

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def seconds(self):
        if self.is_old:
            return int((self.path / "cpuacct.usage").read_text()) / 1e9
        return int(re.search(r"usage_usec (\d+)", (self.path / "cpu.stat").read_text())[1]) / 1e6

    def remove(self):
        for _ in range(100):
            try:
                return self.path.rmdir()
            except OSError:
                time.sleep(0.05)


class ServerProcess:
    def __init__(self, lab, command, name, environment, user=None):
        self.log_path = lab.directory / f"{name}.log"
        self.log = open(self.log_path, "w")
        self.group = CPUGroup(f"{lab.server}-{len(lab.processes)}")
        prefix = ["ip", "netns", "exec", lab.server]
        if user:
            prefix += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        self.process = subprocess.Popen(
            prefix + command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, **environment}, preexec_fn=self.group.enter,
        )

    @property
    def pid(self):
        return self.process.pid

    def wait_for(self, text, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in self.log_path.read_text():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise BenchError(f"{self.log_path} has no '{text}':\n{self.log_path.read_text()[-2000:]}")

    def cpu_seconds(self):
        """User and system time of all its processes, ended children included."""
        return self.group.seconds()

    def threads(self):
        """CPU seconds by thread, by name and number."""
        times = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*"):
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            times[f"{(task / 'comm').read_text().strip()}/{task.name}"] = (int(fields[11]) + int(fields[12])) / TICK
        return times

    def memory(self):
        """Resident memory in MiB: all, and what is not shared with a file."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return tuple(int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "RssAnon"))

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()
        self.group.remove()

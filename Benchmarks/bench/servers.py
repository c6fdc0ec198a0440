# Gantry: bare metal as a cloud.
# SPDX-License-Identifier: Apache-2.0
"""The servers under test, each configured for the same network and the same answers."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import time

from .lab import FIRST, POOL, SERVER, SUBNET, BenchError, address, mac, run

LEASE_SECONDS = 3600
HELD_FROM = 1_000_000  # The numbers of the clients whose leases are held from the start.
RACK = "rack34"


class Server:
    """One server; `held` leases are there when it has started."""

    name = ""
    package = ""
    durable = ""
    held_limit = 1 << 30

    def __init__(self, lab, tools):
        self.lab = lab
        self.tools = tools
        self.directory = lab.directory / self.name.replace(" ", "-")
        self.processes = []

    def start(self, held=0):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.serve(held)

    def serve(self, held):
        raise NotImplementedError

    def launch(self, *command, **options):
        process = self.lab.start(*command, name=f"{self.name.replace(' ', '-')}-{len(self.processes)}", **options)
        self.processes.append(process)
        return process

    def cpu_seconds(self):
        return sum(process.cpu_seconds() for process in self.processes)

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes = []

    def path(self, name):
        return str(self.directory / name)

    def write(self, name, text):
        pathlib.Path(self.path(name)).write_text(text)
        return self.path(name)

    def wait_until_listening(self, port, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if f":{port} " in run("ip", "netns", "exec", self.lab.server, "ss", "-Hlnut"):
                return
            if any(process.process.poll() is not None for process in self.processes):
                break
            time.sleep(0.05)
        log = self.processes[-1].log_path.read_text()[-2000:]
        raise BenchError(f"{self.name} does not listen on port {port}:\n{log}")

    @staticmethod
    def held_leases(count):
        """Address and MAC of each lease held from the start: at the pool's end, where new clients come last."""
        return [(address(FIRST + POOL - 1 - index), mac(HELD_FROM + index)) for index in range(count)]


class Gantry(Server):
    """The real rackd, with a link to a region that has no database."""

    name = "rackd"
    durable = "kill -9"
    durability = None
    pool = POOL
    files = {}

    def serve(self, held):
        state = self.directory / "state"
        content = state / "images" / "sha256"
        content.mkdir(parents=True)
        loaders = {}
        for name, source in self.files.items():
            digest = hashlib.sha256(source.read_bytes()).hexdigest()
            os.link(source, content / digest)
            loaders[name] = digest
        self.digests = loaders
        segment = {
            "vlanID": 5, "interfaceName": "rack0", "serviceAddress": SERVER, "network": SUBNET, "gateway": SERVER, "dnsServers": [SERVER],
            "domainName": "maas", "leaseSeconds": LEASE_SECONDS, "reservations": [],
        }
        self.write("configuration.json", json.dumps({
            "digest": "benchmark", "segments": [segment], "bootIntents": [], "bootFiles": loaders, "images": [],
        }))
        self.write("pool.json", json.dumps({"rack": RACK, "segment": 5, "first": address(FIRST), "count": self.pool}))
        self.region = self.lab.start(self.tools["region"], str(self.directory), "5250", name="bench-region")
        self.region.wait_for("ready")
        settings = [
            f"system_id: {RACK}", "regions: {hosts: [\"127.0.0.1\"]}", f"state_directory: \"{state}\"",
            f"tls: {{certificate_file: \"{self.path('rack.crt')}\", private_key_file: \"{self.path('rack.key')}\", "
            f"authority_file: \"{self.path('authority.crt')}\"}}",
        ]
        if self.durability:
            settings.append(f"lease_durability: {self.durability}")
        self.rack = self.launch(self.tools["rackd"], "--config", self.write("rackd.yaml", "\n".join(settings)), environment=self.environment())
        self.region.wait_for("granted")
        if held:
            self.lab.generate("dhcp", self, first=HELD_FROM, clients=held, seconds=120, known=1, exchanges=1)

    def environment(self):
        if not self.tools.get("counting"):
            return {}
        return {"LD_PRELOAD": self.tools["malloc_counter"], "MALLOC_COUNTS": self.path("mallocs")}

    def allocations(self, thread):
        """How often threads of that name have allocated."""
        counts = memoryview(pathlib.Path(self.path("mallocs")).read_bytes()).cast("Q")
        names = {int(task.name): (task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{self.rack.pid}/task").glob("*")}
        return sum(counts[index + 1] for index in range(0, len(counts), 2) if names.get(counts[index]) == thread)

    def http_path(self, file):
        return f"/images/{self.digests[file]}/{file}"

    def stop(self):
        super().stop()
        self.region.stop()


class GantryDisk(Gantry):
    name = "rackd, group commit"
    durable = "power loss"
    durability = "disk"


class GantryIdle(Gantry):
    """With as many addresses as a rack asks for by itself."""

    pool = 1024


class Kea(Server):
    name = "Kea, memfile"
    package = "kea-dhcp4-server"
    durable = "kill -9"

    def database(self, held):
        path = self.path("leases.csv")
        expires = int(time.time()) + LEASE_SECONDS * 24
        lines = ["address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"]
        lines += [f"{lease},{client},,{LEASE_SECONDS},{expires},1,0,0,,0," for lease, client in self.held_leases(held)]
        self.write("leases.csv", "\n".join(lines) + "\n")
        return {"type": "memfile", "persist": True, "name": path, "lfc-interval": 0}

    def serve(self, held):
        options = [("routers", SERVER), ("domain-name-servers", SERVER), ("domain-name", "maas")]
        configuration = {
            "interfaces-config": {"interfaces": ["rack0"], "dhcp-socket-type": "raw"}, "lease-database": self.database(held),
            "valid-lifetime": LEASE_SECONDS, "renew-timer": LEASE_SECONDS // 2, "rebind-timer": LEASE_SECONDS // 8 * 7,
            "next-server": SERVER, "boot-file-name": "bootx64.efi", "authoritative": True,
            "subnet4": [{
                "id": 1, "subnet": SUBNET, "pools": [{"pool": f"{address(FIRST)} - {address(FIRST + POOL - 1)}"}],
                "option-data": [{"name": name, "data": data} for name, data in options],
            }],
            "loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stderr"}]}],
        }
        self.launch(
            "kea-dhcp4", "-c", self.write("kea.json", json.dumps({"Dhcp4": configuration})),
            environment={"KEA_PIDFILE_DIR": str(self.directory), "KEA_LOCKFILE_DIR": str(self.directory)},
        )
        self.wait_until_answering()

    def wait_until_answering(self):
        # Kea's raw socket is in no list: its fallback socket on port 67 is.
        self.wait_until_listening(67)


class KeaPostgres(Kea):
    name = "Kea on PostgreSQL"
    durable = "power loss"

    def database(self, held):
        bin_directory = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        data = self.directory / "postgres"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        os.chmod(self.directory, 0o755)

        def postgres(*command):
            return run("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command, cwd="/")

        postgres(str(bin_directory / "initdb"), "-D", str(data), "--auth=trust", "-U", "postgres")
        self.launch(str(bin_directory / "postgres"), "-D", str(data), "-k", str(data), "-c", "listen_addresses=127.0.0.1", user="postgres")
        for _ in range(200):
            done = subprocess.run(["psql", "-h", str(data), "-U", "postgres", "-c", "create database kea"], capture_output=True)
            if done.returncode == 0:
                break
            time.sleep(0.1)
        run("psql", "-h", str(data), "-U", "postgres", "-d", "kea", "-q", "-f", str(self.tools["kea_schema"]))
        rows = [
            f"{int.from_bytes(bytes(int(part) for part in lease.split('.')), 'big')}\t\\\\x{client.replace(':', '')}\t{LEASE_SECONDS}\t"
            f"2099-01-01 00:00:00\t1\tf\tf\t\t0" for lease, client in self.held_leases(held)
        ]
        copy = "copy lease4 (address, hwaddr, valid_lifetime, expire, subnet_id, fqdn_fwd, fqdn_rev, hostname, state) from stdin"
        run("psql", "-h", str(data), "-U", "postgres", "-d", "kea", "-q", "-c", copy, input="".join(f"{row}\n" for row in rows))
        return {"type": "postgresql", "name": "kea", "host": "127.0.0.1", "user": "postgres", "password": ""}


class ISC(Server):
    name = "ISC dhcpd"
    package = "isc-dhcp-server"
    durable = "power loss"

    def serve(self, held):
        configuration = f"""
authoritative; ping-check off; default-lease-time {LEASE_SECONDS}; max-lease-time {LEASE_SECONDS};
option domain-name "maas"; option domain-name-servers {SERVER}; next-server {SERVER}; filename "bootx64.efi";
subnet 10.80.0.0 netmask 255.255.0.0 {{ range {address(FIRST)} {address(FIRST + POOL - 1)}; option routers {SERVER}; }}
"""
        leases = "".join(
            f"lease {lease} {{\n  starts epoch {int(time.time())};\n  ends epoch {int(time.time()) + 86400};\n"
            f"  binding state active;\n  next binding state free;\n  hardware ethernet {client};\n}}\n"
            for lease, client in self.held_leases(held)
        )
        self.launch(
            "dhcpd", "-4", "-f", "-q", "-cf", self.write("dhcpd.conf", configuration), "-lf", self.write("leases", leases),
            "--no-pid", "rack0",
        )
        self.wait_until_listening(67)


class Dnsmasq(Server):
    name = "dnsmasq"
    package = "dnsmasq-base"
    durable = "power loss"

    def serve(self, held):
        leases = "".join(f"{int(time.time()) + 86400} {client} {lease} * *\n" for lease, client in self.held_leases(held))
        self.launch(
            "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=rack0", "--bind-interfaces", "--no-ping",
            "--dhcp-authoritative", f"--dhcp-lease-max={POOL + 1000}", "--quiet-dhcp", "--user=root", "--pid-file=",
            f"--dhcp-range={address(FIRST)},{address(FIRST + POOL - 1)},255.255.0.0,{LEASE_SECONDS}",
            f"--dhcp-leasefile={self.write('leases', leases)}", f"--dhcp-boot=bootx64.efi,rack,{SERVER}",
            "--enable-tftp", f"--tftp-root={self.lab.directory / 'files'}", "--tftp-max=100",
        )
        self.wait_until_listening(67)


class TftpdHPA(Server):
    name = "tftpd-hpa"
    package = "tftpd-hpa"

    def serve(self, held):
        self.launch("in.tftpd", "--foreground", "--listen", "--address", f"{SERVER}:69", "--secure", str(self.lab.directory / "files"))
        self.wait_until_listening(69)


class Atftpd(Server):
    name = "atftpd"
    package = "atftpd"

    def serve(self, held):
        self.launch(
            self.tools["atftpd"], "--daemon", "--no-fork", "--user", "root", "--group", "root", "--verbose=3", "--maxthread", "100",
            "--bind-address", SERVER, str(self.lab.directory / "files"),
        )
        self.wait_until_listening(69)


class Nginx(Server):
    name = "nginx"
    package = "nginx-light"

    def serve(self, held):
        configuration = f"""
daemon off; worker_processes {os.cpu_count()}; user root; pid {self.path('pid')}; error_log stderr;
events {{ worker_connections 1024; }}
http {{
    sendfile on; tcp_nopush on; keepalive_timeout 60; keepalive_requests 1000000000; access_log off;
    open_file_cache max=100; types {{}} default_type application/octet-stream;
    server {{ listen 5248; root {self.lab.directory}; location /images/ {{ alias {self.lab.directory / 'files'}/; }} }}
}}
"""
        self.launch("nginx", "-c", self.write("nginx.conf", configuration), "-e", "stderr")
        self.wait_until_listening(5248)

    def http_path(self, file):
        return f"/images/{file}"

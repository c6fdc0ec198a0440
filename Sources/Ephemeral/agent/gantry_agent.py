#!/usr/bin/python3
# gantry-agent: does what the region wants from this machine, and reports each step.
#
# Runs in the ephemeral OS as user-data, with the standard library only. It makes no choices of its own: what to run comes from the
# region (maas-scripts, gantry/plan; docs/install-plan.md has the plan's schema). Everything waits with a bound, and every request is logged on
# the console without secrets, because the console is all that an operator sees of a machine that does not get on.
# SPDX-License-Identifier: Apache-2.0

import base64
import concurrent.futures
import hashlib
import http.client
import io
import json
import mmap
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.parse
import uuid

CONFIGURATION_KEYS = {"work", "metadata_url", "api_url", "system_id", "credentials", "version"}
WORKS = ("enlist", "commissioning", "install", "erase", "poweroff")
OUTPUT_LIMIT = 4 << 20  # bytes kept of each stream of a script
TAIL_LIMIT = 64 << 10  # bytes of a failed step's output that are reported
ARCHIVE_LIMIT = 64 << 20  # bytes of the maas-scripts archive, packed and unpacked
CHUNK = 1 << 20
AGENT_VERSION = "2"  # on certificates: grows when what an erasure means changes


class Console:
    """Lines for the operator: on the machine's console when there is one, else on standard error."""

    def __init__(self, path="/dev/console"):
        self.lock = threading.Lock()
        try:
            self.file = open(path, "a", buffering=1)
        except OSError:
            self.file = sys.stderr

    def say(self, text):
        try:
            uptime = pathlib.Path("/proc/uptime").read_text().split()[0]
        except OSError:
            uptime = "?"
        with self.lock:
            try:
                self.file.write(f"gantry [{uptime}] {text}\n")
            except OSError:
                pass  # a console that cannot be written must not stop an installation


class Refused(Exception):
    """An answer that will not change by asking again."""

    def __init__(self, status, text):
        super().__init__(f"status {status}: {text}")
        self.status = status


class Unreachable(Exception):
    """No usable answer before the deadline."""


class StepFailed(Exception):
    pass


class Cancelled(Exception):
    pass


# ---------------------------------------------------------------- HTTP


def oauth_header(credentials):
    """OAuth 1.0 with PLAINTEXT signature (RFC 5849, 3.4.4), as cloud-init's MAAS datasource sends it."""
    values = {
        "oauth_version": "1.0",
        "oauth_signature_method": "PLAINTEXT",
        "oauth_nonce": uuid.uuid4().hex,
        "oauth_timestamp": str(int(time.time())),
        "oauth_consumer_key": credentials["consumer_key"],
        "oauth_token": credentials["token_key"],
        "oauth_signature": "&" + credentials["token_secret"],
    }
    return "OAuth " + ", ".join(f'{key}="{urllib.parse.quote(value, safe="")}"' for key, value in values.items())


def multipart(fields, files):
    """The body and the content type of multipart/form-data (RFC 7578)."""
    boundary = uuid.uuid4().hex
    body = io.BytesIO()
    for name, value in fields.items():
        body.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, content in files.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        body.write(head.encode() + content + b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())
    return body.getvalue(), f"multipart/form-data; boundary={boundary}"


class Client:
    """Requests with retries: lost connections, 5xx, 429, and 409 with Retry-After are asked again until a deadline."""

    def __init__(self, console, credentials=None, first_delay=1.0, greatest_delay=20.0):
        self.console, self.credentials = console, credentials
        self.first_delay, self.greatest_delay = first_delay, greatest_delay

    def connect(self, url, timeout):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused(0, f"'{url}' is no http or https URL")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return kind(parts.hostname, parts.port, timeout=timeout), target

    def once(self, method, url, body, headers, timeout, limit):
        connection, target = self.connect(url, timeout)
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            data = response.read(limit + 1)
            if len(data) > limit:
                raise Refused(response.status, f"the answer is larger than {limit} bytes")
            return response.status, response.headers, data
        finally:
            connection.close()

    def request(self, method, url, body=None, headers=None, deadline=600.0, timeout=60.0, limit=16 << 20, authenticated=True, also_retry=()):
        """The body of a 2xx answer. Raises Refused for other final answers, Unreachable at the deadline (seconds)."""
        end, delay, attempt = time.monotonic() + deadline, self.first_delay, 0
        while True:
            attempt += 1
            sent = dict(headers or {})
            if authenticated and self.credentials:
                sent["Authorization"] = oauth_header(self.credentials)
            wait, begin = None, time.monotonic()
            try:
                status, answered, data = self.once(method, url, body, sent, min(timeout, max(1.0, end - begin)), limit)
                text = data[:300].decode("utf-8", "replace").strip()
                self.console.say(f"{method} {url} -> {status} in {time.monotonic() - begin:.1f} s")
                if 200 <= status < 300:
                    return data
                after = answered.get("Retry-After", "")
                if status >= 500 or status == 429 or (status == 409 and after) or status in also_retry:
                    wait = float(after) if after.isdigit() else None
                else:
                    raise Refused(status, text)
                why = f"status {status}: {text}"
            except (OSError, http.client.HTTPException) as error:
                why = f"{type(error).__name__}: {error}"
                self.console.say(f"{method} {url} -> {why}")
            pause = min(wait if wait is not None else delay * random.uniform(0.7, 1.3), 60.0)
            if time.monotonic() + pause >= end:
                raise Unreachable(f"{method} {url}: no answer within {deadline:.0f} s, {attempt} attempts; the last: {why}")
            time.sleep(pause)
            delay = min(delay * 2, self.greatest_delay)


# ---------------------------------------------------------------- running commands


def stop_group(process):
    """Ends a process and all it started: politely, then for certain."""
    for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


class Log:
    """The last part of what a step printed."""

    def __init__(self, console):
        self.console, self.data, self.lock = console, b"", threading.Lock()

    def add(self, data):
        with self.lock:
            self.data = (self.data + data)[-TAIL_LIMIT:]

    def line(self, text):
        self.add(text.encode() + b"\n")
        self.console.say(text)


def run(log, argv, timeout=600, stdin=b"", check=True, environment=None):
    """Runs a program; its output goes to the log and is returned. A failure raises StepFailed with the command's name and exit status."""
    log.line("$ " + " ".join(argv))
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
        )
    except OSError as error:
        if check:
            raise StepFailed(f"{argv[0]}: {error.strerror}") from None
        return 127, b""
    try:
        output, _ = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        stop_group(process)
        process.stdout.close()
        process.stdin.close()
        raise StepFailed(f"{argv[0]}: not done after {timeout} s") from None
    log.add(output)
    if check and process.returncode != 0:
        last = output.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no output"]
        raise StepFailed(f"{argv[0]}: exit status {process.returncode}: {last[0][:300]}")
    return process.returncode, output


# ---------------------------------------------------------------- disks

LSBLK = ["lsblk", "--json", "--bytes", "--output", "NAME,KNAME,PATH,TYPE,SIZE,SERIAL,MODEL,WWN,RO,RM,TRAN,PKNAME"]


def disks_of(listing, links=None):
    """Disks that may be written, from lsblk's JSON: {path: properties}. Optical drives, loops and read-only devices never count.

    links: {link below /dev/disk: device path}, as udev made them.
    """
    found = {}
    for device in listing.get("blockdevices", []):
        name = device.get("kname") or device.get("name") or ""
        if device.get("type") != "disk" or device.get("ro") in (True, "1", 1) or re.match(r"(sr|loop|ram|zram|fd)\d", name):
            continue
        path = device.get("path") or f"/dev/{name}"
        found[path] = {
            "path": path, "name": name, "size": int(device.get("size") or 0), "serial": (device.get("serial") or "").strip(),
            "model": (device.get("model") or "").strip(), "wwn": device.get("wwn") or "", "transport": device.get("tran") or "",
            "links": {link for link, target in (links or {}).items() if target == path},
        }
    return found


def resolve_disk(reference, disks):
    """The one disk that has every property that the reference names. None or several is an error, never a guess."""
    known = {"serial", "model", "path", "id_path", "size_bytes", "wwn"}
    if not isinstance(reference, dict) or not known & set(reference) or set(reference) - known - {"partition", "name"}:
        raise StepFailed(f"disk {json.dumps(reference)}: expected an object with one or more of {', '.join(sorted(known))}")
    if not {"serial", "path", "id_path", "wwn"} & set(reference):
        raise StepFailed(f"disk {json.dumps(reference)}: a model or a size alone names no disk")

    def matches(disk):
        return (
            reference.get("serial", disk["serial"]) == disk["serial"]
            and reference.get("model", disk["model"]) == disk["model"]
            and reference.get("wwn", disk["wwn"]) == disk["wwn"]
            and reference.get("path", disk["path"]) == disk["path"]
            and ("id_path" not in reference or reference["id_path"] in disk["links"] or reference["id_path"] == disk["path"])
            and int(reference.get("size_bytes", disk["size"])) == disk["size"]
        )

    chosen = [disk for disk in disks.values() if matches(disk)]
    if len(chosen) != 1:
        have = ", ".join(f"{d['path']} (serial '{d['serial']}', {d['size']} bytes)" for d in disks.values()) or "no disks"
        raise StepFailed(f"disk {json.dumps(reference)}: {len(chosen)} disks match; this machine has {have}")
    return chosen[0]


def disk_links():
    links = {}
    for folder in ("by-id", "by-path", "by-uuid"):
        for link in sorted(pathlib.Path("/dev/disk", folder).glob("*")) if os.path.isdir(f"/dev/disk/{folder}") else []:
            links[str(link)] = os.path.realpath(link)
    return links


def scan_disks(log):
    run(log, ["udevadm", "settle", "--timeout=60"], check=False)
    _, output = run(log, LSBLK)
    return disks_of(json.loads(output), disk_links())


def partition_path(disk, number):
    return f"{disk}p{number}" if disk[-1].isdigit() else f"{disk}{number}"


# ---------------------------------------------------------------- erasing

ZERO, ERASED, CHANGED = "zero", "zeroes or ones", "changed"
PURGE, CLEAR = "NIST SP 800-88 Purge", "NIST SP 800-88 Clear"
METHODS = {  # what each is worth, and what reading back has to show; the best comes first
    "nvme-sanitize-crypto": (PURGE, CHANGED),
    "nvme-sanitize-block": (PURGE, ERASED),
    "nvme-format-crypto": (PURGE, CHANGED),
    "ata-secure-erase-enhanced": (PURGE, CHANGED),
    "nvme-sanitize-overwrite": (PURGE, ZERO),
    "nvme-format-user-data": (CLEAR, ERASED),
    "ata-secure-erase-normal": (CLEAR, ERASED),
    "discard-zeroes": (CLEAR, ZERO),
    "write-zeroes": (CLEAR, ZERO),
    "overwrite-zeroes": (CLEAR, ZERO),
    "quick": ("none: only the ends and the signatures", ZERO),
}
SANITIZE_ACTIONS = {"nvme-sanitize-block": 2, "nvme-sanitize-overwrite": 3, "nvme-sanitize-crypto": 4}
MODES = ("auto", "full", "quick", "secure", "secure_or_quick")
ATA_PASSWORD = "gantry"


def ata_facts(text):
    """What `hdparm -I` says of a drive's security feature set (ACS-3, 4.20) and of its TRIM; None when it is no ATA drive."""
    lines = [" ".join(line.split()).lstrip("* ") for line in text.splitlines()]
    if not any("ATA device" in line for line in lines):
        return None
    security = lines[lines.index("Security:") + 1 :] if "Security:" in lines else []
    minutes = {kind: int(number) for line in security for number, kind in re.findall(r"(\d+)min for (SECURITY|ENHANCED SECURITY) ERASE UNIT", line)}
    return {
        "supported": "supported" in security, "enhanced": "supported: enhanced erase" in security, "enabled": "enabled" in security,
        "locked": "locked" in security, "frozen": "frozen" in security, "zero_after_trim": any("Deterministic read ZEROs after TRIM" in line for line in lines),
        "minutes": {"normal": minutes.get("SECURITY", 0), "enhanced": minutes.get("ENHANCED SECURITY", 0)},
    }


def sanitize_state(log):
    """(state, progress in percent) of NVMe's sanitize status log page (NVMe 1.4, 5.14.1.16.2)."""
    if len(log) < 4:
        return "unknown", 0
    progress, status = int.from_bytes(log[0:2], "little"), int.from_bytes(log[2:4], "little") & 7
    return {0: "never", 1: "done", 2: "running", 3: "failed", 4: "done"}.get(status, "unknown"), 100 * progress // 65536


def erase_methods(facts, mode):
    """The methods to try, in order, and why each better one is not among them. Pure: equal facts give equal answers."""
    wanted, not_used = [], []

    def consider(method, *obstacles):
        why = next((reason for is_so, reason in obstacles if is_so), None)
        wanted.append(method) if why is None else not_used.append(f"{method}: {why}")

    if mode == "quick":
        return ["quick"], []
    nvme, ata = facts.get("nvme"), facts.get("ata")
    if mode != "full" and nvme:
        shared = (not nvme["alone"], "other namespaces of the controller are not to be erased")
        sanicap, fna = nvme["sanicap"], nvme["fna"]
        no_format = (not nvme["oacs"] & 2, "the controller has no format command")
        shared_format = (bool(fna & 2) and not nvme["alone"], shared[1])
        consider("nvme-sanitize-crypto", (not sanicap & 1, "the controller does not have it"), shared)
        consider("nvme-sanitize-block", (not sanicap & 2, "the controller does not have it"), shared)
        consider("nvme-format-crypto", no_format, (not fna & 4, "the controller does not have it"), shared_format)
        consider("nvme-sanitize-overwrite", (not sanicap & 4, "the controller does not have it"), shared)
        consider("nvme-format-user-data", no_format, shared_format)
    elif mode != "full" and ata:
        obstacles = (
            (not ata["supported"], "the drive has no security feature set"),
            (ata["frozen"], "the firmware has frozen the drive's security settings; a drive that was plugged in later, or after a suspend, is not frozen"),
            (ata["locked"], "the drive is locked by a password that is not known here"),
            (ata["enabled"], "the drive has a password that is not known here"),
        )
        consider("ata-secure-erase-enhanced", *obstacles, (not ata["enhanced"], "the drive does not have it"))
        consider("ata-secure-erase-normal", *obstacles)
    elif mode != "full":
        not_used.append("secure erase: the disk is neither NVMe nor ATA")
    if mode == "secure_or_quick":
        return [*wanted, "quick"], not_used
    if mode == "auto":
        zeroes = bool(ata and ata["zero_after_trim"])
        consider("discard-zeroes", (not facts["discard"], "the disk takes no discard"), (not zeroes, "the disk does not promise zeroes after it"))
        consider("write-zeroes", (not facts["write_zeroes"], "the disk can't write zeroes by itself"))
    return [*wanted, "overwrite-zeroes"], not_used


def merged(ranges):
    """The same bytes without overlaps, in order."""
    found = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        elif high > low:
            found.append((low, high))
    return found


def utc_now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Eraser:
    """Erases disks as thoroughly as each can, and proves it by reading back."""

    SMALL = 4 << 30  # a disk up to this size is read back whole
    NEXT = "It is not proven to be erased: release again, or take the disk out and destroy it"
    SIGNATURE = 2 << 20  # bytes that a quick erase overwrites at either end of the disk and of its partitions
    POLL = 5.0  # seconds between looks at a sanitize operation
    SANITIZE_TIME = 48 * 3600  # seconds; an overwrite of a great disk takes a day
    BOOT_MOUNTS = ("/", "/run/live/medium", "/run/initramfs/live", "/cdrom")

    def __init__(self, log, progress, stopped):
        self.log, self.progress, self.stopped = log, progress, stopped
        self.results, self.locks, self.lock = {}, {}, threading.Lock()

    # what the device can do

    def number(self, disk, name):
        try:
            return int(pathlib.Path(f"/sys/block/{disk['name']}/queue/{name}").read_text())
        except (OSError, ValueError):
            return 0

    def controller(self, disk):
        """The controller of an NVMe namespace, for what concerns all of it: /dev/nvme0 of /dev/nvme0n1."""
        path = re.sub(r"n\d+$", "", disk["path"])
        return path if os.path.exists(path) else disk["path"]

    def nvme(self, disk, ours):
        code, output = run(self.log, ["nvme", "id-ctrl", "--output-format=json", disk["path"]], check=False)
        try:
            known = json.loads(output) if code == 0 else {}
        except ValueError:
            known = {}
        namespaces = {path.name for path in pathlib.Path("/sys/block").glob(re.sub(r"n\d+$", "n*", disk["name"])) if re.fullmatch(r"nvme\d+n\d+", path.name)}
        return {"sanicap": int(known.get("sanicap", 0)), "oacs": int(known.get("oacs", 0)), "fna": int(known.get("fna", 0)), "alone": namespaces <= {disk["name"], *ours}}

    def ata(self, path):
        _, output = run(self.log, ["hdparm", "-I", path], check=False)
        return ata_facts(output.decode("utf-8", "replace"))

    def facts(self, disk, ours):
        """What `erase_methods` chooses by. `ours`: the names of all disks that are to be erased."""
        is_nvme, ata = disk["name"].startswith("nvme"), None
        if not is_nvme and disk["transport"] in ("sata", "ata", "sas"):
            ata = self.ata(disk["path"])
            if ata and ata["enabled"]:  # perhaps by an erasure of ours that was cut off: then the password is known
                for option in ("--security-unlock", "--security-disable"):
                    run(self.log, ["hdparm", "--user-master", "u", option, ATA_PASSWORD, disk["path"]], check=False)
                ata = self.ata(disk["path"])
        return {
            "nvme": self.nvme(disk, ours) if is_nvme else None, "ata": ata, "discard": self.number(disk, "discard_max_bytes") > 0,
            "write_zeroes": self.number(disk, "write_zeroes_max_bytes") > 0, "rotational": self.number(disk, "rotational") > 0,
        }

    # letting go of what is on the disk

    def release(self, disk):
        """Stops whatever the kernel built on the disk: mounts, swap, volume groups, arrays, caches."""
        _, output = run(self.log, ["lsblk", "--json", "--list", "--output", "PATH,TYPE,MOUNTPOINTS", disk["path"]], check=False)
        try:
            below = json.loads(output).get("blockdevices", [])
        except ValueError:
            below = []
        for device in reversed(below):
            path, kind = device.get("path") or "", device.get("type") or ""
            for point in device.get("mountpoints") or []:
                if point in self.BOOT_MOUNTS:
                    raise StepFailed(f"{disk['path']}: this system runs from it")
                if point == "[SWAP]":
                    run(self.log, ["swapoff", path], check=False)
                elif point:
                    run(self.log, ["umount", "--lazy", point], check=False)
            if kind in ("lvm", "crypt", "dm", "mpath"):
                if kind == "lvm":
                    run(self.log, ["lvchange", "--activate", "n", path], check=False)
                run(self.log, ["dmsetup", "remove", "--retry", path], check=False)
            elif kind.startswith("raid"):
                run(self.log, ["mdadm", "--stop", path], check=False)
            elif os.path.exists(f"/sys/class/block/{os.path.basename(path)}/bcache/stop"):
                pathlib.Path(f"/sys/class/block/{os.path.basename(path)}/bcache/stop").write_text("1")

    # erasing

    def sanitize_log(self, disk):
        _, output = run(self.log, ["nvme", "sanitize-log", "--raw-binary", self.controller(disk)], check=False)
        return sanitize_state(output)

    def wait_for_sanitize(self, disk):
        """Until no sanitize is under way: it goes on over a restart, and the controller refuses everything else meanwhile. Returns its state."""
        end, last = time.monotonic() + self.SANITIZE_TIME, 0.0
        while True:
            state, percent = self.sanitize_log(disk)
            if state != "running":
                return state
            if time.monotonic() >= end:
                raise StepFailed(f"{disk['path']}: sanitizing is at {percent} % after {self.SANITIZE_TIME} s")
            if time.monotonic() - last > 30:
                last = time.monotonic()
                self.progress(f"{disk['path']}: sanitized {percent} %")
            if self.stopped.wait(self.POLL):
                raise Cancelled()

    def sanitize(self, disk, action):
        controller = self.controller(disk)
        overwrite = ["--ovrpat=0", "--owpass=1"] if action == 3 else []
        run(self.log, ["nvme", "sanitize", f"--sanact={action}", *overwrite, controller], timeout=600)
        state = self.wait_for_sanitize(disk)
        if state != "done":
            run(self.log, ["nvme", "sanitize", "--sanact=1", controller], check=False)  # leaves the failure mode, in which nothing can be written
            raise StepFailed(f"sanitizing ended as '{state}'")

    def nvme_format(self, disk, setting):
        run(self.log, ["nvme", "format", f"--ses={setting}", "--force", disk["path"]], timeout=6 * 3600)

    def ata_erase(self, disk, kind, minutes):
        path, user = disk["path"], ["hdparm", "--user-master", "u"]
        if minutes:
            self.progress(f"{path}: erases itself; the drive expects {minutes} minutes")
        run(self.log, [*user, "--security-set-pass", ATA_PASSWORD, path])
        option = "--security-erase-enhanced" if kind == "enhanced" else "--security-erase"
        try:
            run(self.log, [*user, option, ATA_PASSWORD, path], timeout=2 * 60 * minutes + 3600 if minutes else 24 * 3600)
        except StepFailed:
            run(self.log, [*user, "--security-disable", ATA_PASSWORD, path], check=False)
            raise

    def discard(self, disk, *options):
        step = 1 << 30
        for offset in range(0, disk["size"], step):
            self.check()
            length = min(step, disk["size"] - offset)
            run(self.log, ["blkdiscard", *options, "--offset", str(offset), "--length", str(length), disk["path"]], timeout=3600)
            if offset // step % 16 == 0:
                self.progress(f"{disk['path']}: cleared {100 * (offset + length) // max(disk['size'], 1)} %")

    def quick(self, disk, facts):
        """Signatures, both ends of the disk and of its partitions; the rest is discarded where the disk takes that. Returns the zeroed ranges."""
        ranges = merged(self.ends(disk) + self.partition_ends(disk))
        run(self.log, ["wipefs", "--all", "--force", disk["path"]], check=False)
        if facts["discard"] and not facts["rotational"]:
            run(self.log, ["blkdiscard", disk["path"]], timeout=3600, check=False)  # a hint: nothing is claimed of it
        for low, high in ranges:
            self.overwrite(disk, low, high)
        return ranges

    def partition_ends(self, disk):
        found = []
        for path in pathlib.Path(f"/sys/block/{disk['name']}").glob(f"{disk['name']}*/partition"):
            start, size = (512 * int((path.parent / name).read_text()) for name in ("start", "size"))
            found += [(start, min(start + self.SIGNATURE, start + size)), (max(start, start + size - self.SIGNATURE), start + size)]
        return [(low, min(high, disk["size"])) for low, high in found]

    def apply(self, method, disk, facts):
        """Does it, or raises StepFailed. Returns the ranges that were erased."""
        if method == "quick":
            return self.quick(disk, facts)
        if method in SANITIZE_ACTIONS:
            self.sanitize(disk, SANITIZE_ACTIONS[method])
        elif method.startswith("nvme-format"):
            self.nvme_format(disk, 2 if method == "nvme-format-crypto" else 1)
        elif method.startswith("ata-secure-erase"):
            kind = method.rpartition("-")[2]
            self.ata_erase(disk, kind, facts["ata"]["minutes"][kind])
        elif method == "discard-zeroes":
            self.discard(disk)
        elif method == "write-zeroes":
            self.discard(disk, "--zeroout")
        else:
            self.overwrite(disk)
        return [(0, disk["size"])]

    def overwrite(self, disk, begin=0, end=None):
        end, block, last = disk["size"] if end is None else end, bytes(4 << 20), time.monotonic()
        handle = os.open(disk["path"], os.O_WRONLY | os.O_EXCL)
        try:
            offset = begin
            while offset < end:
                self.check()
                offset += os.pwrite(handle, block[: min(len(block), end - offset)], offset)
                if offset % (256 << 20) < len(block):
                    os.fdatasync(handle)
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                if time.monotonic() - last > 10:
                    last = time.monotonic()
                    self.progress(f"{disk['path']}: overwritten {100 * offset // max(disk['size'], 1)} %")
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise StepFailed(f"{disk['path']}: writing zeroes at byte {offset}: {error.strerror}") from None
        finally:
            os.close(handle)

    def ends(self, disk):
        return [(0, min(self.SIGNATURE, disk["size"])), (max(0, disk["size"] - self.SIGNATURE), disk["size"])]

    def erase(self, disk, mode, ours=()):
        """Erases by the best method that works; what did not is kept with its reason. Namespaces of one controller take turns."""
        with self.lock:
            turn = self.locks.setdefault(self.controller(disk), threading.Lock())
        with turn:
            begin, started = time.monotonic(), utc_now()
            self.release(disk)
            if disk["name"].startswith("nvme") and self.sanitize_log(disk)[0] == "running":
                self.log.line(f"{disk['path']}: a sanitize of earlier is under way; waiting for its end")
                self.wait_for_sanitize(disk)
            facts = self.facts(disk, ours)
            methods, not_used = erase_methods(facts, mode)
            if any(METHODS[method][1] == CHANGED for method in methods):
                self.plant(disk)
            before = self.fingerprints(disk)
            method, ranges = self.first_that_works(methods, not_used, disk, facts)
            run(self.log, ["blockdev", "--rereadpt", disk["path"]], check=False)
            result = {
                "disk": disk["path"], "serial": disk["serial"], "model": disk["model"], "size_bytes": disk["size"], "mode": mode, "method": method,
                "standard": METHODS[method][0], "not_used": not_used, "started": started, "agent_version": AGENT_VERSION,
                "bytes": sum(high - low for low, high in ranges), "verified": False, "bytes_verified": 0, "duration": round(time.monotonic() - begin, 1),
            }
            self.results[disk["path"]] = (result, before, ranges)
            return result

    def first_that_works(self, methods, not_used, disk, facts):
        for method in methods:
            self.log.line(f"{disk['path']}: {method}")
            try:
                return method, self.apply(method, disk, facts)
            except StepFailed as error:
                self.log.line(f"{disk['path']}: {method}: {error}")
                not_used.append(f"{method}: {error}")
        raise StepFailed(f"{disk['path']}: nothing erased it ({'; '.join(not_used)}). Replace the disk or take it out, commission, and release again")

    # proving it

    def plant(self, disk):
        """Writes noise at the places that are compared: where there was nothing before, a change would show nothing."""
        handle = os.open(disk["path"], os.O_WRONLY)
        try:
            for offset in self.sample_offsets(disk, 64):
                os.pwrite(handle, os.urandom(min(CHUNK, disk["size"] - offset)), offset)
            os.fsync(handle)
        except OSError as error:
            raise StepFailed(f"{disk['path']}: writing at byte {offset}: {error.strerror}") from None
        finally:
            os.close(handle)

    def fingerprints(self, disk):
        """Digests of some blocks with content, before the erasure: after a cryptographic erasure they must have changed, zero or not."""
        found, zero = {}, bytes(CHUNK)
        for offset in self.sample_offsets(disk, 64):
            for data in self.read(disk, offset, offset + CHUNK):
                if data != zero[: len(data)]:
                    found[offset] = hashlib.sha256(data).digest()
        return found

    def sample_offsets(self, disk, count):
        last = max(0, disk["size"] - CHUNK) // 4096
        chooser = random.Random(disk["serial"] + disk["path"])
        return sorted({0, last * 4096, *(chooser.randint(0, last) * 4096 for _ in range(count))})

    def read(self, disk, begin, end):
        """Blocks as they are on the device: past the page cache (O_DIRECT wants aligned memory, which mmap gives)."""
        flags = os.O_RDONLY | (os.O_DIRECT if disk["size"] % 4096 == 0 else 0)
        handle = os.open(disk["path"], flags)
        buffer = mmap.mmap(-1, CHUNK)
        try:
            offset = begin
            while offset < end:
                count = os.preadv(handle, [buffer], offset)
                if count <= 0:
                    break
                yield buffer[: min(count, end - offset)]
                offset += count
        except OSError as error:
            raise StepFailed(f"{disk['path']}: reading back at byte {offset}: {error.strerror}") from None
        finally:
            buffer.close()
            os.close(handle)

    def verify(self, disk, samples):
        if disk["path"] not in self.results:
            raise StepFailed(f"{disk['path']}: nothing was erased in this run that could be verified")
        result, before, ranges = self.results[disk["path"]]
        begin, checked, expected = time.monotonic(), 0, METHODS[result["method"]][1]
        if result["method"] == "quick":
            how = "all that was overwritten is zero; nothing else was looked at"
        elif expected == CHANGED:
            ranges = [(offset, min(offset + CHUNK, disk["size"])) for offset in self.sample_offsets(disk, 64)]
            how = f"sampled: {len(before)} blocks of 1 MiB that had content can be read, and have changed"
        elif samples == "full" or disk["size"] <= self.SMALL:
            how = f"every byte: {expected}"
        else:
            ranges = merged((offset, min(offset + CHUNK, disk["size"])) for offset in self.sample_offsets(disk, int(samples or 1024)))
            how = f"sampled: {len(ranges)} places of 1 MiB: {expected}"
        zero, ones, last = bytes(CHUNK), b"\xff" * CHUNK, time.monotonic()
        for low, high in ranges:
            offset = low
            for data in self.read(disk, low, high):
                self.check()
                if expected != CHANGED and data != zero[: len(data)] and not (expected == ERASED and data == ones[: len(data)]):
                    raise StepFailed(f"{disk['path']}: data is still there at byte {offset} after {result['method']}. {self.NEXT}")
                offset += len(data)
                checked += len(data)
                if time.monotonic() - last > 10:
                    last = time.monotonic()
                    self.progress(f"{disk['path']}: read back {checked >> 20} MiB")
            if offset < high:
                raise StepFailed(f"{disk['path']}: reading back ended at byte {offset} of {high}. {self.NEXT}")
        for offset, digest in before.items() if result["method"] != "quick" else ():
            for data in self.read(disk, offset, offset + CHUNK):
                if hashlib.sha256(data).digest() == digest:
                    raise StepFailed(f"{disk['path']}: the block at byte {offset} did not change by {result['method']}. {self.NEXT}")
        duration = round(result["duration"] + time.monotonic() - begin, 1)
        result.update(verified=True, bytes_verified=checked, verification=how, finished=utc_now(), duration=duration)
        return result

    def check(self):
        if self.stopped.is_set():
            raise Cancelled()


# ---------------------------------------------------------------- plans


class Plan:
    """Runs the steps of an install or erase plan in order; each kind is a method `step_KIND`."""

    def __init__(self, agent, plan):
        if not isinstance(plan, dict) or plan.get("version") != 1 or not isinstance(plan.get("steps"), list):
            raise StepFailed("the plan is not understood: expected an object with 'version' 1 and a list 'steps'")
        self.agent, self.console, self.plan = agent, agent.console, plan
        self.name = "cmd-erase" if agent.work == "erase" else "cmd-install"
        self.target = plan.get("target", "/mnt/target")
        self.mounted, self.bound = [], False
        self.log = Log(self.console)
        self.eraser = Eraser(self.log, self.progress, agent.stopped)
        self.current, self.ending, self.files = None, None, []

    def report(self, event, name, description, **more):
        self.agent.report(event, name, description, **more)

    def progress(self, text):
        self.console.say(text)
        self.report("progress", f"{self.name}/stage-{self.current['id']}", text)

    def run(self):
        """Raises StepFailed with `step ID: why`; returns the last step's kind when that ends the work (reboot, poweroff)."""
        steps = self.plan["steps"]
        self.check_steps(steps)
        self.report("start", self.name, f"{len(steps)} steps, generation {self.plan.get('generation')}")
        for number, step in enumerate(steps, 1):
            if self.agent.stopped.is_set():
                raise Cancelled()
            self.current, self.files, self.log.data = step, [], b""
            name, title = f"{self.name}/stage-{step['id']}", step.get("title") or step["id"]
            self.console.say(f"step {number} of {len(steps)}: {title}")
            self.report("start", name, title)
            begin = time.monotonic()
            try:
                getattr(self, f"step_{step['kind']}")(step)
            except (StepFailed, Refused, Unreachable, OSError, KeyError, TypeError, ValueError) as error:
                why = str(error) if isinstance(error, (StepFailed, Refused, Unreachable)) else f"{type(error).__name__}: {error}"
                self.log.line(f"step {step['id']}: {why}")
                tail = [{"path": f"{step['id']}.log", "encoding": "base64", "content": base64.b64encode(self.log.data).decode()}]
                self.report("finish", name, f"{title}: {why}", result="FAIL", files=tail)
                self.report("finish", self.name, f"step {step['id']}: {why}", result="FAIL")
                raise StepFailed(f"step {step['id']}: {why}") from None
            self.report("finish", name, f"{title} ({time.monotonic() - begin:.1f} s)", result="SUCCESS", files=self.files)
        self.report("finish", self.name, f"all {len(steps)} steps are done", result="SUCCESS")
        return self.ending

    def check_steps(self, steps):
        seen = set()
        for step in steps:
            if not isinstance(step, dict) or not isinstance(step.get("id"), str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", step["id"]):
                raise StepFailed(f"step {json.dumps(step)[:200]}: expected an object with an 'id' of letters, digits, '_', '.', '-'")
            if step["id"] in seen:
                raise StepFailed(f"step {step['id']}: the id occurs twice")
            if not hasattr(self, f"step_{step.get('kind')}"):
                raise StepFailed(f"step {step['id']}: unknown kind '{step.get('kind')}'")
            seen.add(step["id"])

    # references

    def disk(self, reference):
        return resolve_disk(reference, scan_disks(self.log))

    def device(self, reference):
        """The device path of a disk, a partition of one, an array, a logical volume, or a cache."""
        if "raid" in reference:
            path = f"/dev/md/{reference['raid']}"
        elif "volume" in reference:
            path = f"/dev/{reference['group']}/{reference['volume']}"
        elif "bcache" in reference:
            path = self.bcache_path(reference["bcache"])
        else:
            path = self.disk(reference)["path"]
        if "partition" in reference:
            path = partition_path(os.path.realpath(path), int(reference["partition"]))
        for _ in range(100):
            if os.path.exists(path):
                return path
            run(self.log, ["udevadm", "settle", "--timeout=5"], check=False)
            time.sleep(0.1)
        raise StepFailed(f"{path} does not exist")

    def inside(self, path):
        """A path below the target. No way out by `..` or by a link in the image."""
        if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
            raise StepFailed(f"path '{path}': expected an absolute path without '..'")
        full = os.path.normpath(self.target + path)
        root, parent = os.path.realpath(self.target), os.path.dirname(full)
        while not os.path.exists(parent):
            parent = os.path.dirname(parent)
        if os.path.commonpath([root, os.path.realpath(parent)]) != root and full != os.path.normpath(self.target):
            raise StepFailed(f"path '{path}': leads out of the target")
        return full

    # disks

    def step_wipe_signatures(self, step):
        disk = self.disk(step["disk"])
        self.eraser.release(disk)
        _, output = run(self.log, ["lsblk", "--json", "--list", "--output", "PATH,TYPE", disk["path"]])
        for device in reversed(json.loads(output)["blockdevices"]):
            if device["type"] in ("part", "disk"):
                run(self.log, ["wipefs", "--all", "--force", device["path"]])
        for low, high in self.eraser.ends(disk):  # leftovers of arrays and volume groups that wipefs does not see without their devices
            self.eraser.overwrite(disk, low, high)
        run(self.log, ["blockdev", "--rereadpt", disk["path"]], check=False)

    def step_partition_table(self, step):
        disk, label = self.disk(step["disk"]), step.get("label", "gpt")
        if label not in ("gpt", "dos"):
            raise StepFailed(f"label '{label}': expected gpt or dos")
        lines = [f"label: {label}"]
        for part in step["partitions"]:
            fields = [f"{partition_path(disk['path'], int(part['number']))} :"]
            values = []
            if "start_bytes" in part:
                values.append(f"start={int(part['start_bytes']) // 512}")
            if not part.get("rest"):
                values.append(f"size={int(part['size_bytes']) // 512}")
            values.append(f"type={re.sub(r'[^0-9A-Fa-f-]', '', part['type_guid'])}")
            if part.get("name") and label == "gpt":
                values.append('name="%s"' % re.sub(r'[^A-Za-z0-9 _.-]', "", part["name"]))
            if part.get("uuid") and label == "gpt":
                values.append(f"uuid={re.sub(r'[^0-9A-Fa-f-]', '', part['uuid'])}")
            if part.get("bootable"):
                values.append("bootable" if label == "dos" else 'attrs="LegacyBIOSBootable"')
            lines.append(fields[0] + " " + ", ".join(values))
        script = "\n".join(lines) + "\n"
        self.log.line(script)
        run(self.log, ["sfdisk", "--wipe", "always", "--wipe-partitions", "always", "--lock=yes", disk["path"]], stdin=script.encode())
        run(self.log, ["udevadm", "settle", "--timeout=30"], check=False)
        for part in step["partitions"]:
            self.device({"path": disk["path"], "partition": part["number"]})

    def step_format(self, step):
        device, kind = self.device(step["device"]), step["fstype"]
        label, identity = step.get("label") or "", step.get("uuid") or ""
        run(self.log, ["wipefs", "--all", "--force", device])
        if kind in ("ext4", "ext3", "ext2"):
            argv = [f"mkfs.{kind}", "-q", "-F", *(["-L", label[:16]] if label else []), *(["-U", identity] if identity else []), device]
        elif kind in ("vfat", "fat32"):
            argv = ["mkfs.vfat", "-F", "32", *(["-n", label[:11].upper()] if label else []), *(["-i", identity.replace("-", "")] if identity else []), device]
        elif kind == "xfs":
            argv = ["mkfs.xfs", "-q", "-f", *(["-L", label[:12]] if label else []), *(["-m", f"uuid={identity}"] if identity else []), device]
        elif kind == "btrfs":
            argv = ["mkfs.btrfs", "-q", "-f", *(["-L", label] if label else []), *(["-U", identity] if identity else []), device]
        elif kind == "swap":
            argv = ["mkswap", "-f", *(["-L", label[:16]] if label else []), *(["-U", identity] if identity else []), device]
        else:
            raise StepFailed(f"fstype '{kind}': expected ext4, ext3, ext2, vfat, xfs, btrfs or swap")
        run(self.log, [*argv], timeout=1800)
        run(self.log, ["udevadm", "settle", "--timeout=30"], check=False)

    def step_raid_create(self, step):
        level = {"raid-0": "0", "raid-1": "1", "raid-5": "5", "raid-6": "6", "raid-10": "10"}.get(str(step["level"]), str(step["level"]))
        if level not in ("0", "1", "5", "6", "10"):
            raise StepFailed(f"level '{step['level']}': expected 0, 1, 5, 6 or 10")
        devices = [self.device(item) for item in step["devices"]]
        spares = [self.device(item) for item in step.get("spares", [])]
        run(self.log, ["modprobe", f"raid{'456' if level in '56' else level}"], check=False)
        for device in devices + spares:
            run(self.log, ["mdadm", "--zero-superblock", "--force", device], check=False)
        argv = ["mdadm", "--create", f"/dev/md/{step['name']}", "--run", f"--level={level}", f"--raid-devices={len(devices)}", "--metadata=1.2",
                "--homehost=any", f"--name={step['name']}", *(["--uuid", step["uuid"]] if step.get("uuid") else []),
                *([f"--spare-devices={len(spares)}"] if spares else []), *devices, *spares]
        run(self.log, argv)
        self.device({"raid": step["name"]})

    def step_lvm_group(self, step):
        devices = [self.device(item) for item in step["devices"]]
        run(self.log, ["modprobe", "dm_mod"], check=False)
        run(self.log, ["vgremove", "--force", "--yes", step["name"]], check=False)
        for device in devices:
            run(self.log, ["pvcreate", "--yes", "--force", "--force", device])
        run(self.log, ["vgcreate", "--yes", step["name"], *devices])

    def step_lvm_volume(self, step):
        size = ["--extents", "100%FREE"] if step.get("rest") else ["--size", f"{int(step['size_bytes'])}b"]
        run(self.log, ["lvcreate", "--yes", "--wipesignatures", "y", "--name", step["name"], *size, step["group"]])
        self.device({"group": step["group"], "volume": step["name"]})

    def bcache_path(self, name):
        for path in sorted(pathlib.Path("/sys/block").glob("bcache*")):
            label = path / "bcache" / "label"
            if label.exists() and label.read_text().strip() == name:
                return f"/dev/{path.name}"
        raise StepFailed(f"bcache '{name}' does not exist")

    def step_bcache(self, step):
        backing, cache = self.device(step["backing"]), self.device(step["cache"])
        mode = step.get("mode", "writethrough")
        if mode not in ("writethrough", "writeback", "writearound"):
            raise StepFailed(f"mode '{mode}': expected writethrough, writeback or writearound")
        run(self.log, ["modprobe", "bcache"])
        _, shown = run(self.log, ["bcache-super-show", cache], check=False)
        known = re.search(rb"cset\.uuid\s+([0-9a-f-]{36})", shown)
        if not known:
            run(self.log, ["make-bcache", "--wipe-bcache", "-C", cache])
            _, shown = run(self.log, ["bcache-super-show", cache])
            known = re.search(rb"cset\.uuid\s+([0-9a-f-]{36})", shown)
        run(self.log, ["make-bcache", "--wipe-bcache", "-B", backing])
        for device in (cache, backing):
            try:
                pathlib.Path("/sys/fs/bcache/register").write_text(device)
            except OSError:
                pass  # udev was quicker
        node = pathlib.Path("/sys/class/block", os.path.basename(os.path.realpath(backing)), "bcache")
        for _ in range(100):
            if (node / "attach").exists():
                break
            time.sleep(0.1)
        (node / "attach").write_text(known.group(1).decode())
        (node / "cache_mode").write_text(mode)
        (node / "label").write_text(step["name"])

    def step_mount(self, step):
        device, path = self.device(step["device"]), self.inside(step["path"])
        os.makedirs(path, exist_ok=True)
        if os.path.ismount(path):
            run(self.log, ["umount", path])
        run(self.log, ["mount", *(["-o", step["options"]] if step.get("options") else []), device, path])
        self.mounted.append(path)

    # the image

    def step_fetch_image(self, step):
        form, size = step.get("format", "tar.zst"), int(step["size"])
        unpack = {"tar.zst": ["zstd", "-dc"], "tar.gz": ["gzip", "-dc"], "tgz": ["gzip", "-dc"], "tar.xz": ["xz", "-dc"], "txz": ["xz", "-dc"]}.get(form)
        if unpack is None:
            raise StepFailed(f"format '{form}': expected tar.zst, tar.gz or tar.xz")
        root = self.inside(step.get("target", "/"))
        with tempfile.TemporaryFile() as messages:
            packed = subprocess.Popen(unpack, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages, start_new_session=True)
            tar = subprocess.Popen(
                ["tar", "-xpf", "-", "-C", root, "--numeric-owner", "--xattrs", "--xattrs-include=*"], stdin=packed.stdout, stderr=messages, start_new_session=True
            )
            packed.stdout.close()
            try:
                try:
                    self.stream(step["url"], step["sha256"].lower(), size, packed.stdin)
                    packed.stdin.close()
                except BrokenPipeError:
                    pass  # the unpacker ended first: its exit status says why
                codes = (packed.wait(1800), tar.wait(1800))
            except BaseException:
                for process in (packed, tar):
                    stop_group(process)
                try:
                    packed.stdin.close()
                except BrokenPipeError:
                    pass  # what was not written yet is not wanted any more
                raise
            finally:
                messages.seek(0)
                self.log.add(messages.read(TAIL_LIMIT))
            if codes != (0, 0):
                raise StepFailed(f"unpacking {form}: exit status {codes[0]} of {unpack[0]}, {codes[1]} of tar")

    def stream(self, url, digest, size, sink):
        """The bytes of `url` into `sink`, hashed on the way. A lost connection goes on where it was (Range, RFC 9110, 14.2)."""
        hasher, done, last, end, failures = hashlib.sha256(), 0, time.monotonic(), time.monotonic() + 4 * 3600, 0
        while done < size:
            before = done
            try:
                connection, target = self.agent.client.connect(url, 60)
                try:
                    connection.request("GET", target, headers={"Range": f"bytes={done}-"} if done else {})
                    response = connection.getresponse()
                    self.console.say(f"GET {url} from byte {done} -> {response.status}")
                    if response.status not in ((206,) if done else (200,)):
                        if response.status < 500:
                            raise StepFailed(f"{url}: status {response.status}")
                        raise http.client.HTTPException(f"status {response.status}")
                    while data := response.read(CHUNK):
                        if done + len(data) > size:
                            raise StepFailed(f"{url}: longer than {size} bytes")
                        hasher.update(data)
                        sink.write(data)
                        done += len(data)
                        if time.monotonic() - last > 4:
                            last = time.monotonic()
                            self.progress(f"{100 * done // size} % of {size >> 20} MiB")
                        if self.agent.stopped.is_set():
                            raise Cancelled()
                finally:
                    connection.close()
            except BrokenPipeError:
                raise
            except (OSError, http.client.HTTPException) as error:
                self.log.line(f"{url}: {type(error).__name__}: {error} at byte {done}")
            failures = 0 if done > before else failures + 1
            if done < size:
                if failures >= 60 or time.monotonic() > end:
                    raise StepFailed(f"{url}: only {done} of {size} bytes came")
                time.sleep(min(self.agent.client.first_delay * 2 ** min(failures, 4), self.agent.client.greatest_delay))
        if hasher.hexdigest() != digest:
            raise StepFailed(f"{url}: SHA-256 is {hasher.hexdigest()}, expected {digest}")

    # files

    def write(self, path, content, mode, append=False):
        full = self.inside(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.islink(full):
            os.unlink(full)
        with open(full, "ab" if append else "wb") as file:
            file.write(content)
        os.chmod(full, int(mode, 8) if isinstance(mode, str) else mode)

    def content(self, item):
        return base64.b64decode(item["content_base64"], validate=True) if "content_base64" in item else item["content"].encode()

    def step_write_file(self, step):
        self.write(step["path"], self.content(step), step.get("mode", "0644"), bool(step.get("append")))

    def step_cloud_init_seed(self, step):
        for item in step["files"]:
            self.write(item["path"], self.content(item), item.get("mode", "0600"))
        for name in ("instance", "instances", "sem", "data", "seed"):
            full = self.inside(f"/var/lib/cloud/{name}")
            shutil.rmtree(full, ignore_errors=True) if not os.path.islink(full) else os.unlink(full)

    def source(self, value):
        """What fstab calls a device: text as it is, or a reference by its file system's UUID."""
        if isinstance(value, str):
            return value
        _, output = run(self.log, ["blkid", "-s", "UUID", "-o", "value", self.device(value)])
        return f"UUID={output.decode().strip()}"

    def step_fstab(self, step):
        lines = ["# made by Gantry: device, mount point, type, options, dump, pass"]
        for entry in step["entries"]:
            fields = [self.source(entry["source"]), entry["path"], entry["fstype"], entry.get("options") or "defaults", str(entry.get("dump", 0)), str(entry.get("pass", 0))]
            if any(re.search(r"\s", field) for field in fields):
                raise StepFailed(f"fstab entry {json.dumps(entry)}: no field may have white space")
            lines.append(" ".join(fields))
        self.write("/etc/fstab", ("\n".join(lines) + "\n").encode(), "0644")

    # in the installed system

    def chroot(self, argv, timeout=1800, environment=None, check=True):
        if not self.bound:
            for name in ("proc", "sys", "dev", "run"):
                os.makedirs(f"{self.target}/{name}", exist_ok=True)
                run(self.log, ["mount", "--rbind", "--make-rslave", f"/{name}", f"{self.target}/{name}"])
            self.bound = True
        home = {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        return run(self.log, ["chroot", self.target, *argv], timeout=timeout, environment={**home, **(environment or {})}, check=check)

    def step_chroot_command(self, step):
        self.chroot([str(word) for word in step["argv"]], timeout=float(step.get("timeout", 1800)), environment=step.get("environment"))

    def step_grub_bios(self, step):
        self.chroot(["grub-install", "--target=i386-pc", self.disk(step["disk"])["path"]])

    def step_grub_uefi(self, step):
        """Into the removable path: the firmware's boot order stays as it is, so the network comes first at the next start too."""
        name = re.sub(r"[^A-Za-z0-9_-]", "", step.get("bootloader_id", "debian"))
        self.chroot(["grub-install", f"--target={step.get('platform', 'x86_64-efi')}", f"--efi-directory={step.get('path', '/boot/efi')}", f"--bootloader-id={name}",
                     "--uefi-secure-boot", "--force-extra-removable", "--no-nvram"])

    def step_grub_config(self, step):
        """The kernel's options and GRUB's menu, then /boot/grub/grub.cfg."""
        quoted = str(step.get("kernel_options", "")).replace("\\", "").replace('"', "").replace("$", "").replace("`", "")
        lines = [f'GRUB_CMDLINE_LINUX="{quoted}"', f"GRUB_TIMEOUT={int(step.get('timeout', 1))}", "GRUB_DISABLE_OS_PROBER=true"]
        if step.get("serial"):
            lines += ['GRUB_TERMINAL="console serial"', f'GRUB_SERIAL_COMMAND="serial --unit={int(step.get("serial_unit", 0))} --speed=115200"']
        self.write("/etc/default/grub.d/50-gantry.cfg", ("\n".join(lines) + "\n").encode(), "0644")
        self.chroot(["update-grub"])

    def step_unmount_all(self, step):
        run(self.log, ["sync"], timeout=1800)
        if self.bound:
            for name in ("run", "dev", "sys", "proc"):
                run(self.log, ["umount", "--recursive", "--lazy", f"{self.target}/{name}"], check=False)
            self.bound = False
        for path in reversed(self.mounted):
            code, _ = run(self.log, ["umount", path], check=False)
            if code != 0:
                run(self.log, ["umount", "--lazy", path])
        self.mounted = []
        run(self.log, ["sync"], timeout=1800)

    # erasing

    def each_disk(self, step, work):
        """Does `work` on all disks of the step at once; a result for each, the first failure after all have ended."""
        known = scan_disks(self.log)
        disks = [resolve_disk(item, known) for item in (step["disks"] if "disks" in step else [step["disk"]])]
        if len({disk["path"] for disk in disks}) != len(disks):
            raise StepFailed("a disk is named twice")
        names = {disk["name"] for disk in disks}
        failures = []
        with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(len(disks), 32))) as pool:
            for disk, future in [(disk, pool.submit(work, disk, names)) for disk in disks]:
                try:
                    result = future.result()
                except (StepFailed, OSError) as error:
                    failures.append(str(error))
                    result = {"disk": disk["path"], "serial": disk["serial"], "error": str(error), "verified": False}
                self.files.append({"path": "erase-result", "encoding": "base64", "content": base64.b64encode(json.dumps(result).encode()).decode()})
        if failures:
            raise StepFailed("; ".join(failures))

    def step_erase_disk(self, step):
        mode = step.get("mode", "auto")
        if mode not in MODES:
            raise StepFailed(f"mode '{mode}': expected {', '.join(MODES)}")
        self.each_disk(step, lambda disk, ours: self.eraser.erase(disk, mode, ours))
        self.files = []  # the certificate comes with the verification

    def step_verify_erased(self, step):
        samples = "full" if step.get("full") else step.get("samples", 1024)
        self.each_disk(step, lambda disk, _: self.eraser.verify(disk, samples))

    # ending

    def step_netboot_off(self, step):
        body, kind = multipart({"op": "netboot_off"}, {})
        self.agent.client.request("POST", self.agent.metadata("?op=netboot_off"), body, {"Content-Type": kind}, deadline=1800)

    def step_reboot(self, step):
        self.ending = "reboot"

    def step_poweroff(self, step):
        self.ending = "poweroff"


# ---------------------------------------------------------------- scripts


class Script:
    """One entry of the index of maas-scripts."""

    def __init__(self, entry, kind):
        self.name, self.path, self.kind = str(entry["name"]), str(entry["path"]), kind
        self.result_id, self.version_id = entry.get("script_result_id"), entry.get("script_version_id")
        self.timeout = float(entry.get("timeout_seconds") or 0) or None
        self.parallel = int(entry.get("parallel") or 0)
        self.parameters = entry.get("parameters") or {}
        self.packages = entry.get("packages") or {}

    def fields(self):
        known = {"script_result_id": self.result_id, "script_version_id": self.version_id}
        return {key: value for key, value in known.items() if value is not None}


class ScriptRunner:
    """Runs maas-scripts in the order of their names and reports each result.

    parallel 0: alone. 1: together with other entries of the same name. 2: together with neighbours that are 2 as well.
    """

    def __init__(self, agent, folder):
        self.agent, self.console, self.folder = agent, agent.console, pathlib.Path(folder)
        self.environment = {}

    def unpack(self, archive):
        """Unpacks regular files only, below the folder only. Returns the index."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        total = 0
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                parts = pathlib.PurePosixPath(member.name).parts
                if not member.isfile() or member.name.startswith("/") or ".." in parts:
                    continue
                total += member.size
                if total > ARCHIVE_LIMIT:
                    raise StepFailed(f"maas-scripts: more than {ARCHIVE_LIMIT} bytes")
                path = self.folder.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(tar.extractfile(member).read())
                path.chmod(0o755)
        try:
            return json.loads((self.folder / "index.json").read_text())["1.0"]
        except (OSError, ValueError, KeyError) as error:
            raise StepFailed(f"maas-scripts: no index of version 1.0: {error}") from None

    @staticmethod
    def batches(scripts):
        """Lists of scripts that run at the same time, in order."""
        result = []
        for script in sorted(scripts, key=lambda item: (item.name, str(item.result_id))):
            last = result[-1][-1] if result else None
            together = last is not None and last.parallel == script.parallel and (script.parallel == 2 or (script.parallel == 1 and last.name == script.name))
            result[-1].append(script) if together else result.append([script])
        return result

    def run_all(self, entries, kind):
        """Names of the scripts that failed."""
        failed, scripts = [], []
        for entry in entries:
            try:
                scripts.append(Script(entry, kind))
            except (KeyError, TypeError, ValueError) as error:
                raise StepFailed(f"maas-scripts: bad entry {json.dumps(entry)[:200]}: {error}") from None
        done, total = 0, len(scripts)
        for batch in self.batches(scripts):
            if self.agent.stopped.is_set():
                raise Cancelled()
            limit = 1 if len(batch) == 1 else max(2, min(len(batch), os.cpu_count() or 2))
            with concurrent.futures.ThreadPoolExecutor(max_workers=limit) as pool:
                for script, status in zip(batch, pool.map(self.run_one, batch, range(done + 1, done + 1 + len(batch)), [total] * len(batch))):
                    if status != 0:
                        failed.append(script.name)
            done += len(batch)
        return failed

    def arguments(self, script):
        words = []
        for name, parameter in script.parameters.items():
            value = parameter.get("value") if isinstance(parameter, dict) else None
            if value in (None, "", False):
                continue
            form = parameter.get("argument_format")
            kind = parameter.get("type")
            if kind == "storage" and isinstance(value, dict):
                disk = resolve_disk({key: value[key] for key in ("serial", "model", "id_path") if value.get(key)}, scan_disks(Log(self.console)))
                values = {**value, "path": disk["path"], "input": disk["path"], "name": disk["name"]}
                form = form or "--storage={path}"
            elif isinstance(value, dict):
                values, form = {**value, "input": value.get("name", "")}, form or f"--{name}={{name}}"
            elif kind == "boolean":
                values, form = {"input": ""}, form or f"--{name}"
            else:
                values, form = {"input": str(value)}, form or f"--{name}={{input}}"
            words += [re.sub(r"\{(\w+)\}", lambda match: str(values.get(match[1], "")), word) for word in form.split()]
        return words

    def run_one(self, script, number, total):
        """Runs one script and reports it; its exit status."""
        output = self.folder.parent / "out" / f"{script.name}.{script.result_id}"
        output.mkdir(parents=True, exist_ok=True)
        base = output / script.name
        paths = {"combined": base, "out": base.with_name(script.name + ".out"), "err": base.with_name(script.name + ".err"), "result": base.with_name(script.name + ".yaml")}
        bmc = output / "bmc.json"
        for path in (*paths.values(), bmc):
            path.unlink(missing_ok=True)
        self.agent.signal("WORKING", error=f"Starting {script.name} [{number}/{total}]", **script.fields())
        begin, timed_out = time.monotonic(), False
        try:
            argv = [str(self.folder / script.path), *self.arguments(script)]
            self.install(script, paths)
            environment = {
                **os.environ, **self.environment, "OUTPUT_COMBINED_PATH": str(paths["combined"]), "OUTPUT_STDOUT_PATH": str(paths["out"]),
                "OUTPUT_STDERR_PATH": str(paths["err"]), "RESULT_PATH": str(paths["result"]), "BMC_CONFIG_PATH": str(bmc),
                "DOWNLOAD_PATH": str(self.folder.parent / "downloads"), "RUNTIME": str(int(script.timeout or 0)), "HAS_STARTED": "False", "LC_ALL": "C.UTF-8",
                "SCRIPTS_OUTPUT_PATH": str(self.folder.parent / "out"),
            }
            status, timed_out = self.execute(argv, environment, paths, script.timeout)
        except StepFailed as error:
            status = 1
            paths["err"].write_text(f"{error}\n")
            paths["combined"].write_text(f"{error}\n")
        except OSError as error:
            status = 126 if isinstance(error, PermissionError) else 127 if isinstance(error, FileNotFoundError) else 125
            paths["err"].write_text(f"{script.name}: {error.strerror}\n")
            paths["combined"].write_text(f"{script.name}: {error.strerror}\n")
        runtime = time.monotonic() - begin
        files = {}
        for key, path in paths.items():
            if path.exists():
                files[path.name] = path.read_bytes()[:OUTPUT_LIMIT]
        more = {}
        if bmc.exists():
            try:
                found = json.loads(bmc.read_text())
                more = {"power_type": found["power_type"], "power_parameters": json.dumps(found["power_parameters"])}
            except (ValueError, KeyError, TypeError) as error:
                self.console.say(f"{script.name}: what it wrote about the BMC is not understood: {error}")
            bmc.unlink()
        self.console.say(f"{script.name}: exit status {status} after {runtime:.1f} s{' (timed out)' if timed_out else ''}")
        self.agent.signal(
            "TIMEDOUT" if timed_out else "WORKING", error=f"Finished {script.name} [{number}/{total}]: {status}" if not timed_out else f"{script.name}: not done after {script.timeout:.0f} s",
            exit_status=status, runtime=f"{runtime:.3f}", files=files, **script.fields(), **more,
        )
        return status

    def install(self, script, paths):
        wanted = [str(name) for name in script.packages.get("apt", [])] if isinstance(script.packages, dict) else []
        if wanted:
            log = Log(self.console)
            run(log, ["apt-get", "-qy", "update"], timeout=600)
            run(log, ["apt-get", "-qy", "--no-install-recommends", "install", *wanted], timeout=1800, environment={"DEBIAN_FRONTEND": "noninteractive"})

    def execute(self, argv, environment, paths, timeout):
        """(exit status, whether the time was over). The process group dies with the script."""
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True, cwd=self.folder)
        lock = threading.Lock()
        with open(paths["combined"], "wb") as combined:
            written = {"combined": 0}

            def copy(pipe, path):
                with open(path, "wb") as file:
                    written[path] = 0
                    while data := pipe.read1(65536):
                        with lock:
                            if written["combined"] < OUTPUT_LIMIT:
                                combined.write(data)
                                combined.flush()
                                written["combined"] += len(data)
                            if written[path] < OUTPUT_LIMIT:
                                file.write(data)
                                file.flush()
                                written[path] += len(data)

            readers = [threading.Thread(target=copy, args=pair, daemon=True) for pair in ((process.stdout, paths["out"]), (process.stderr, paths["err"]))]
            for reader in readers:
                reader.start()
            timed_out, end = False, time.monotonic() + (timeout or 10**9)
            while True:
                try:
                    process.wait(min(1.0, max(0.01, end - time.monotonic())))
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() >= end or self.agent.stopped.is_set():
                        timed_out = time.monotonic() >= end
                        stop_group(process)
                        break
            try:
                os.killpg(process.pid, signal.SIGKILL)  # children that outlive the script would hold its pipes open
            except ProcessLookupError:
                pass
            for reader in readers:
                reader.join(10)
            for pipe, reader in zip((process.stdout, process.stderr), readers):
                if not reader.is_alive():
                    pipe.close()
        status = process.returncode
        return (124 if timed_out else status if status is not None and status >= 0 else 128 - (status or -9)), timed_out


# ---------------------------------------------------------------- the agent


class Agent:
    def __init__(self, configuration, console=None, sys_root="/", command_line=None, bmc_script=b"", work_folder="/var/lib/gantry", first_delay=1.0):
        if not isinstance(configuration, dict) or configuration.get("work") not in WORKS:
            raise ValueError(f"configuration: 'work' is {configuration.get('work')!r}, expected one of {', '.join(WORKS)}")
        self.configuration, self.work = configuration, configuration["work"]
        self.console = console or Console()
        self.sys_root, self.work_folder, self.bmc_script = pathlib.Path(sys_root), pathlib.Path(work_folder), bmc_script
        self.command_line = pathlib.Path("/proc/cmdline").read_text() if command_line is None else command_line
        self.client = Client(self.console, configuration.get("credentials"), first_delay=first_delay)
        self.stopped = threading.Event()
        self.bmc_credentials = configuration.get("bmc") or None

    # talking to the region

    @property
    def system_id(self):
        return self.configuration.get("system_id")

    def metadata(self, path):
        return f"{self.configuration['metadata_url'].rstrip('/')}/{self.configuration.get('version') or '2012-03-01'}/{path}"

    def signal(self, status, files=None, deadline=1800.0, **fields):
        body, kind = multipart({"op": "signal", "status": status, **{key: value for key, value in fields.items() if value is not None}}, files or {})
        return self.client.request("POST", self.metadata("?op=signal"), body, {"Content-Type": kind}, deadline=deadline)

    def report(self, event, name, description, result=None, files=None):
        """The status webhook. A start or progress that does not get through is dropped; a finish is worth waiting for."""
        message = {"name": name, "description": description, "event_type": event, "origin": "gantry-agent", "timestamp": time.time()}
        if result:
            message["result"] = result
        if files:
            message["files"] = files
        url = f"{self.configuration['metadata_url'].rstrip('/')}/status/{self.system_id}"
        try:
            self.client.request("POST", url, json.dumps(message).encode(), {"Content-Type": "application/json"}, deadline=900 if event == "finish" else 20)
        except (Unreachable, Refused) as error:
            self.console.say(f"event '{name}' was not taken: {error}")

    def heartbeat(self, ended):
        while not ended.wait(float(self.configuration.get("heartbeat_seconds", 120))):
            try:
                self.signal("WORKING", deadline=60)
            except Unreachable as error:
                self.console.say(f"heartbeat: {error}")
            except Refused as error:
                # The region has ended this work (aborted, machine deleted): nothing that we do matters any more.
                if error.status in (401, 403, 404, 409, 410):
                    self.console.say(f"the region ended this work: {error}")
                    self.stopped.set()
                    return

    # what this machine is

    def mac_addresses(self):
        """Addresses of physical interfaces; the one that booted comes first."""
        found = []
        for path in sorted((self.sys_root / "sys/class/net").glob("*")):
            if not (path / "device").exists():
                continue
            address = (path / "address").read_text().strip().lower()
            if re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", address) and address != "00:00:00:00:00:00" and address not in found:
                found.append(address)
        booted = re.search(r"(?:^|\s)BOOTIF=[0-9A-Fa-f]{2}-([0-9A-Fa-f-]{17})", self.command_line)
        first = booted[1].lower().replace("-", ":") if booted else None
        return sorted(found, key=lambda address: address != first)

    def architecture(self):
        return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()) + "/generic"

    def power(self):
        """(power type, parameters): what 30-maas-01-bmc-config finds, or manual."""
        if not self.bmc_script:
            return "manual", {}
        self.work_folder.mkdir(parents=True, exist_ok=True)
        script, result = self.work_folder / "bmc-config", self.work_folder / "bmc.json"
        script.write_bytes(self.bmc_script)
        script.chmod(0o700)
        result.unlink(missing_ok=True)
        try:
            code, output = run(Log(self.console), [str(script)], timeout=300, check=False, environment={"BMC_CONFIG_PATH": str(result)})
            for line in output.decode("utf-8", "replace").splitlines()[-5:]:
                self.console.say(f"bmc: {line}")
            found = json.loads(result.read_text())
            return found["power_type"], found["power_parameters"]
        except (StepFailed, OSError, ValueError, KeyError) as error:
            self.console.say(f"no BMC that can be driven was found: {error}")
            return "manual", {}
        finally:
            result.unlink(missing_ok=True)

    # kinds of work

    def enlist(self):
        kind, parameters = self.power()
        fields = [("architecture", self.architecture()), ("hostname", ""), ("power_type", kind), ("power_parameters", json.dumps(parameters)), ("commission", "true")]
        fields += [("mac_addresses", address) for address in self.mac_addresses()]
        body = urllib.parse.urlencode(fields).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        url = f"{self.configuration['api_url'].rstrip('/')}/machines/"
        answer = json.loads(self.client.request("POST", url, body, headers, deadline=3600, authenticated=False))
        identity = answer["system_id"]
        if not re.fullmatch(r"[A-Za-z0-9]{1,32}", str(identity)):
            raise StepFailed(f"enlistment: '{str(identity)[:50]}' is no system_id")
        self.console.say(f"this machine is now {identity} ({answer.get('hostname', '')})")
        base = self.configuration["metadata_url"].rstrip("/").removesuffix("/enlist")
        preseed = self.client.request("GET", f"{base}/latest/by-id/{identity}/?op=get_preseed", deadline=600, authenticated=False, also_retry=(401, 403, 404))
        keys = preseed_keys(preseed.decode("utf-8", "replace"))
        missing = [key for key in ("consumer_key", "token_key", "token_secret") if not keys.get(key)]
        if missing:
            raise StepFailed(f"enlistment: the preseed of {identity} has no {', '.join(missing)}")
        self.configuration = {**self.configuration, "system_id": identity, "metadata_url": keys.get("metadata_url") or base + "/"}
        self.client.credentials = {key: keys[key] for key in ("consumer_key", "token_key", "token_secret")}
        if kind == "ipmi":
            self.bmc_credentials = {key: parameters.get(key, "") for key in ("power_user", "power_pass")}
        self.work = "commissioning"
        return self.commissioning()

    def commissioning(self):
        self.start_ssh()
        archive = self.client.request("GET", self.metadata("maas-scripts"), limit=ARCHIVE_LIMIT, deadline=1800)
        runner = ScriptRunner(self, self.work_folder / "scripts")
        if self.bmc_credentials:
            runner.environment = {"GANTRY_BMC_USER": self.bmc_credentials.get("power_user") or "", "GANTRY_BMC_PASSWORD": self.bmc_credentials.get("power_pass") or ""}
        index = runner.unpack(archive) if archive else {}
        failed = runner.run_all(index.get("commissioning_scripts") or [], "commissioning")
        if failed:
            return self.finished("FAILED", f"{len(failed)} commissioning script{'s' * (len(failed) > 1)} failed: {', '.join(failed)}")
        tests = index.get("testing_scripts") or []
        if tests:
            self.signal("TESTING")
            failed = runner.run_all(tests, "testing")
            if failed:
                return self.finished("FAILED", f"{len(failed)} testing script{'s' * (len(failed) > 1)} failed: {', '.join(failed)}")
        return self.finished("OK", "")

    def finished(self, status, error):
        self.signal(status, error=error)
        return None if self.configuration.get("enable_ssh") else "poweroff"

    def plan(self):
        text = self.client.request("GET", self.metadata("gantry/plan"), deadline=1800)
        try:
            plan = Plan(self, json.loads(text))
        except ValueError as error:
            raise StepFailed(f"the plan is not JSON: {error}") from None
        ending = plan.run()
        if self.work == "erase":
            self.signal("OK")
        return ending or "poweroff"

    def start_ssh(self):
        """For operators who asked for it: their keys, for root and the user `debian`."""
        if not self.configuration.get("enable_ssh"):
            return
        log = Log(self.console)
        try:
            keys = self.client.request("GET", self.metadata("meta-data/public-keys"), deadline=120)
            for home, owner in (("/root", "root"), ("/home/debian", "debian")):
                if os.path.isdir(home):
                    os.makedirs(f"{home}/.ssh", mode=0o700, exist_ok=True)
                    pathlib.Path(f"{home}/.ssh/authorized_keys").write_bytes(keys.rstrip() + b"\n")
                    run(log, ["chown", "-R", f"{owner}:", f"{home}/.ssh"], check=False)
            if not os.path.exists("/etc/ssh/ssh_host_ed25519_key"):
                run(log, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key"])
            run(log, ["systemctl", "start", "--no-block", "ssh.service"])
        except (Refused, Unreachable, StepFailed, OSError) as error:
            self.console.say(f"ssh was not started: {error}")

    # everything

    def run(self):
        """Does the work; returns how the machine should end: poweroff, reboot, or None (stay on)."""
        self.console.say(f"work: {self.work}, machine: {self.system_id or 'not known yet'}")
        if self.work == "poweroff":
            return "poweroff"
        ended = threading.Event()
        beat = threading.Thread(target=self.heartbeat, args=(ended,), daemon=True)
        try:
            if self.work == "enlist":
                self.prepare_enlist(beat)
                return self.enlist()
            beat.start()
            return self.commissioning() if self.work == "commissioning" else self.plan()
        except Cancelled:
            self.console.say("stopped, because the region ended this work")
        except (StepFailed, Refused, Unreachable) as error:
            self.fail(str(error))
        except Exception as error:  # a bug of ours must end in a report too, not in a machine that is silent for ever
            self.fail(f"the agent failed: {type(error).__name__}: {error}")
        finally:
            ended.set()
        return "poweroff"

    def prepare_enlist(self, beat):
        """The heartbeat starts with the machine's own key: before that there is nobody to report for."""
        begin = self.commissioning

        def commissioning():
            beat.start()
            return begin()

        self.commissioning = commissioning

    def fail(self, text):
        self.console.say(f"FAILED: {text}")
        if not self.client.credentials:
            return
        try:
            self.signal("FAILED", error=text)
        except (Refused, Unreachable) as error:
            self.console.say(f"the failure could not be reported: {error}")


def preseed_keys(text):
    """The keys of a preseed's MAAS datasource, read line by line: block or flow style, quoted or not."""
    found = {}
    for key in ("consumer_key", "token_key", "token_secret", "metadata_url"):
        match = re.search(rf"""(?:^|[\s{{,"'])["']?{key}["']?\s*:\s*(?:"([^"]*)"|'([^']*)'|([^\s,}}]+))""", text, re.MULTILINE)
        if match:
            found[key] = next(group for group in match.groups() if group is not None)
    return found


def leave(console, ending):
    """Powers off or restarts. systemd does it in order; if that hangs, the kernel does it."""
    if ending is None:
        return
    console.say(f"ending: {ending}")
    os.sync()
    for argv in (["systemctl", ending], ["systemctl", ending, "--force"], ["systemctl", ending, "--force", "--force"]):
        try:
            subprocess.run(argv, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            pass
        time.sleep(90)
    pathlib.Path("/proc/sysrq-trigger").write_text("o" if ending == "poweroff" else "b")


def main():
    console = Console()
    embedded, script = globals().get("GANTRY_CONFIGURATION"), globals().get("GANTRY_BMC_SCRIPT", "")
    try:
        text = base64.b64decode(embedded) if embedded else pathlib.Path(sys.argv[1]).read_bytes()
        agent = Agent(json.loads(text), console, bmc_script=base64.b64decode(script))
    except (IndexError, OSError, ValueError) as error:
        console.say(f"no usable configuration: {error}")
        leave(console, "poweroff")
        return
    leave(console, agent.run())


if __name__ == "__main__":
    main()

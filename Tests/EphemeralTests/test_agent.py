"""The agent against a real HTTP server. Run: python3 -m unittest discover -s Tests/EphemeralTests"""

import base64
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest

import support
from support import Region, agent, make


def archive(scripts, tests=(), compression=""):
    """A maas-scripts tar. scripts: [(entry, content)]."""
    index = {"1.0": {"commissioning_scripts": [], "testing_scripts": []}}
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compression}") as tar:
        for kind, items in (("commissioning", scripts), ("testing", tests)):
            for number, (entry, content) in enumerate(items):
                path = f"{kind}/{entry['name']}"
                index["1.0"][f"{kind}_scripts"].append({"path": path, "script_result_id": number + (100 if kind == "testing" else 1), **entry})
                information = tarfile.TarInfo(path)
                information.size = len(content)
                tar.addfile(information, io.BytesIO(content))
        text = json.dumps(index).encode()
        information = tarfile.TarInfo("index.json")
        information.size = len(text)
        tar.addfile(information, io.BytesIO(text))
    return data.getvalue()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-agent-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def region(self, answer):
        region = Region(answer)
        self.addCleanup(region.close)
        return region


class Commissioning(Case):
    def commission(self, data, **more):
        def answer(request):
            if request.path.endswith("/maas-scripts"):
                return 200, {}, data
            if request.method == "POST":
                return 200, {}, b"OK"

        region = self.region(answer)
        machine = make(region, "commissioning", self.folder / "work", **more)
        self.ending = machine.run()
        self.machine = machine
        return region

    def test_scripts_run_in_the_order_of_their_names_and_every_result_is_reported(self):
        order = self.folder / "order"
        say = lambda word: f"#!/bin/sh\necho {word} >> {order}\necho out-{word}\necho err-{word} >&2\necho 'status: passed' > $RESULT_PATH\n".encode()
        region = self.commission(archive([({"name": "20-second"}, say("second")), ({"name": "10-first"}, say("first"))], compression="xz"))
        self.assertEqual(order.read_text().split(), ["first", "second"])
        self.assertEqual(self.ending, "poweroff")
        signals = region.signals()
        self.assertEqual([item.fields["status"] for item in signals], ["WORKING"] * 4 + ["OK"])
        started, finished = signals[0], signals[1]
        self.assertEqual(started.fields["script_result_id"], "2")
        self.assertNotIn("exit_status", started.fields)
        self.assertEqual((finished.fields["script_result_id"], finished.fields["exit_status"]), ("2", "0"))
        self.assertGreaterEqual(float(finished.fields["runtime"]), 0)
        self.assertEqual(finished.files["10-first.out"], b"out-first\n")
        self.assertEqual(finished.files["10-first.err"], b"err-first\n")
        self.assertEqual(finished.files["10-first.yaml"], b"status: passed\n")
        self.assertEqual(sorted(finished.files["10-first"].split()), [b"err-first", b"out-first"])

    def test_requests_carry_the_machines_own_key_and_the_console_never_shows_it(self):
        region = self.commission(archive([]))
        for request in region.requests:
            header = request.headers["Authorization"]
            self.assertIn('oauth_consumer_key="ck"', header)
            self.assertIn('oauth_signature="%26very%26secret"', header)
        self.assertTrue(self.machine.console.lines)
        self.assertNotIn("secret", "\n".join(self.machine.console.lines))

    def test_a_failing_script_lets_the_others_run_and_fails_the_commissioning_by_name(self):
        region = self.commission(archive([({"name": "10-bad"}, b"#!/bin/sh\nexit 7\n"), ({"name": "20-good"}, b"#!/bin/sh\nexit 0\n")], tests=[({"name": "t"}, b"#!/bin/sh\n")]))
        self.assertEqual([item.fields.get("exit_status") for item in region.signals() if "exit_status" in item.fields], ["7", "0"])
        last = region.signals()[-1]
        self.assertEqual((last.fields["status"], last.fields["error"]), ("FAILED", "1 commissioning script failed: 10-bad"))

    def test_testing_scripts_run_after_the_commissioning_scripts_and_are_announced(self):
        region = self.commission(archive([({"name": "z"}, b"#!/bin/sh\n")], tests=[({"name": "a"}, b"#!/bin/sh\n")]))
        self.assertEqual([item.fields["status"] for item in region.signals()], ["WORKING", "WORKING", "TESTING", "WORKING", "WORKING", "OK"])
        self.assertEqual(region.signals()[3].fields["script_result_id"], "100")

    def test_a_script_over_its_time_is_ended_with_its_children(self):
        mark = self.folder / "child"
        content = f"#!/bin/sh\necho begun\n(sleep 30; touch {mark}) &\necho $! > {self.folder}/pid\nsleep 30\n".encode()
        begin = time.monotonic()
        region = self.commission(archive([({"name": "slow", "timeout_seconds": 1}, content)]))
        self.assertLess(time.monotonic() - begin, 20)
        ended = region.signals()[1]
        self.assertEqual((ended.fields["status"], ended.fields["exit_status"], ended.fields["script_result_id"]), ("TIMEDOUT", "124", "1"))
        self.assertEqual(ended.files["slow.out"], b"begun\n")
        pid = int((self.folder / "pid").read_text())
        end = time.monotonic() + 10
        while os.path.exists(f"/proc/{pid}") and pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" and time.monotonic() < end:
            time.sleep(0.02)
        self.assertFalse(os.path.exists(f"/proc/{pid}") and pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z")

    def test_scripts_that_may_run_with_any_other_run_at_the_same_time(self):
        # Each waits for the other one's file: one after the other, neither would end in time.
        pair = [
            ({"name": name, "parallel": 2, "timeout_seconds": 20}, f"#!/bin/sh\ntouch {self.folder}/{name}\nwhile [ ! -e {self.folder}/{other} ]; do sleep 0.05; done\n".encode())
            for name, other in (("a", "b"), ("b", "a"))
        ]
        region = self.commission(archive(pair))
        self.assertEqual(region.signals()[-1].fields["status"], "OK")

    def test_batches_keep_order_around_scripts_that_run_alone(self):
        entry = lambda name, parallel, result=1: agent.Script({"name": name, "path": name, "parallel": parallel, "script_result_id": result}, "commissioning")
        scripts = [entry("10-a", 2), entry("20-b", 2), entry("30-alone", 0), entry("40-c", 1, 1), entry("40-c", 1, 2), entry("50-d", 1), entry("60-e", 2)]
        names = [[script.name for script in batch] for batch in agent.ScriptRunner.batches(reversed(scripts))]
        self.assertEqual(names, [["10-a", "20-b"], ["30-alone"], ["40-c", "40-c"], ["50-d"], ["60-e"]])

    def test_what_a_script_finds_about_the_bmc_goes_into_the_signal_and_into_no_file(self):
        content = b'#!/bin/sh\necho \'{"power_type": "ipmi", "power_parameters": {"power_pass": "hidden1"}}\' > $BMC_CONFIG_PATH\n'
        region = self.commission(archive([({"name": "30-bmc"}, content)]))
        ended = region.signals()[1]
        self.assertEqual(ended.fields["power_type"], "ipmi")
        self.assertEqual(json.loads(ended.fields["power_parameters"]), {"power_pass": "hidden1"})
        self.assertFalse(any(b"hidden1" in content for content in ended.files.values()))
        self.assertNotIn("hidden1", "\n".join(self.machine.console.lines))

    def test_an_archive_member_cannot_leave_the_folder(self):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:") as tar:
            for name in ("../outside", "/tmp/gantry-outside", "a/../../outside2"):
                information = tarfile.TarInfo(name)
                information.size = 1
                tar.addfile(information, io.BytesIO(b"x"))
            text = b'{"1.0": {}}'
            information = tarfile.TarInfo("index.json")
            information.size = len(text)
            tar.addfile(information, io.BytesIO(text))
        self.commission(data.getvalue())
        self.assertEqual(sorted(path.name for path in (self.folder / "work").rglob("*") if path.is_file()), ["index.json"])
        self.assertFalse(os.path.exists("/tmp/gantry-outside"))

    def test_an_archive_without_index_fails_with_the_reason(self):
        data = io.BytesIO()
        tarfile.open(fileobj=data, mode="w:").close()
        region = self.commission(data.getvalue())
        self.assertEqual(region.signals()[-1].fields["status"], "FAILED")
        self.assertIn("no index of version 1.0", region.signals()[-1].fields["error"])

    def test_output_is_bounded(self):
        region = self.commission(archive([({"name": "loud"}, b"#!/bin/sh\nhead -c 20000000 /dev/zero\n")]))
        self.assertEqual(region.signals()[1].fields["exit_status"], "0")
        self.assertLessEqual(max(len(content) for content in region.signals()[1].files.values()), agent.OUTPUT_LIMIT)

    def test_the_heartbeat_comes_while_a_script_runs_and_a_refusal_ends_the_work(self):
        gone = threading.Event()

        def answer(request):
            if request.path.endswith("/maas-scripts"):
                return 200, {}, archive([({"name": "long"}, b"#!/bin/sh\nsleep 60\n"), ({"name": "never"}, b"#!/bin/sh\n")])
            if request.method == "POST":
                if "script_result_id" not in request.fields and request.fields.get("status") == "WORKING":
                    gone.set()
                    return 409, {}, b"this operation was aborted"
                return 200, {}, b"OK"

        region = self.region(answer)
        machine = make(region, "commissioning", self.folder / "work", configuration={"heartbeat_seconds": 0.3})
        begin = time.monotonic()
        self.assertEqual(machine.run(), "poweroff")
        self.assertTrue(gone.is_set())
        self.assertLess(time.monotonic() - begin, 30)
        self.assertFalse(any("never" in item.fields.get("error", "") for item in region.signals()))


class Retries(Case):
    def test_a_region_that_is_not_ready_is_asked_again(self):
        answers = [(503, {}, b"starting"), (500, {}, b""), (409, {"Retry-After": "0"}, b"busy"), (429, {"Retry-After": "0"}, b""), "hang up", (200, {}, b"done")]
        region = self.region(lambda request: answers[len(region.requests) - 1])
        client = agent.Client(support.Quiet(), first_delay=0.01)
        self.assertEqual(client.request("GET", region.url + "/x", deadline=60), b"done")
        self.assertEqual(len(region.requests), 6)

    def test_a_final_refusal_is_not_repeated(self):
        region = self.region(lambda request: (409, {}, b"Machine is locked"))
        with self.assertRaisesRegex(agent.Refused, "409.*Machine is locked"):
            agent.Client(support.Quiet(), first_delay=0.01).request("POST", region.url + "/x", deadline=60)
        self.assertEqual(len(region.requests), 1)

    def test_a_region_that_never_answers_ends_at_the_deadline_with_the_last_reason(self):
        region = self.region(lambda request: None)
        region.close()
        begin = time.monotonic()
        with self.assertRaisesRegex(agent.Unreachable, "no answer within 1 s.*ConnectionRefusedError"):
            agent.Client(support.Quiet(), first_delay=0.05).request("GET", region.url + "/x", deadline=1)
        self.assertLess(time.monotonic() - begin, 5)


class Enlistment(Case):
    def test_a_machine_enlists_gets_its_key_and_goes_on_commissioning(self):
        sys_root = self.folder / "root"
        for name, address, physical in (("eth0", "52:54:00:00:00:01", True), ("eth1", "52:54:00:00:00:02", True), ("lo", "00:00:00:00:00:00", False), ("br0", "52:54:00:00:00:09", False)):
            path = sys_root / "sys/class/net" / name
            path.mkdir(parents=True)
            (path / "address").write_text(address + "\n")
            if physical:
                (path / "device").mkdir()
        asked = []

        def answer(request):
            if request.path == "/MAAS/api/2.0/machines/":
                return 200, {}, json.dumps({"system_id": "xyz789", "hostname": "clever-fox"}).encode()
            if request.path == "/MAAS/metadata/latest/by-id/xyz789/":
                asked.append(request.query)
                if len(asked) == 1:
                    return 404, {}, b"not yet"
                return 200, {}, f"#cloud-config\ndatasource:\n  MAAS:\n    consumer_key: 'CK'\n    metadata_url: {region.url}/MAAS/metadata/\n    token_key: TK\n    token_secret: \"TS\"\n".encode()
            if request.path.endswith("/maas-scripts"):
                return 204, {}, b""
            return 200, {}, b"OK"

        region = self.region(answer)
        bmc = b'#!/bin/sh\necho \'{"power_type": "ipmi", "power_parameters": {"power_address": "10.0.0.9", "power_user": "maas", "power_pass": "pw"}}\' > $BMC_CONFIG_PATH\n'
        machine = make(region, "enlist", self.folder / "work", sys_root=sys_root, command_line="ro BOOTIF=01-52-54-00-00-00-02 quiet", bmc_script=bmc, configuration={"credentials": None, "system_id": None})
        self.assertEqual(machine.run(), "poweroff")
        posted = region.requests[0]
        self.assertEqual(posted.fields["mac_addresses"], ["52:54:00:00:00:02", "52:54:00:00:00:01"])
        self.assertEqual((posted.fields["architecture"], posted.fields["power_type"], posted.fields["commission"]), (["amd64/generic"], ["ipmi"], ["true"]))
        self.assertEqual(json.loads(posted.fields["power_parameters"][0])["power_pass"], "pw")
        self.assertNotIn("Authorization", posted.headers)
        self.assertEqual(asked[0], {"op": "get_preseed"})
        self.assertIn('oauth_token="TK"', region.signals()[-1].headers["Authorization"])
        self.assertEqual(region.signals()[-1].fields["status"], "OK")
        self.assertEqual(machine.bmc_credentials, {"power_user": "maas", "power_pass": "pw"})

    def test_a_machine_without_bmc_enlists_as_manual(self):
        region = self.region(lambda request: (200, {}, json.dumps({"system_id": "a1"}).encode()) if request.method == "POST" and "machines" in request.path else (200, {}, b"consumer_key: a\ntoken_key: b\ntoken_secret: c\n") if "by-id" in request.path else (204, {}, b"") if request.method == "GET" else (200, {}, b""))
        machine = make(region, "enlist", self.folder / "work", bmc_script=b"#!/bin/sh\nexit 0\n", sys_root=self.folder, configuration={"credentials": None})
        machine.run()
        self.assertEqual(region.requests[0].fields["power_type"], ["manual"])

    def test_keys_are_read_from_every_style_of_preseed(self):
        want = {"consumer_key": "c1", "token_key": "t1", "token_secret": "s1", "metadata_url": "http://10.0.0.1:5248/MAAS/metadata/"}
        for text in (
            "datasource:\n  MAAS:\n    consumer_key: c1\n    metadata_url: http://10.0.0.1:5248/MAAS/metadata/\n    token_key: t1\n    token_secret: s1\n",
            "datasource: {MAAS: {consumer_key: c1, metadata_url: 'http://10.0.0.1:5248/MAAS/metadata/', token_key: \"t1\", token_secret: s1}}\n",
            '{"datasource": {"MAAS": {"consumer_key": "c1", "metadata_url": "http://10.0.0.1:5248/MAAS/metadata/", "token_key": "t1", "token_secret": "s1"}}}',
        ):
            self.assertEqual(agent.preseed_keys(text), want)
        self.assertEqual(agent.preseed_keys("consumer_secret: ''\nnothing: here"), {})


class Plans(Case):
    """Plans whose steps need no disk: the flow of reports, images and files is the real one."""

    def deploy(self, steps, routes=None, work="install", **plan):
        target = self.folder / "target"
        target.mkdir(exist_ok=True)
        document = {"version": 1, "generation": 3, "target": str(target), "steps": steps(self.url_of) if callable(steps) else steps, **plan}

        def answer(request):
            for path, give in (routes or {}).items():
                if request.path == path:
                    return give(request)
            if request.path.endswith("/gantry/plan"):
                return 200, {}, json.dumps(document, default=str).replace("REGION", self.current.url).encode()
            if request.method == "POST":
                return (204, {}, b"") if "/status/" in request.path else (200, {}, b"OK")

        self.current = self.region(answer)
        self.machine = make(self.current, work, self.folder / "work")
        self.ending = self.machine.run()
        return self.current

    def url_of(self, path):
        return "REGION" + path

    def events(self, region):
        return [json.loads(request.body) for request in region.requests if request.path == "/MAAS/metadata/status/abc123"]

    def image(self):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as tar:
            for name, content in (("./etc/issue", b"Hello\n"), ("./big", os.urandom(3 << 20))):
                information = tarfile.TarInfo(name)
                information.size = len(content)
                tar.addfile(information, io.BytesIO(content))
        return data.getvalue()

    def fetch(self, data, **more):
        return {"id": "fetch", "kind": "fetch_image", "url": "REGION/image", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "format": "tar.gz", **more}

    def test_steps_run_in_order_and_each_is_reported(self):
        data = self.image()
        steps = [
            self.fetch(data, title="Fetch Debian"),
            {"id": "host", "kind": "write_file", "path": "/etc/hostname", "content_base64": base64.b64encode(b"fox\n").decode(), "mode": "0640"},
            {"id": "more", "kind": "write_file", "path": "/etc/hostname", "content": "more\n", "append": True},
            {"id": "fstab", "kind": "fstab", "entries": [{"source": "UUID=1-2", "path": "/", "fstype": "ext4", "options": "errors=remount-ro", "pass": 1}]},
            {"id": "seed", "kind": "cloud_init_seed", "files": [{"path": "/etc/cloud/cloud.cfg.d/90_maas.cfg", "content": "datasource_list: [MAAS]\n"}]},
            {"id": "off", "kind": "netboot_off"},
            {"id": "end", "kind": "reboot"},
        ]
        region = self.deploy(steps, {"/image": lambda request: (200, {}, data)})
        target = self.folder / "target"
        self.assertEqual((target / "etc/issue").read_bytes(), b"Hello\n")
        self.assertEqual((target / "etc/hostname").read_text(), "fox\nmore\n")
        self.assertIn("UUID=1-2 / ext4 errors=remount-ro 0 1", (target / "etc/fstab").read_text())
        self.assertEqual((target / "etc/cloud/cloud.cfg.d/90_maas.cfg").stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.ending, "reboot")
        events = [event for event in self.events(region) if event["event_type"] != "progress"]
        names = [(event["name"], event["event_type"], event.get("result")) for event in events]
        expected = [("cmd-install", "start", None)]
        for step in steps:
            expected += [(f"cmd-install/stage-{step['id']}", "start", None), (f"cmd-install/stage-{step['id']}", "finish", "SUCCESS")]
        self.assertEqual(names, [*expected, ("cmd-install", "finish", "SUCCESS")])
        self.assertTrue(all(event["origin"] == "gantry-agent" and event["timestamp"] > 0 for event in events))
        off = [request for request in region.requests if request.fields.get("op") == "netboot_off"]
        self.assertEqual([(request.path, "Authorization" in request.headers) for request in off], [("/MAAS/metadata/2012-03-01/", True)])

    def test_a_wrong_digest_fails_the_step_ends_the_plan_and_is_reported(self):
        data = self.image()
        region = self.deploy([self.fetch(data, sha256="0" * 64), {"id": "never", "kind": "write_file", "path": "/never", "content": ""}], {"/image": lambda request: (200, {}, data)})
        self.assertEqual(self.ending, "poweroff")
        self.assertFalse((self.folder / "target/never").exists())
        failed = [event for event in self.events(region) if event.get("result") == "FAIL"]
        self.assertEqual([event["name"] for event in failed], ["cmd-install/stage-fetch", "cmd-install"])
        self.assertIn("SHA-256 is", failed[0]["description"])
        self.assertEqual(failed[0]["files"][0]["path"], "fetch.log")
        self.assertIn(b"expected 000000", base64.b64decode(failed[0]["files"][0]["content"]))
        last = region.signals()[-1]
        self.assertEqual(last.fields["status"], "FAILED")
        self.assertTrue(last.fields["error"].startswith("step fetch: "))

    def test_an_interrupted_download_goes_on_where_it_was(self):
        data, cut = self.image(), 1_500_000

        def serve(request):
            wanted = request.headers.get("Range")
            if not wanted:
                return 200, {"X-Claimed-Length": str(len(data))}, data[:cut]
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            return 206, {"Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"}, data[begin:]

        region = self.deploy([self.fetch(data)], {"/image": serve})
        self.assertEqual(len((self.folder / "target/big").read_bytes()), 3 << 20)
        self.assertEqual([request.headers.get("Range") for request in region.requests if request.path == "/image"], [None, f"bytes={cut}-"])

    def test_an_image_that_is_too_long_or_gone_fails(self):
        data = self.image()
        region = self.deploy([self.fetch(data, size=1000)], {"/image": lambda request: (200, {}, data)})
        self.assertIn("longer than 1000 bytes", region.signals()[-1].fields["error"])
        region = self.deploy([self.fetch(data)], {"/image": lambda request: (404, {}, b"")})
        self.assertIn("status 404", region.signals()[-1].fields["error"])

    def test_an_archive_that_cannot_be_unpacked_fails_with_the_unpackers_words(self):
        data = b"this is no archive" * 1000
        region = self.deploy([self.fetch(data)], {"/image": lambda request: (200, {}, data)})
        self.assertIn("unpacking tar.gz", region.signals()[-1].fields["error"])

    def test_a_path_cannot_leave_the_target(self):
        (self.folder / "target").mkdir()
        (self.folder / "target/out").symlink_to(self.folder)
        for path in ("/../x", "relative", "/out/x", "/a/../../x"):
            region = self.deploy([{"id": "w", "kind": "write_file", "path": path, "content": "x"}])
            self.assertRegex(region.signals()[-1].fields["error"], "step w: path .*(expected|leads out)")
        self.assertFalse((self.folder / "x").exists())

    def test_a_bad_plan_is_refused_before_anything_is_touched(self):
        good = {"id": "w", "kind": "write_file", "path": "/w", "content": "x"}
        for steps, why in (
            ([good, {"id": "z", "kind": "explode"}], "unknown kind 'explode'"),
            ([good, good], "occurs twice"),
            ([good, {"id": "a b", "kind": "reboot"}], "expected an object with an 'id'"),
            ([good, "text"], "expected an object"),
        ):
            region = self.deploy(steps)
            self.assertIn(why, region.signals()[-1].fields["error"])
            self.assertFalse((self.folder / "target/w").exists())
        region = self.deploy([good], version=2)
        self.assertIn("not understood", region.signals()[-1].fields["error"])

    def test_a_step_without_its_keys_fails_and_says_which(self):
        region = self.deploy([{"id": "w", "kind": "write_file", "path": "/w"}])
        self.assertEqual(region.signals()[-1].fields["error"], "step w: KeyError: 'content'")

    def test_commands_run_in_the_target_only_and_a_timeout_ends_them(self):
        log = agent.Log(support.Quiet())
        self.assertEqual(agent.run(log, ["echo", "hello"])[1], b"hello\n")
        with self.assertRaisesRegex(agent.StepFailed, "sh: exit status 3: oh no"):
            agent.run(log, ["sh", "-c", "echo oh no; exit 3"])
        begin = time.monotonic()
        with self.assertRaisesRegex(agent.StepFailed, "sleep: not done after 0.5 s"):
            agent.run(log, ["sleep", "60"], timeout=0.5)
        self.assertLess(time.monotonic() - begin, 15)
        with self.assertRaisesRegex(agent.StepFailed, "no-such-program"):
            agent.run(log, ["no-such-program"])


class UserData(Case):
    def test_the_program_reads_its_embedded_configuration(self):
        source = (support.ROOT / "Sources/Ephemeral/agent/gantry_agent.py").read_text()
        program = self.folder / "user-data"
        code = f"GANTRY_CONFIGURATION = {base64.b64encode(b'{not json').decode()!r}\nimport builtins\n" + source.replace("leave(console, \"poweroff\")", "print('would power off')")
        program.write_text("#!/usr/bin/python3\n# gantry-agent\n" + code)
        done = subprocess.run(["python3", str(program)], capture_output=True, text=True, timeout=60)
        self.assertIn("would power off", done.stdout)

    def test_an_unknown_work_is_refused(self):
        with self.assertRaisesRegex(ValueError, "'work' is 'dance', expected one of enlist"):
            agent.Agent({"work": "dance"}, console=support.Quiet(), command_line="")


if __name__ == "__main__":
    unittest.main()

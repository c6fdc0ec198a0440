"""Finding disks in what lsblk printed on real machines, and erasing (on files: the loops are the same as on devices)."""

import base64
import json
import os
import pathlib
import shutil
import tempfile
import threading
import unittest

import support
from support import agent

VIRTUAL = {"blockdevices": [
    {"name": "loop0", "kname": "loop0", "path": "/dev/loop0", "type": "loop", "size": 117420032, "serial": None, "model": None, "ro": True, "rm": False, "tran": None, "pkname": None},
    {"name": "sr0", "kname": "sr0", "path": "/dev/sr0", "type": "rom", "size": 1073741312, "serial": "QM00005", "model": "QEMU DVD-ROM", "ro": True, "rm": True, "tran": "sata", "pkname": None},
    {"name": "vda", "kname": "vda", "path": "/dev/vda", "type": "disk", "size": 2147483648, "serial": "SER0", "model": None, "ro": False, "rm": False, "tran": None, "pkname": None,
     "children": [{"name": "vda1", "kname": "vda1", "path": "/dev/vda1", "type": "part", "size": 1048576, "serial": None, "model": None, "ro": False, "rm": False}]},
    {"name": "vdb", "kname": "vdb", "path": "/dev/vdb", "type": "disk", "size": 2147483648, "serial": None, "model": None, "ro": False, "rm": False, "tran": None, "pkname": None},
]}
SERVER = {"blockdevices": [
    {"name": "sda", "kname": "sda", "path": "/dev/sda", "type": "disk", "size": 480103981056, "serial": "S45P", "model": "Samsung_SSD_883", "wwn": "0x5002538e", "ro": False, "tran": "sata"},
    {"name": "sdb", "kname": "sdb", "path": "/dev/sdb", "type": "disk", "size": 480103981056, "serial": "S45Q", "model": "Samsung_SSD_883", "wwn": "0x5002538f", "ro": False, "tran": "sata"},
    {"name": "sdc", "kname": "sdc", "path": "/dev/sdc", "type": "disk", "size": 31914983424, "serial": "0000000000000001", "model": "Flash Disk", "ro": False, "tran": "usb"},
    {"name": "sdd", "kname": "sdd", "path": "/dev/sdd", "type": "disk", "size": 31914983424, "serial": "0000000000000001", "model": "Flash Disk", "ro": False, "tran": "usb"},
    {"name": "nvme0n1", "kname": "nvme0n1", "path": "/dev/nvme0n1", "type": "disk", "size": 1920383410176, "serial": "PHLJ", "model": "INTEL SSDPE2KX020T8", "ro": False, "tran": "nvme"},
    {"name": "sde", "kname": "sde", "path": "/dev/sde", "type": "disk", "size": 1, "serial": "LOCKED", "model": "x", "ro": True, "tran": "sas"},
]}


class Resolving(unittest.TestCase):
    def test_only_writable_disks_count(self):
        self.assertEqual(sorted(agent.disks_of(VIRTUAL)), ["/dev/vda", "/dev/vdb"])
        self.assertEqual(sorted(agent.disks_of(SERVER)), ["/dev/nvme0n1", "/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/sdd"])

    def test_a_disk_is_found_by_any_stable_name(self):
        disks = agent.disks_of(VIRTUAL, {"/dev/disk/by-id/virtio-SER0": "/dev/vda", "/dev/disk/by-path/pci-0000:00:05.0": "/dev/vdb"})
        for reference, path in (({"serial": "SER0"}, "/dev/vda"), ({"path": "/dev/vdb"}, "/dev/vdb"), ({"id_path": "/dev/disk/by-id/virtio-SER0"}, "/dev/vda"),
                                ({"id_path": "/dev/disk/by-path/pci-0000:00:05.0"}, "/dev/vdb"), ({"serial": "SER0", "path": "/dev/vda", "size_bytes": 2147483648}, "/dev/vda")):
            self.assertEqual(agent.resolve_disk(reference, disks)["path"], path)
        self.assertEqual(agent.resolve_disk({"wwn": "0x5002538f"}, agent.disks_of(SERVER))["path"], "/dev/sdb")

    def test_a_reference_that_fits_none_or_several_is_refused(self):
        disks = agent.disks_of(SERVER)
        for reference, why in (
            ({"serial": "0000000000000001"}, "2 disks match"), ({"serial": "gone"}, "0 disks match"), ({"serial": "S45P", "path": "/dev/sdb"}, "0 disks match"),
            ({"serial": "S45P", "size_bytes": 5}, "0 disks match"), ({"serial": "LOCKED"}, "0 disks match"), ({"model": "Samsung_SSD_883"}, "names no disk"), ({}, "expected an object"),
            ({"name": "sda"}, "expected an object"), ({"serial": "S45P", "letter": "a"}, "expected an object"), ("/dev/sda", "expected an object"),
        ):
            with self.assertRaisesRegex(agent.StepFailed, why, msg=str(reference)):
                agent.resolve_disk(reference, disks)

    def test_optical_drives_and_loops_cannot_be_named(self):
        disks = agent.disks_of(VIRTUAL)
        for reference in ({"path": "/dev/sr0"}, {"serial": "QM00005"}, {"path": "/dev/loop0"}):
            with self.assertRaises(agent.StepFailed):
                agent.resolve_disk(reference, disks)

    def test_partitions_are_named_as_the_kernel_names_them(self):
        self.assertEqual(agent.partition_path("/dev/vda", 2), "/dev/vda2")
        self.assertEqual(agent.partition_path("/dev/nvme0n1", 2), "/dev/nvme0n1p2")
        self.assertEqual(agent.partition_path("/dev/md127", 1), "/dev/md127p1")


class Erasing(unittest.TestCase):
    """A file stands for the disk: opening, writing, reading past the cache and comparing are the same calls."""

    def setUp(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-erase-"))
        self.addCleanup(shutil.rmtree, folder, True)
        self.path, self.size = folder / "disk", (24 << 20) + 4096
        self.path.write_bytes(b"\xa5secret" * (self.size // 7) + b"\xa5" * (self.size % 7))
        self.disk = {"path": str(self.path), "name": "notadisk", "size": self.size, "serial": "S1", "model": "M", "transport": "", "wwn": "", "links": set()}
        self.eraser = agent.Eraser(agent.Log(support.Quiet()), lambda text: None, threading.Event())

    def test_a_full_erasure_overwrites_every_byte_and_is_verified(self):
        erased = self.eraser.erase(self.disk, "full")
        self.assertEqual((erased["method"], erased["bytes"], erased["verified"]), ("overwrite-zeroes", self.size, False))
        self.assertEqual(self.path.read_bytes(), bytes(self.size))
        result = self.eraser.verify(self.disk, 1024)
        self.assertEqual((result["verified"], result["bytes_verified"], result["serial"]), (True, self.size, "S1"))
        self.assertEqual((result["standard"], result["verification"], result["agent_version"]), ("NIST SP 800-88 Clear", "every byte: zero", agent.AGENT_VERSION))
        self.assertRegex(result["started"] + result["finished"], r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ){2}$")

    def test_data_that_survived_is_found(self):
        self.eraser.erase(self.disk, "full")
        with open(self.path, "r+b") as file:
            file.seek(20 << 20)
            file.write(b"left")
            os.fsync(file.fileno())
        with self.assertRaisesRegex(agent.StepFailed, f"data is still there at byte {20 << 20}"):
            self.eraser.verify(self.disk, "full")

    def test_a_block_that_did_not_change_is_found_even_where_noise_is_allowed(self):
        self.eraser.results[self.disk["path"]] = ({"method": "nvme-format-crypto", "duration": 0}, self.eraser.fingerprints(self.disk), [(0, self.size)])
        with self.assertRaisesRegex(agent.StepFailed, "did not change"):
            self.eraser.verify(self.disk, 10)

    def test_a_quick_erasure_zeroes_both_ends_only(self):
        result = self.eraser.erase(self.disk, "quick")
        data = self.path.read_bytes()
        end = agent.Eraser.SIGNATURE
        self.assertEqual((data[:end], data[-end:]), (bytes(end), bytes(end)))
        self.assertNotEqual(data[end : end + 7], bytes(7))
        self.assertEqual((result["method"], result["bytes"]), ("quick", 2 * end))
        self.assertTrue(self.eraser.verify(self.disk, 10)["verified"])

    def test_nothing_is_verified_that_was_not_erased(self):
        with self.assertRaisesRegex(agent.StepFailed, "nothing was erased"):
            self.eraser.verify(self.disk, 10)

    def test_a_stop_ends_the_overwriting(self):
        self.eraser.stopped.set()
        with self.assertRaises(agent.Cancelled):
            self.eraser.erase(self.disk, "full")

    def test_samples_are_aligned_cover_both_ends_and_stay_inside(self):
        offsets = self.eraser.sample_offsets({**self.disk, "size": 1 << 40}, 100)
        self.assertEqual((offsets[0], offsets[-1]), (0, (1 << 40) - agent.CHUNK))
        self.assertTrue(all(offset % 4096 == 0 for offset in offsets))

    def test_results_of_several_disks_come_as_one_file_each(self):
        class Region:
            work, stopped, console = "erase", threading.Event(), support.Quiet()

            def report(self, *_, **__):
                pass

        plan = agent.Plan(Region(), {"version": 1, "steps": []})
        plan.current = {"id": "verify"}
        other = {**self.disk, "path": str(self.path) + "2", "serial": "S2"}
        pathlib.Path(other["path"]).write_bytes(os.urandom(self.size))
        known, agent.scan_disks = agent.scan_disks, lambda log: {disk["path"]: disk for disk in (self.disk, other)}
        self.addCleanup(setattr, agent, "scan_disks", known)
        step = {"disks": [{"serial": "S1"}, {"serial": "S2"}], "mode": "full"}
        plan.step_erase_disk(step)
        plan.step_verify_erased(step)
        results = [json.loads(base64.b64decode(file["content"])) for file in plan.files]
        self.assertEqual([(result["serial"], result["verified"]) for result in results], [("S1", True), ("S2", True)])
        with self.assertRaisesRegex(agent.StepFailed, "named twice"):
            plan.step_erase_disk({"disks": [{"serial": "S1"}, {"path": self.disk["path"]}]})

    def test_the_next_method_is_taken_when_one_fails_and_the_reason_is_kept(self):
        known = self.eraser.facts
        self.eraser.facts = lambda disk, ours: {**known(disk, ours), "nvme": {"sanicap": 0, "oacs": 2, "fna": 4, "alone": True}}

        def broken(disk, setting):
            raise agent.StepFailed(f"nvme: exit status 1: setting {setting} is refused")

        self.eraser.nvme_format = broken
        result = self.eraser.erase(self.disk, "auto")
        self.assertEqual((result["method"], result["standard"]), ("overwrite-zeroes", "NIST SP 800-88 Clear"))
        self.assertIn("nvme-format-crypto: nvme: exit status 1: setting 2 is refused", result["not_used"])
        self.assertIn("nvme-sanitize-crypto: the controller does not have it", result["not_used"])
        self.assertTrue(self.eraser.verify(self.disk, "full")["verified"])

    def test_a_disk_that_nothing_erases_says_what_to_do_next(self):
        def broken(disk, *_):
            raise agent.StepFailed("writing zeroes at byte 0: Input/output error")

        self.eraser.overwrite = broken
        with self.assertRaisesRegex(agent.StepFailed, "Input/output error.*Replace the disk"):
            self.eraser.erase(self.disk, "auto")

    def test_noise_is_planted_where_only_a_change_can_be_seen(self):
        self.path.write_bytes(bytes(self.size))
        known = self.eraser.facts
        self.eraser.facts = lambda disk, ours: {**known(disk, ours), "nvme": {"sanicap": 0, "oacs": 2, "fna": 4, "alone": True}}
        self.eraser.nvme_format = lambda disk, setting: None  # says that it did, and does nothing
        self.assertEqual(self.eraser.erase(self.disk, "secure")["method"], "nvme-format-crypto")
        with self.assertRaisesRegex(agent.StepFailed, "did not change by nvme-format-crypto"):
            self.eraser.verify(self.disk, "full")
        self.eraser.nvme_format = lambda disk, setting: self.path.write_bytes(os.urandom(self.size))
        self.eraser.erase(self.disk, "secure")
        result = self.eraser.verify(self.disk, "full")
        self.assertEqual((result["standard"], result["verified"]), ("NIST SP 800-88 Purge", True))
        self.assertRegex(result["verification"], r"^sampled: \d+ blocks")

    def test_flash_may_be_all_ones_after_it_erased_itself_and_nothing_else(self):
        for content, is_erased in ((b"\xff", True), (b"\x00", True), (b"\x55", False)):
            self.path.write_bytes(content * self.size)
            self.eraser.results[self.disk["path"]] = ({"method": "ata-secure-erase-normal", "duration": 0}, {}, [(0, self.size)])
            if is_erased:
                self.assertEqual(self.eraser.verify(self.disk, "full")["verification"], "every byte: zeroes or ones")
            else:
                with self.assertRaisesRegex(agent.StepFailed, "data is still there at byte 0"):
                    self.eraser.verify(self.disk, "full")

    def test_a_disk_that_ends_early_is_not_verified(self):
        self.eraser.erase(self.disk, "full")
        os.truncate(self.path, self.size - (1 << 20))
        with self.assertRaisesRegex(agent.StepFailed, "reading back ended at byte"):
            self.eraser.verify(self.disk, "full")

    def test_a_sanitize_of_before_a_restart_is_waited_for(self):
        logs = [bytes.fromhex("00400201"), bytes.fromhex("00c00201"), bytes.fromhex("ffff0101")]
        told = []
        eraser = agent.Eraser(agent.Log(support.Quiet()), told.append, threading.Event())
        eraser.POLL = 0.01
        eraser.sanitize_log = lambda disk: agent.sanitize_state(logs.pop(0))
        self.assertEqual(eraser.wait_for_sanitize(self.disk), "done")
        self.assertEqual(told, [f"{self.path}: sanitized 25 %"])
        logs, eraser.SANITIZE_TIME = [bytes.fromhex("00400200")] * 3, 0
        with self.assertRaisesRegex(agent.StepFailed, "sanitizing is at 25 %"):
            eraser.wait_for_sanitize(self.disk)


NOTHING = {"nvme": None, "ata": None, "discard": False, "write_zeroes": False, "rotational": False}
NVME = {"sanicap": 7, "oacs": 2, "fna": 4, "alone": True}
ATA = {"supported": True, "enhanced": True, "enabled": False, "locked": False, "frozen": False, "zero_after_trim": True, "minutes": {"normal": 2, "enhanced": 2}}


class Choosing(unittest.TestCase):
    def chosen(self, mode, **facts):
        return agent.erase_methods({**NOTHING, **facts}, mode)[0]

    def test_the_best_that_a_device_has_comes_first(self):
        ends = ["overwrite-zeroes"]
        for facts, methods in (
            ({}, []),
            ({"write_zeroes": True, "discard": True}, ["write-zeroes"]),
            ({"nvme": NVME}, ["nvme-sanitize-crypto", "nvme-sanitize-block", "nvme-format-crypto", "nvme-sanitize-overwrite", "nvme-format-user-data"]),
            ({"nvme": {**NVME, "sanicap": 0}}, ["nvme-format-crypto", "nvme-format-user-data"]),
            ({"nvme": {**NVME, "sanicap": 2, "fna": 0}}, ["nvme-sanitize-block", "nvme-format-user-data"]),
            ({"nvme": {**NVME, "sanicap": 0, "oacs": 0}, "write_zeroes": True}, ["write-zeroes"]),
            ({"ata": ATA, "discard": True}, ["ata-secure-erase-enhanced", "ata-secure-erase-normal", "discard-zeroes"]),
            ({"ata": {**ATA, "enhanced": False, "zero_after_trim": False}, "discard": True}, ["ata-secure-erase-normal"]),
            ({"ata": {**ATA, "frozen": True}}, []), ({"ata": {**ATA, "locked": True}}, []), ({"ata": {**ATA, "supported": False}}, []),
        ):
            self.assertEqual(self.chosen("auto", **facts), methods + ends, msg=str(facts))

    def test_the_mode_says_what_follows_when_the_device_has_nothing(self):
        for mode, methods in (
            ("quick", ["quick"]), ("full", ["overwrite-zeroes"]), ("secure", ["nvme-format-crypto", "nvme-format-user-data", "overwrite-zeroes"]),
            ("secure_or_quick", ["nvme-format-crypto", "nvme-format-user-data", "quick"]),
        ):
            self.assertEqual(self.chosen(mode, nvme={**NVME, "sanicap": 0}, write_zeroes=True), methods, msg=mode)
        self.assertEqual(self.chosen("secure_or_quick"), ["quick"])

    def test_what_is_not_to_be_erased_is_not_erased_with_the_rest(self):
        methods, not_used = agent.erase_methods({**NOTHING, "nvme": {**NVME, "fna": 6, "alone": False}}, "auto")
        self.assertEqual(methods, ["overwrite-zeroes"])
        self.assertEqual(sum("other namespaces" in reason for reason in not_used), 5)
        self.assertEqual(self.chosen("auto", nvme={**NVME, "fna": 4, "alone": False}), ["nvme-format-crypto", "nvme-format-user-data", "overwrite-zeroes"])

    def test_every_better_method_that_is_not_taken_has_a_reason(self):
        _, not_used = agent.erase_methods({**NOTHING, "ata": {**ATA, "frozen": True}}, "auto")
        self.assertEqual([reason.partition(":")[0] for reason in not_used], ["ata-secure-erase-enhanced", "ata-secure-erase-normal", "discard-zeroes", "write-zeroes"])
        self.assertIn("frozen", not_used[0])

    def test_every_method_has_a_standard_and_a_proof(self):
        every = set(self.chosen("auto", nvme=NVME)) | set(self.chosen("auto", ata=ATA, discard=True, write_zeroes=True)) | {"quick"}
        self.assertEqual(every, set(agent.METHODS))


HDPARM = """
/dev/sda:

ATA device, with non-removable media
\tModel Number:       Samsung SSD 883 DCT 480GB
Commands/features:
\tEnabled\tSupported:
\t   *\tData Set Management TRIM supported (limit 8 blocks)
\t   *\tDeterministic read ZEROs after TRIM
Security:
\tMaster password revision code = 65534
\t\tsupported
\tnot\tenabled
\tnot\tlocked
\t\tfrozen
\tnot\texpired: security count
\t\tsupported: enhanced erase
\t4min for SECURITY ERASE UNIT. 8min for ENHANCED SECURITY ERASE UNIT.
Checksum: correct
"""


class Reading(unittest.TestCase):
    def test_what_hdparm_says_of_security(self):
        facts = agent.ata_facts(HDPARM)
        self.assertEqual(facts, {**ATA, "frozen": True, "minutes": {"normal": 4, "enhanced": 8}})
        self.assertFalse(agent.ata_facts(HDPARM.replace("\t\tfrozen", "\tnot\tfrozen"))["frozen"])
        self.assertTrue(agent.ata_facts(HDPARM.replace("\tnot\tlocked", "\t\tlocked"))["locked"])

    def test_a_drive_without_security_has_none_and_a_scsi_disk_is_no_ata_drive(self):
        facts = agent.ata_facts(HDPARM[: HDPARM.index("Security:")])
        self.assertFalse(facts["supported"] or facts["enhanced"] or facts["frozen"])
        for text in ("", "/dev/sda:\nSG_IO: bad/missing sense data", HDPARM[:20]):
            self.assertIsNone(agent.ata_facts(text))

    def test_the_sanitize_log_page(self):
        for page, state in (("ffff0000", ("never", 99)), ("00800200", ("running", 50)), ("ffff0101", ("done", 99)), ("ffff0300", ("failed", 99)), ("ffff0401", ("done", 99)), ("", ("unknown", 0))):
            self.assertEqual(agent.sanitize_state(bytes.fromhex(page)), state)

    def test_ranges_are_counted_once(self):
        self.assertEqual(agent.merged([(8, 12), (0, 4), (3, 6), (6, 7), (9, 9)]), [(0, 7), (8, 12)])


if __name__ == "__main__":
    unittest.main()

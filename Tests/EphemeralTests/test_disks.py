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

    def test_data_that_survived_is_found(self):
        self.eraser.erase(self.disk, "full")
        with open(self.path, "r+b") as file:
            file.seek(20 << 20)
            file.write(b"left")
            os.fsync(file.fileno())
        with self.assertRaisesRegex(agent.StepFailed, f"data is still there at byte {20 << 20}"):
            self.eraser.verify(self.disk, "full")

    def test_a_block_that_did_not_change_is_found_even_where_noise_is_allowed(self):
        self.eraser.results[self.disk["path"]] = ({"method": "nvme-format-crypto", "duration": 0}, self.eraser.fingerprints(self.disk))
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


if __name__ == "__main__":
    unittest.main()

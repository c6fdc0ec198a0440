#!/usr/bin/env python3
"""Publishes built images as a signed simplestreams tree.

usage: publish.py WORK OUTPUT slim|full

WORK has what the steps made (ephemeral/, target/, bootloaders/); OUTPUT becomes the tree: streams/v1/*.json with .sjson (clear-signed) and
.json.gpg (detached) beside each, keyring.gpg, and the files. A product whose files did not change keeps its version. The two newest
versions of a product are kept. The signing key lives in WORK/gnupg, never in OUTPUT.
"""
import datetime, hashlib, json, os, pathlib, shutil, subprocess, sys

WORK, OUTPUT, SIZE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
KEEP_VERSIONS = 2
NOW = datetime.datetime.now(datetime.timezone.utc)
UPDATED = NOW.strftime("%a, %d %b %Y %H:%M:%S +0000")
IMAGES, LOADERS = "com.ubuntu.maas:stable:v3:download", "com.ubuntu.maas:stable:1:bootloader-download"


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def copy(source, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    shutil.copyfile(source, temporary)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def previous(content_id):
    try:
        return json.loads((OUTPUT / "streams/v1" / f"{content_id}.json").read_text())["products"]
    except (OSError, ValueError, KeyError):
        return {}


def product(old, attributes, files, folder, extra=None):
    """One product: `files` is a list of (item name, ftype, source path, file name)."""
    made = {name: {"ftype": ftype, "size": os.path.getsize(source), "sha256": digest(source), **(extra or {}).get(name, {})}
            for name, ftype, source, _ in files}
    versions = dict(old.get("versions", {}))
    newest = max(versions, default=None)
    unchanged = newest is not None and {k: v["sha256"] for k, v in versions[newest]["items"].items()} == {k: v["sha256"] for k, v in made.items()}
    if not (unchanged and all((OUTPUT / item["path"]).is_file() for item in versions[newest]["items"].values())):
        version = NOW.strftime("%Y%m%d.%H%M%S")
        for name, _, source, file_name in files:
            made[name]["path"] = f"{folder}/{version}/{file_name}"
            copy(source, OUTPUT / made[name]["path"])
        versions[version] = {"items": made}
    for stale in sorted(versions)[:-KEEP_VERSIONS]:
        del versions[stale]
        shutil.rmtree(OUTPUT / folder / stale, ignore_errors=True)
    return {**attributes, "versions": versions}


def sign(path):
    gpg = ["gpg", "--homedir", str(WORK / "gnupg"), "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--clearsign", "--output", str(path.with_suffix(".sjson")), str(path)], check=True)
    subprocess.run([*gpg, "--armor", "--detach-sign", "--output", f"{path}.gpg", str(path)], check=True)


def key():
    home = WORK / "gnupg"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    listed = subprocess.run([*gpg, "--list-secret-keys", "--with-colons"], check=True, capture_output=True, text=True).stdout
    if "sec:" not in listed:
        subprocess.run([*gpg, "--quick-gen-key", "Gantry images <images@localhost>", "rsa3072", "sign", "never"], check=True)
    put(OUTPUT / "keyring.gpg", subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)


def loaders():
    listed, base = previous(LOADERS), WORK / "bootloaders"
    result = {}
    for folder, name, system, kind, arch, arches in [
        ("uefi", "com.ubuntu.maas.stable:1:grub-efi-signed:uefi:amd64", "grub-efi-signed", "uefi", "amd64", "amd64"),
        ("uefi-arm64", "com.ubuntu.maas.stable:1:grub-efi-signed:uefi:arm64", "grub-efi-signed", "uefi", "arm64", "arm64"),
        ("pxe", "com.ubuntu.maas.stable:1:pxelinux:pxe:i386", "pxelinux", "pxe", "i386", "i386,amd64"),
        ("ipxe", "com.ubuntu.maas.stable:1:ipxe:ipxe:amd64", "ipxe", "ipxe", "amd64", "i386,amd64"),
    ]:
        root = base / folder
        files = [(str(path.relative_to(root)), "bootloader", path, str(path.relative_to(root))) for path in sorted(root.rglob("*")) if path.is_file()]
        attributes = {"arch": arch, "arches": arches, "bootloader-type": kind, "label": "stable", "os": system}
        result[name] = product(listed.get(name, {}), attributes, files, f"bootloaders/{kind}/{arch}")
    return result


def images():
    listed, name = previous(IMAGES), "com.ubuntu.maas.stable:v3:boot:12:amd64:ga-12"
    ephemeral, target = WORK / "ephemeral", WORK / "target"
    attributes = {
        "arch": "amd64", "os": "debian", "release": "bookworm", "version": "12", "release_title": "Debian 12 (bookworm)", "release_codename": "Bookworm",
        "label": "stable", "kflavor": "generic", "krel": "bookworm", "subarch": "ga-12", "subarches": "generic,ga-12", "support_eol": "2028-06-30",
        "image-size": SIZE,
    }
    files = [
        ("boot-kernel", "boot-kernel", ephemeral / "boot-kernel", "boot-kernel"),
        ("boot-initrd", "boot-initrd", ephemeral / "boot-initrd", "boot-initrd"),
        ("squashfs", "squashfs", ephemeral / "squashfs", "squashfs"),
        ("root.tar.zst", "root.tar.zst", target / "root.tar.zst", "root.tar.zst"),
    ]
    extra = {
        "boot-kernel": {"kernel-version": (ephemeral / "kernel-version").read_text().strip()},
        "root.tar.zst": {"kernel-version": (target / "kernel-version").read_text().strip(), "unpacked-size": int((target / "unpacked-bytes").read_text())},
    }
    return {name: product(listed.get(name, {}), attributes, files, "debian/bookworm/amd64", extra)}


def main():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    key()
    index = {}
    for content_id, products in ((IMAGES, images()), (LOADERS, loaders())):
        path = OUTPUT / "streams/v1" / f"{content_id}.json"
        head = {"content_id": content_id, "datatype": "image-downloads", "format": "products:1.0", "updated": UPDATED}
        put(path, json.dumps({**head, "products": products}, indent=1, sort_keys=True).encode())
        sign(path)
        index[content_id] = {"datatype": "image-downloads", "format": "products:1.0", "path": f"streams/v1/{content_id}.json", "products": sorted(products), "updated": UPDATED}
    path = OUTPUT / "streams/v1/index.json"
    put(path, json.dumps({"format": "index:1.0", "index": index, "updated": UPDATED}, indent=1, sort_keys=True).encode())
    sign(path)


main()

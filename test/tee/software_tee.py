#!/usr/bin/env python3
"""A TEE of software, for tests: an AMD-like chain of certificates made at run
time, and SEV-SNP reports signed under it.

  software_tee.py pki DIR            ark, ask, vcek and vlek (.pem, .der, .key)
  software_tee.py report DIR [FIELD=VALUE ...] < 64 bytes > report
  software_tee.py auxblob DIR > the table of certificates that a host gives

Nothing that it makes is trusted but by whom is given DIR/ark.pem.  Fields are
those of snp_report() below; bytes are given in hexadecimal.  Offsets and names
are those of AMD 56860, "ATTESTATION_REPORT structure".
"""

import struct
import subprocess
import sys
import uuid
from pathlib import Path

REPORT_LEN = 1184
SIGNED_LEN = 0x2A0
NUMBER_LEN = 72        # of r and of s, little-endian
TCB = {"bootloader": 4, "tee": 0, "snp": 27, "microcode": 222}
CHIP_ID = bytes(range(64))
CSP_ID = "CN=software-tee.example"
MILAN = (0x19, 0x01, 0x01)    # family, model and stepping of CPUID
DAYS = 3650
SERIALS = {"ark": 1, "ask": 2, "vcek": 3, "vlek": 4}

POLICY_SMT = 1 << 16
POLICY_ONE = 1 << 17
POLICY_MIGRATE = 1 << 18
POLICY_DEBUG = 1 << 19
SIGNED_BY_VLEK = 1 << 2

# GHCB 2.03, table of certificates: GUIDs as they are written
GUIDS = {
    "vcek": "63da758d-e664-4564-adc5-f4b93be8accd",
    "vlek": "a8074bc2-a25a-483e-aae6-39c045a0b8a1",
    "ask": "4ab7b379-bbac-4fe4-a02f-05aef327c782",
    "ark": "c0b406a4-a803-4952-9743-3fb6014cd0ae",
}

PSS = ["-sha384", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:48"]


def openssl(*args, stdin=None):
    done = subprocess.run(["openssl", *map(str, args)], input=stdin, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args[0]}: {done.stderr.decode()}")
    return done.stdout


def der(tag, value):
    assert len(value) < 128
    return bytes([tag, len(value)]) + value


def der_integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def extensions_of(product, tcb, hwid=None, csp_id=None):
    """Lines of an extension file of OpenSSL: 1.3.6.1.4.1.3704.1.*"""
    values = {
        "1": der_integer(0),
        "2": der(0x16, product.encode()),
        "3.1": der_integer(tcb["bootloader"]),
        "3.2": der_integer(tcb["tee"]),
        "3.3": der_integer(tcb["snp"]),
        "3.8": der_integer(tcb["microcode"]),
    }
    if hwid is not None:
        values["4"] = hwid    # without a tag, as AMD has it
    if csp_id is not None:
        values["5"] = der(0x16, csp_id.encode())
    return "".join(f"1.3.6.1.4.1.3704.1.{arc}=DER:{value.hex(':')}\n" for arc, value in values.items())


def issue(directory, name, subject, key_type, extensions, issuer=None):
    """A key pair and its certificate, by the issuer or else by itself."""
    key, pem, request = (directory / f"{name}.{kind}" for kind in ("key", "pem", "csr"))
    openssl("genpkey", *key_type, "-out", key)
    key.chmod(0o600)
    openssl("req", "-new", "-key", key, "-subj", f"/O=Software TEE of a test/CN={subject}", "-out", request)
    (directory / f"{name}.ext").write_text(extensions)
    signer = ["-CA", directory / f"{issuer}.pem", "-CAkey", directory / f"{issuer}.key"] if issuer else ["-signkey", key]
    openssl("x509", "-req", "-in", request, "-extfile", directory / f"{name}.ext", "-days", DAYS,
            "-set_serial", SERIALS[name], *PSS, *signer, "-out", pem)
    openssl("x509", "-in", pem, "-outform", "DER", "-out", directory / f"{name}.der")
    request.unlink()
    (directory / f"{name}.ext").unlink()


def make_pki(directory, product="Milan", tcb=None, chip_id=CHIP_ID, csp_id=CSP_ID):
    """Certificates and keys in the directory; the root is ark.pem."""
    directory = Path(directory)
    tcb = {**TCB, **(tcb or {})}
    rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]
    p384 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]
    authority = "basicConstraints=critical,CA:TRUE{}\nkeyUsage=critical,keyCertSign{}\nsubjectKeyIdentifier=hash\n"

    directory.mkdir(parents=True, exist_ok=True)
    issue(directory, "ark", f"ARK-{product}", rsa, authority.format("", ",cRLSign"))
    issue(directory, "ask", f"SEV-{product}", rsa, authority.format(",pathlen:0", ""), "ark")
    issue(directory, "vcek", "SEV-VCEK", p384, extensions_of(product + "-B0", tcb, hwid=chip_id), "ask")
    issue(directory, "vlek", "SEV-VLEK", p384, extensions_of(product, tcb, csp_id=csp_id), "ask")


def tcb_bytes(tcb):
    """As Milan and Genoa have it."""
    return bytes([tcb["bootloader"], tcb["tee"], 0, 0, 0, 0, tcb["snp"], tcb["microcode"]])


def sign(key, data):
    """r and s, little-endian."""
    signature = openssl("dgst", "-sha384", "-sign", key, stdin=data)
    pos, numbers = 2 + (signature[1] == 0x81), b""
    for _ in range(2):
        length = signature[pos + 1]
        value = int.from_bytes(signature[pos + 2:pos + 2 + length], "big")
        numbers += value.to_bytes(NUMBER_LEN, "little")
        pos += 2 + length
    return numbers


def snp_report(directory, report_data, *, version=5, guest_svn=0, policy=POLICY_SMT | POLICY_ONE, debug=False,
               migratable=False, vmpl=0, measurement=bytes(range(48)), host_data=bytes(32), id_key_digest=bytes(48),
               author_key_digest=bytes(48), report_id=bytes(32), chip_id=None, platform_info=0x25, reported_tcb=None,
               current_tcb=None, committed_tcb=None, cpuid=MILAN, vlek=False):
    """1184 bytes, signed with the key of the VCEK, or of the VLEK, in the directory."""
    assert len(report_data) == 64
    reported = {**TCB, **(reported_tcb or {})}
    current = {**reported, **(current_tcb or {})}
    committed = {**current, **(committed_tcb or {})}
    policy |= debug * POLICY_DEBUG | migratable * POLICY_MIGRATE
    if chip_id is None:
        chip_id = bytes(64) if vlek else CHIP_ID

    report = bytearray(REPORT_LEN)

    def put(offset, value, length):
        assert len(value) == length
        report[offset:offset + length] = value

    put(0x000, struct.pack("<IIQ", version, guest_svn, policy), 16)
    put(0x030, struct.pack("<II", vmpl, 1), 8)
    put(0x038, tcb_bytes(current), 8)
    put(0x040, struct.pack("<QI", platform_info, vlek * SIGNED_BY_VLEK), 12)
    put(0x050, report_data, 64)
    put(0x090, measurement, 48)
    put(0x0C0, host_data, 32)
    put(0x0E0, id_key_digest, 48)
    put(0x110, author_key_digest, 48)
    put(0x140, report_id, 32)
    put(0x160, b"\xff" * 32, 32)    # REPORT_ID_MA: no migration agent
    put(0x180, tcb_bytes(reported), 8)
    if version >= 3:
        put(0x188, bytes(cpuid), 3)
    put(0x1A0, chip_id, 64)
    put(0x1E0, tcb_bytes(committed), 8)
    put(0x1F0, tcb_bytes(current), 8)
    key = Path(directory) / ("vlek.key" if vlek else "vcek.key")
    put(SIGNED_LEN, sign(key, bytes(report[:SIGNED_LEN])), 2 * NUMBER_LEN)
    return bytes(report)


def snp_auxblob(directory, names=("vcek", "ask", "ark")):
    """The table of certificates of GHCB 2.03: GUID, offset, length; then DER."""
    certificates = [(Path(directory) / f"{name}.der").read_bytes() for name in names]
    offset, table = 24 * (len(names) + 1), b""
    for name, certificate in zip(names, certificates):
        table += uuid.UUID(GUIDS[name]).bytes + struct.pack("<II", offset, len(certificate))
        offset += len(certificate)
    return table + bytes(24) + b"".join(certificates)


def field_of(text):
    """NAME=VALUE of the command line, by the kind of the default."""
    name, value = text.split("=", 1)
    default = snp_report.__kwdefaults__[name]
    if isinstance(default, bool):
        return name, value in ("1", "true", "on")
    if isinstance(default, int):
        return name, int(value, 0)
    if name.endswith("_tcb"):
        return name, {part: int(number) for part, number in (pair.split(":") for pair in value.split(","))}
    return name, bytes.fromhex(value)


def main(args):
    if len(args) < 2 or args[0] not in ("pki", "report", "auxblob"):
        sys.exit(__doc__)
    command, directory, fields = args[0], args[1], args[2:]
    if command == "pki":
        make_pki(directory)
    elif command == "report":
        sys.stdout.buffer.write(snp_report(directory, sys.stdin.buffer.read(), **dict(map(field_of, fields))))
    else:
        sys.stdout.buffer.write(snp_auxblob(directory))


if __name__ == "__main__":
    main(sys.argv[1:])

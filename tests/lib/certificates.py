"""Certificates for tests, made by openssl(1) in a folder of the test; nothing of them is kept."""

import ssl
import subprocess


def openssl(*arguments, **keywords):
    done = subprocess.run(["openssl", *map(str, arguments)], text=True, capture_output=True, check=False, timeout=60,
                          stdin=subprocess.DEVNULL, **keywords)
    assert done.returncode == 0, f"openssl {arguments}: {done.stderr}"
    return done.stdout


class Authority:
    """Signs what it is asked to; `cert` is the file that others trust."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.name = name
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.cert, "-days", 30, "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, name, *names, subject=None, days=30, key="ec"):
        """A certificate for these DNS names, as (its file, its key)."""
        cert, key_path, request = (self.folder / f"{name}.{end}" for end in ("crt", "key", "csr"))
        kind = {"ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("rsa:2048",), "weak": ("rsa:1024",)}[key]
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-keyout", key_path, "-out", request, "-subj",
                subject or f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        alternatives = ",".join(f"DNS:{one}" for one in names) or "email:copy"
        extensions.write_text(f"subjectAltName={alternatives}\n", encoding="utf-8")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extensions, "-out", cert)
        return cert, key_path

    def context(self, client=None):
        """What a client trusts that knows this authority, and shows `client` = (certificate, key)."""
        made = ssl.create_default_context(cafile=self.cert)
        if client:
            made.load_cert_chain(*client)
        return made

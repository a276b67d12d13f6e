# SPDX-License-Identifier: Apache-2.0
"""Users by an OpenID Connect issuer, by a token webhook, and by an authenticating proxy."""
import base64
import http.client
import json
import os
import ssl
import subprocess
import time

import pytest
from knarr_test import BUILD, Master, wait_for
from tls_server import Handler, HttpsServer, kubeconfig

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer(HttpsServer):
    """An OpenID Connect issuer and a token webhook in one HTTPS server."""

    def __init__(self, folder):
        self.folder, self.keys, self.reviews, self.tokens = str(folder), [], [], {}
        issuer = self

        class Answers(Handler):
            def do_GET(self):
                if self.path == "/.well-known/openid-configuration":
                    self.answer({"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"})
                else:
                    self.answer({"keys": [k for _, k in issuer.keys]})

            def do_POST(self):
                review = json.loads(self.body())
                issuer.reviews.append(review)
                user = issuer.tokens.get(review["spec"]["token"])
                review["status"] = {"authenticated": bool(user), "user": user or {}}
                self.answer(review)

        super().__init__(Answers, self.folder, "issuer")
        self.new_key()

    def new_key(self):
        path = f"{self.folder}/k{len(self.keys)}.pem"
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
        out = subprocess.run(["openssl", "rsa", "-in", path, "-noout", "-modulus"], check=True,
                             capture_output=True, text=True).stdout
        n = bytes.fromhex(out.strip().split("=")[1])
        self.keys.append((path, {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": path[-6:],
                                 "n": b64(n), "e": "AQAB"}))

    def token(self, key=-1, alg="RS256", **claims):
        path, jwk = self.keys[key]
        claims = {"iss": self.url, "aud": "knarr", "sub": "jane", "exp": time.time() + 60, **claims}
        text = b64(json.dumps({"alg": alg, "kid": jwk["kid"]}).encode()) + "." + \
            b64(json.dumps({k: v for k, v in claims.items() if v is not None}).encode())
        sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", path], input=text.encode(),
                             check=True, capture_output=True).stdout
        return f"{text}.{b64(sig)}"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    i = Issuer(tmp_path_factory.mktemp("issuer"))
    yield i
    i.close()


@pytest.fixture(scope="module")
def m(issuer, tmp_path_factory):
    config = tmp_path_factory.mktemp("webhook") / "config"
    kubeconfig(config, issuer.url + "/review", issuer.cert)
    with Master("--no-scheduler", "--no-controllers", "--oidc-issuer-url", issuer.url,
                    "--oidc-client-id", "knarr", "--oidc-groups-claim", "groups",
                    "--oidc-groups-prefix", "oidc:", "--oidc-required-claim", "tenant=a",
                    "--oidc-ca-file", issuer.cert,
                    "--authentication-token-webhook-config-file", str(config),
                    "--authentication-token-webhook-cache-ttl", "3s",
                    "--requestheader-allowed-names", "front") as master:
        yield master


def who(m, token):
    status, got = m.api("POST", WHO, {}, headers={"Authorization": f"Bearer {token}"}, anonymous=True)
    return got["status"]["userInfo"] if status == 201 else status


def test_oidc(m, issuer):
    wait_for(lambda: who(m, issuer.token(tenant="a")) != 401)
    got = who(m, issuer.token(tenant="a", groups=["dev", "ops"]))
    assert got["username"] == f"{issuer.url}#jane"
    assert set(got["groups"]) == {"oidc:dev", "oidc:ops", "system:authenticated"}
    assert who(m, issuer.token(tenant="a", groups="one"))["groups"][0] == "oidc:one"
    assert not issuer.reviews


@pytest.mark.parametrize("claims", [
    {"tenant": "b"}, {"tenant": None}, {"tenant": "a", "aud": "other"}, {"tenant": "a", "exp": 1},
    {"tenant": "a", "exp": None}, {"tenant": "a", "nbf": time.time() + 3600}, {"tenant": "a", "sub": None},
    {"tenant": "a", "alg": "none"}, {"tenant": "a", "alg": "HS256"}])
def test_oidc_refused(m, issuer, claims):
    assert who(m, issuer.token(**claims)) == 401


def test_oidc_forged(m, issuer, tmp_path):
    head, claims, sig = issuer.token(tenant="a").split(".")
    other = b64(json.dumps({"iss": issuer.url, "aud": "knarr", "sub": "root", "tenant": "a",
                            "exp": time.time() + 60}).encode())
    assert who(m, f"{head}.{other}.{sig}") == 401
    assert who(m, f"{head}.{claims}.") == 401
    assert who(m, f"{head}.{claims}") == 401
    assert who(m, ".." + "x" * 9) == 401


def test_new_key_is_fetched(m, issuer):
    issuer.new_key()
    token = issuer.token(tenant="a")
    wait_for(lambda: who(m, token) != 401, 20, 0.5)


def test_webhook(m, issuer):
    issuer.tokens["secret-1"] = {"username": "bob", "uid": "7", "groups": ["dev"],
                                 "extra": {"from": ["there"]}}
    got = who(m, "secret-1")
    assert (got["username"], got["uid"]) == ("bob", "7") and "dev" in got["groups"]
    assert got["extra"] == {"from": ["there"]}
    n = len(issuer.reviews)
    assert issuer.reviews[-1]["apiVersion"] == "authentication.k8s.io/v1"
    assert who(m, "secret-1")["username"] == "bob" and len(issuer.reviews) == n
    assert who(m, "nobody's") == 401
    del issuer.tokens["secret-1"]
    wait_for(lambda: who(m, "secret-1") == 401, 10, 0.3)


def client(m, folder, name):
    """A certificate of the cluster's authority for a common name."""
    pki = os.path.join(m.dir, "data", "pki")
    key, csr, crt = (str(folder / f"{name}.{x}") for x in ("key", "csr", "crt"))
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", f"/CN={name}", "-keyout", key, "-out", csr], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", csr, "-CA", f"{pki}/ca.crt", "-CAkey", f"{pki}/ca.key",
                    "-days", "2", "-out", crt], check=True, capture_output=True)
    ctx = ssl.create_default_context(cafile=f"{pki}/ca.crt")
    ctx.load_cert_chain(crt, key)
    c = http.client.HTTPSConnection("127.0.0.1", m.port, context=ctx, timeout=10)
    c.request("POST", WHO, b"{}", {"Content-Type": "application/json", "X-Remote-User": "carol",
                                   "X-Remote-Group": "dev", "X-Remote-Extra-Scope": "s"})
    got = json.loads(c.getresponse().read())["status"]["userInfo"]
    c.close()
    return got


def test_proxy(m, tmp_path):
    got = client(m, tmp_path, "front")
    assert got["username"] == "carol" and set(got["groups"]) == {"dev", "system:authenticated"}
    assert got["extra"] == {"scope": ["s"]}
    assert client(m, tmp_path, "other")["username"] == "other"


@pytest.mark.parametrize("args,why", [
    (["--oidc-issuer-url", "http://x", "--oidc-client-id", "c"], "is no https URL"),
    (["--oidc-issuer-url", "https://x"], "--oidc-client-id: is needed"),
    (["--oidc-client-id", "c"], "need --oidc-issuer-url"),
    (["--oidc-issuer-url", "https://x", "--oidc-client-id", "c", "--oidc-required-claim", "a"],
     "is no KEY=VALUE"),
    (["--oidc-issuer-url", "https://x", "--oidc-client-id", "c", "--oidc-ca-file", "/none"],
     "--oidc-ca-file: cannot read /none"),
    (["--authentication-token-webhook-config-file", "/none"],
     "--authentication-token-webhook-config-file")])
def test_bad_options(tmp_path, args, why):
    p = subprocess.run([os.path.join(BUILD, "knarr-master"), "--data-dir", str(tmp_path / "d"),
                        "--config-dir", str(tmp_path / "c"), "--bind", "127.0.0.1", "--port", "0", *args],
                       capture_output=True, text=True, timeout=20, check=False)
    assert p.returncode and why in p.stderr, p.stderr

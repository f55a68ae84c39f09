"""Servers on this machine for DVC's remotes: `python remote_server.py s3|ssh|webdav FOLDER` says its port.

A script of its own, since its Python may be another than that of the tests: moto and dvc-s3 agree on no botocore.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

USER, SECRET, BUCKET = "me", "secret", "bucket"


def s3(folder: Path) -> None:
    """Moto's, in memory, with one bucket; `folder` is left alone."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": USER, "aws_secret_access_key": SECRET}
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)
    client.create_bucket(Bucket=BUCKET)
    say(port)
    threading.Event().wait()


def ssh(folder: Path) -> None:
    """SFTP of asyncssh for one user with a password; `folder` is its root."""
    import asyncssh

    class Server(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, SECRET)

    def root(channel: Any) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(folder).encode())

    async def serve() -> None:
        keys = [asyncssh.generate_private_key("ssh-ed25519")]
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=Server, server_host_keys=keys, sftp_factory=root
        )  # fmt: skip
        say(server.get_port())
        await server.wait_closed()

    asyncio.run(serve())


def webdav(folder: Path) -> None:
    """WsgiDAV behind cheroot for one user with a password; `folder` is its root."""
    from cheroot.wsgi import Server
    from wsgidav.wsgidav_app import WsgiDAVApp

    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": {"*": {USER: {"password": SECRET}}}},
            "http_authenticator": {"accept_digest": False, "default_to_digest": False},
            "logging": {"enable": False},
        }
    )
    server = Server(("127.0.0.1", 0), app)
    server.prepare()
    say(server.bind_addr[1])
    server.serve()


def say(port: int) -> None:
    """Tell whoever started this that it listens."""
    print(f"port {port}", flush=True)


if __name__ == "__main__":
    {"s3": s3, "ssh": ssh, "webdav": webdav}[sys.argv[1]](Path(sys.argv[2]))

"""What the service manager is told: sd_notify(3)."""

import signal
import socket

from daemon import wait_until


def test_readiness_reload_and_stop_are_told_to_systemd(daemon):
    daemon.workflow("nap", [{"id": "nap", "sleep": "0s"}])
    path = daemon.folder / "notify.sock"
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(0.1)

        def has_heard(word):
            try:
                heard.extend(notify.recv(4096).decode().splitlines())
            except TimeoutError:
                pass
            return word in heard

        daemon.start(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"})
        wait_until(lambda: has_heard("READY=1"), "READY=1")
        wait_until(lambda: has_heard("WATCHDOG=1"), "the watchdog's beat")
        heard.clear()
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: has_heard("RELOADING=1"), "RELOADING=1")
        wait_until(lambda: has_heard("READY=1"), "READY=1 after the reload")
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: has_heard("STOPPING=1"), "STOPPING=1")
        assert daemon.wait_exit() == 0

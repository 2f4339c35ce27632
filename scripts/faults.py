#!/usr/bin/env python3
"""Kills a running sensor at random and at every step to the disk, and takes the ground from it.

usage: scripts/faults.py BORDERFLOW [KILLS [PART...]]

In namespaces of its own, `borderflow run` watches one end of a pair of veth and listens for flow
records, and keeps all that it can: state, ledger, history, alerts, and a webhook that refuses every
fiftieth event. Its clock runs an hour in 2 seconds (libfaketime), so that it often saves what it
learns. Traffic never stops. Parts:

kill       KILLS (200) times SIGKILL at a random moment, from the start of the program on;
calls      SIGKILL as a thread begins its n-th call towards the disk (strace), for each kind;
disk       a disk that is full, read-only, whose syncs fail; a start on a full one; folders and
           files that are removed; an account that may not write;
world      a clock that is set back, an interface that is removed and comes back, a log that nobody
           reads, or that is closed.

After each: a state that can be read, a sound ledger that has all that it had acknowledged, alerts
of which every line parses, a sound history, events of the spool that arrive, and frames that are
counted. Prints a table; the status is 1 if anything is wrong. FAULTS_SECONDS (20) is how long it
may take to be well again, FAULTS_SEED (7) chooses the moments. Needs root and `ip`, and strace and
libfaketime for what they are named at; what cannot be run is said.
"""

import contextlib
import fcntl
import http.server
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from faulty import CLOCK, HOOK_PORT, SEED, SOON, Hook, Place, Sensor, Table, ask, send_for_ever
from siege import in_namespace, run

KILLS_PER_PLACE = 25
CALLS = {"fsync": 10, "fdatasync": 16, "rename": 8, "unlink": 6, "ftruncate": 4, "pwrite64": 16,
         "write": 30, "mkdir": 4, "openat": 30}


def drained(place, wrong):
    """A last run, which must deliver all that was spooled and end well. Returns its figures."""
    sensor = Sensor(place)
    if not sensor.counts_frames():
        wrong.append(f"it does not start again: {sensor.said()[-800:]}")
    sensor.await_that(lambda: place.spooled <= Hook.received, 60)
    if status := sensor.end():
        wrong.append(f"it ends with status {status}: {sensor.said()[-800:]}")
    wrong += place.look()
    if ask(place.program, "ledger", "verify", place.disk / "ledger").returncode:
        wrong.append("the ledger is not sound in the end")
    left = place.look_at_spool()
    if lost := place.spooled - Hook.received - left:
        wrong.append(f"{len(lost)} events of the spool were never delivered: {sorted(lost)[:2]}")
    untold = set(place.alerts()) - Hook.received - place.spooled
    return (f"{place.acknowledged} acknowledged entries, {len(place.inodes)} snapshots looked at, "
            f"{len(place.spooled)} events seen in the spool, {len(left - Hook.received)} still "
            f"there; {len(set(place.alerts()))} alerts, {len(untold)} not yet in the spool when "
            "killed")


def random_kills(program, kills, table):
    chance = random.Random(SEED)
    # A ledger that grows for ever takes ever longer to be verified.
    for first in range(0, kills, KILLS_PER_PLACE):
        numbers = range(first, min(first + KILLS_PER_PLACE, kills))
        with tempfile.TemporaryDirectory() as folder:
            place, wrong = Place(program, folder), []
            for number in numbers:
                wrong += [f"kill {number}: {one}" for one in kill_once(place, number, chance)]
            figures = drained(place, wrong)
            table.row(f"kills {first + 1} to {numbers.stop} at random", figures, wrong)


def kill_once(place, number, chance):
    """Starts a sensor and kills it. Every fourth dies before it is ready. Returns what is wrong."""
    sensor, wrong, known = Sensor(place), [], 0
    if number % 4:
        if not sensor.counts_frames():
            wrong.append(f"no frames after the one before: {sensor.said()[-800:]}")
        time.sleep(chance.uniform(0, 2.5))
        known = sensor.acknowledged()
        time.sleep(chance.uniform(0, 0.02))
    else:
        time.sleep(chance.uniform(0, 1))
    sensor.kill()
    wrong += place.look()
    place.acknowledge(known)
    return wrong


def kills_at_calls(program, table):
    if not shutil.which("strace"):
        return table.skip("kills at calls", "no strace")
    with tempfile.TemporaryDirectory() as folder:
        place, wrong, killed = Place(program, folder), [], {}
        for call, most in CALLS.items():
            names = {"rename": "?rename,?renameat,?renameat2", "unlink": "?unlink,?unlinkat",
                     "mkdir": "?mkdir,?mkdirat"}.get(call, call)
            for number in range(1, most + 1):
                # A fast thread makes its first calls as it starts.
                at = number if call not in ("write", "openat") else number * 7
                before = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={names}", "-e",
                          f"inject={names}:signal=SIGKILL:when={at}"]
                sensor = Sensor(place, before)
                known, begun = 0, time.monotonic()
                while sensor.process.poll() is None and time.monotonic() - begun < 6:
                    known = max(known, sensor.acknowledged())
                    time.sleep(0.05)
                killed[call] = killed.get(call, 0) + (sensor.process.poll() is not None)
                sensor.kill()
                wrong += [f"{call} {at}: {one}" for one in place.look()]
                place.acknowledge(known)
        figures = drained(place, wrong)
        made = ", ".join(f"{name} {count}" for name, count in killed.items())
        table.row(f"kills at {sum(killed.values())} calls", f"{made}; {figures}", wrong)
    return None


@contextlib.contextmanager
def on_disk(program, size="64m"):
    """A sensor that runs on a small disk of its own."""
    with tempfile.TemporaryDirectory() as folder:
        disk = os.path.join(folder, "disk")
        os.mkdir(disk)
        run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk)
        place = Place(program, folder, disk)
        sensor = Sensor(place)
        try:
            yield place, sensor
        finally:
            sensor.kill()
            run("umount", "-l", disk)


class Ordeal:
    """What happens to a sensor while something is wrong, and after that."""

    def __init__(self, place, sensor):
        self.place, self.sensor, self.wrong = place, sensor, []
        self.received = set(Hook.received)
        if not sensor.counts_frames():
            self.wrong.append(f"it does not start: {sensor.said()[-800:]}")
        time.sleep(4)

    def goes_on(self, when):
        """Whether frames are counted."""
        if not self.sensor.counts_frames():
            self.wrong.append(f"{when}: nothing is captured; status {self.sensor.process.poll()}: "
                              f"{self.sensor.said()[-600:]}")

    def failures(self):
        with contextlib.suppress(OSError):
            page = self.sensor.metrics()
            names = {"state": "state_save", "ledger": "ledger", "history": "history",
                     "alerts": "result"}
            return {short: int(self.sensor.value(f"borderflow_{name}_failures_total", page))
                    for short, name in names.items()}
        return {}

    def recovers(self):
        """Whether it is well again by itself. Returns after how many seconds."""
        begun, failed = time.monotonic(), self.failures().get("state", 0)
        saved = self.sensor.value("borderflow_state_saved_timestamp_seconds")

        def is_well():
            page = self.sensor.metrics()
            return (self.sensor.value("borderflow_ledger_waiting_entries", page) == 0
                    and self.sensor.value("borderflow_state_saved_timestamp_seconds", page) > saved)

        if not self.sensor.await_that(is_well):
            self.wrong.append(f"it does not recover: {self.failures()} {failed}")
        return time.monotonic() - begun

    def ends(self, expected=0):
        """Ends it, and looks at all that is left."""
        status = self.sensor.end()
        if status != expected:
            self.wrong.append(f"it ends with status {status}: {self.sensor.said()[-800:]}")
        self.wrong += self.place.look()
        told = set(self.place.alerts())
        missing = Hook.received - self.received - told
        lost = re.findall(r"(\d+) lines? of alerts", self.sensor.said())
        if len(missing) > sum(map(int, lost)):
            self.wrong.append(f"{len(missing)} alerts were sent and are not in the file")
        alarms = self.sensor.alarms()
        return f"{len(told)} alerts, {len(missing)} missing in the file, {alarms} alarms"


def fill(disk):
    with contextlib.suppress(OSError), open(os.path.join(disk, "fill"), "ab", 0) as file:
        while True:
            file.write(bytes(4096))


def disk(program, table):
    with on_disk(program) as (place, sensor):
        ordeal = Ordeal(place, sensor)
        for _ in range(60):
            fill(place.disk)
            time.sleep(0.1)
        ordeal.goes_on("full")
        failures = ordeal.failures()
        os.remove(place.disk / "fill")
        seconds = ordeal.recovers()
        table.row("disk full for 6 s", f"failures {failures}, well {seconds:.1f} s after; "
                  f"{ordeal.ends()}", ordeal.wrong)
        fill(place.disk)
        again = Sensor(place)
        wrong = [] if again.counts_frames() else [f"it does not start: {again.said()[-800:]}"]
        os.remove(place.disk / "fill")
        ordeal = Ordeal(place, again)
        seconds = ordeal.recovers()
        table.row("start on a full disk", f"well {seconds:.1f} s after; {ordeal.ends()}",
                  wrong + ordeal.wrong)
    read_only(program, table)
    syncs_fail(program, table)
    for name in ("state", "ledger", "out", "history"):
        with on_disk(program) as (place, sensor):
            ordeal = Ordeal(place, sensor)
            shutil.rmtree(place.disk / name)
            place.acknowledged *= name != "ledger"
            time.sleep(11)
            ordeal.goes_on("removed")
            failures, alarms = ordeal.failures(), sensor.alarms()
            if not alarms and not (place.disk / name).exists():
                ordeal.wrong.append("nobody is told")
            sensor.end()
            again = Sensor(place)
            if not again.counts_frames() or again.end():
                ordeal.wrong.append(f"it does not start again: {again.said()[-800:]}")
            ordeal.wrong += place.look()
            table.row(f"{name} removed while it runs", f"failures {failures}, {alarms} alarms",
                      ordeal.wrong)
    no_permission(program, table)


def read_only(program, table):
    """A disk that its file system makes read-only after an error, as a broken one is."""
    name = "disk read-only after an error"
    with tempfile.TemporaryDirectory() as folder:
        image, at = os.path.join(folder, "image"), os.path.join(folder, "disk")
        os.mkdir(at)
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        mount = ["mount", "-o", "loop,errors=remount-ro", image, at]
        made = ask("mkfs.ext4", "-q", image).returncode == 0 and ask(*mount).returncode == 0
        if not made:
            table.skip(name, "no ext4 on a loop device")
            return
        place = Place(program, folder, at)
        device = os.path.basename(ask("findmnt", "-no", "SOURCE", at).stdout.strip())
        ordeal = Ordeal(place, Sensor(place))
        with open(f"/sys/fs/ext4/{device}/trigger_fs_error", "w", encoding="ascii") as file:
            file.write("faults")
        time.sleep(11)
        ordeal.goes_on("read-only")
        failures, alarms = ordeal.failures(), ordeal.sensor.alarms()
        if not alarms:
            ordeal.wrong.append("nobody is told")
        status = ordeal.sensor.end()
        run("umount", at)
        checked = ask("e2fsck", "-fy", image).returncode
        run(*mount)
        ordeal.wrong += place.look()
        # What waited in memory as it ended is in no file. It was told elsewhere.
        ordeal.received = set(Hook.received)
        ordeal.sensor = Sensor(place)
        ordeal.goes_on("after a check and a restart")
        table.row(name, f"failures {failures}, {alarms} alarms, ends with {status}, e2fsck "
                  f"{checked}; {ordeal.ends()}", ordeal.wrong)
        run("umount", "-l", at)


def syncs_fail(program, table):
    if not shutil.which("strace"):
        table.skip("syncs fail for 6 s", "no strace")
        return
    with on_disk(program) as (place, sensor):
        ordeal = Ordeal(place, sensor)
        strace = subprocess.Popen(["strace", "-f", "-qq", "-o", os.devnull, "-p",
                                   str(sensor.pid()), "-e", "trace=fsync,fdatasync", "-e",
                                   "inject=fsync,fdatasync:error=EIO"])
        time.sleep(6)
        ordeal.goes_on("syncs fail")
        failures = ordeal.failures()
        strace.terminate()
        strace.wait()
        table.row("syncs fail (EIO) for 6 s", f"failures {failures}, well {ordeal.recovers():.1f} "
                  f"s after; {ordeal.ends()}", ordeal.wrong)


def no_permission(program, table):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(program, folder)
        place.options = ["--user", "nobody"]
        run("chown", "-R", "nobody", folder)
        sensor = Sensor(place)
        ordeal = Ordeal(place, sensor)
        folders = [place.disk / name for name in ("state", "out", "history", "ledger")]
        for one in folders:
            one.chmod(0o500)
        time.sleep(6)
        ordeal.goes_on("forbidden")
        failures = ordeal.failures()
        for one in folders:
            one.chmod(0o700)
        table.row("folders not writable for 6 s", f"failures {failures}, well "
                  f"{ordeal.recovers():.1f} s after; {ordeal.ends()}", ordeal.wrong)
        sensor.kill()


def world(program, table):
    clock_set_back(program, table)
    with on_disk(program) as (place, sensor):
        ordeal = Ordeal(place, sensor)
        run("ip", "link", "del", "faults0")
        time.sleep(2)
        records = "borderflow_flow_input_records_total"
        before = sensor.value(records)
        if not sensor.await_that(lambda: sensor.value(records) > before):
            ordeal.wrong.append("no flow records while the interface is away")
        link()
        begun = time.monotonic()
        ordeal.goes_on("back")
        seconds, gaps = time.monotonic() - begun, sensor.value("borderflow_interface_gaps_total")
        if gaps < 1:
            ordeal.wrong.append("the gap is not counted")
        table.row("interface away for 2 s", f"frames {seconds:.1f} s after it is back; "
                  f"{ordeal.ends()}", ordeal.wrong)
    for name, is_closed in (("log closed", True), ("log that nobody reads for a while", False)):
        nobody_reads(program, table, name, is_closed)


def nobody_reads(program, table, name, is_closed):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(program, folder)
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        sensor = Sensor(place, stderr=writer)
        os.close(writer)
        if is_closed:
            os.close(reader)
        ordeal = Ordeal(place, sensor)
        pid = sensor.pid()
        for number in range(20):
            os.kill(pid, signal.SIGUSR1 if number % 4 else signal.SIGHUP)
            time.sleep(0.2)
        ordeal.goes_on(name)
        if not is_closed:
            # Now somebody does: what is said at the end waits for that.
            threading.Thread(target=drain, args=(reader,), daemon=True).start()
        figures = ordeal.ends()
        table.row(name, f"20 signals; {figures}", ordeal.wrong)
        sensor.kill()


def drain(reader):
    while os.read(reader, 1 << 16):
        pass


def clock_set_back(program, table):
    if not CLOCK.library:
        table.skip("clock set back", "no libfaketime")
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Place(program, folder)
        stamp = place.folder / "clock"
        stamp.write_text("+0\n")
        environment = {**CLOCK.library_alone(), "FAKETIME_TIMESTAMP_FILE": str(stamp),
                       "FAKETIME_NO_CACHE": "1"}
        sensor = Sensor(place, environment=environment)
        ordeal = Ordeal(place, sensor)
        stamp.write_text("-1800\n")
        time.sleep(3)
        ordeal.goes_on("half an hour back")
        stamp.write_text("-7200\n")
        try:
            status = sensor.process.wait(SOON)
        except subprocess.TimeoutExpired:
            status = None
        if status in (None, 0, 2):
            ordeal.wrong.append(f"two hours back: status {status} makes nobody start it again")
        ordeal.wrong += place.look()
        ordeal.sensor = Sensor(place, environment=environment)
        ordeal.goes_on("after the restart")
        table.row("clock set back 30 min, 2 h", f"goes on, ends with status {status} to be started "
                  f"again; {ordeal.ends()}", ordeal.wrong)
        sensor.kill()


def link():
    run("ip", "link", "add", "faults0", "type", "veth", "peer", "name", "faults1")
    for end in ("faults0", "faults1"):
        run("ip", "link", "set", end, "up")


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--inside"]:
        return inside(arguments[1], int(arguments[2]), set(arguments[3:]))
    if not arguments:
        sys.exit(__doc__)
    parts = arguments[2:] or ["kill", "calls", "disk", "world"]
    kills = arguments[1] if len(arguments) > 1 else "200"
    if os.geteuid() != 0:
        print("faults: skipped, needs root")
        return 0
    why = in_namespace([os.path.abspath(arguments[0]), kills, *parts], __file__, "-nm")
    print(f"faults: skipped, {why}")
    return 0


def inside(program, kills, parts):
    with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w", encoding="ascii") as file:
        file.write("1")
    run("ip", "link", "set", "lo", "up")
    link()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", HOOK_PORT), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sender = multiprocessing.Process(target=send_for_ever, args=(SEED,), daemon=True)
    sender.start()
    table = Table()
    if not CLOCK.library:
        table.skip("a clock that runs", "no libfaketime: nothing is saved but at the end")
    try:
        if "kill" in parts:
            random_kills(program, kills, table)
        if "calls" in parts:
            kills_at_calls(program, table)
        if "disk" in parts:
            disk(program, table)
        if "world" in parts:
            world(program, table)
    finally:
        sender.terminate()
    print(f"faults: {table.wrong} wrong")
    return 1 if table.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Kills a ledger at every step that it takes towards the disk, and looks at what is left.

usage: scripts/crash.py LEDGER BORDERFLOW

LEDGER is the example of `benches/ledger`, BORDERFLOW the program. A first run without a crash
counts the system calls by which the ledger changes files. Then, for each of them, a new ledger is
begun and killed as the call begins (`strace -e inject=CALL:signal=SIGKILL:when=N`). Where that is a
sync, a part of what was not synced is cut off, as a power cut may do. The program must find what is left sound but for what a crash may leave; the ledger must open again and end as
if nothing had happened, with every acknowledged entry in its place. Every second time it is killed
once more while it opens.

Needs strace; without it a line says so, and the status is 0.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

ENTRIES = 40
# By which a file comes to be, is changed or is given its name.
CALLS = ["mkdir", "openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "ftruncate",
         "unlink"]
# Where every second ledger is killed once more, as it opens again: at one of the first of these.
OPENINGS = ["fsync", "pwrite64", "rename", "fdatasync"]
OPENING_CALLS = 4


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def counted(command, folder):
    """How often each call is made until the ledger is done, and where its own begin."""
    log = os.path.join(folder, "calls")
    trace = "trace=" + ",".join(CALLS)
    run(["strace", "-qq", "-o", log, "-e", trace, *command])
    counts, first = collections.Counter(), {}
    with open(log, encoding="utf8", errors="replace") as calls:
        is_own = False
        for line in calls:
            name = line.split("(", 1)[0].split()[-1]
            # Before that, the program itself is loaded.
            is_own = is_own or "/ledger" in line
            counts[name] += 1
            if is_own:
                first.setdefault(name, counts[name])
    return {name: range(first[name], counts[name] + 1) for name in first}


def acknowledged(text):
    numbers = re.findall(r"^acknowledged (\d+)$", text, re.MULTILINE)
    return int(numbers[-1]) if numbers else 0


def lines(folder):
    path = os.path.join(folder, "entries.jsonl")
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        return file.read().splitlines(keepends=True)


def bodies(found):
    """What entries are about; those that say what was mended stand between the others."""
    return [line.partition(b',"body":')[2] for line in found if b'"kind":"note"' not in line]


def tear(folder, known, number):
    """Cuts off a part of what is not acknowledged."""
    sure, alerts, found = 0, 0, lines(folder)
    for line in found:
        alerts += b'"kind":"note"' not in line
        if alerts > known:
            break
        sure += len(line)
    rest = sum(map(len, found)) - sure
    if rest:
        os.truncate(os.path.join(folder, "entries.jsonl"), sure + number * 997 % rest)


def kill_at(command, call, number):
    """Kills a command as a call begins. Says whether it was, and what it had said by then."""
    killed = run(["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call,
                  "-e", f"inject={call}:signal=SIGKILL:when={number}", *command])
    return killed.returncode != 0, acknowledged(killed.stdout)


def wrong_with(writer, program, folder, at, again, reference):
    """Kills one ledger, and once more if asked for. Returns what is wrong with it, if anything."""
    ledger = os.path.join(folder, "ledger")
    shutil.rmtree(ledger, ignore_errors=True)
    command = [writer, "write", ledger, str(ENTRIES)]
    killed, known = kill_at(command, *at)
    if not killed:
        return "it was not killed"
    if again:
        known = max(known, kill_at(command, *again)[1])
    if at[0] == "fdatasync":
        tear(ledger, known, at[1])
    left = lines(ledger)
    if bodies(left)[:known] != bodies(reference)[:known]:
        return f"of {known} acknowledged entries some are lost or others"
    if left:
        checked = run([program, "ledger", "verify", ledger])
        if checked.returncode not in (0, 3):
            return f"verify: {checked.stderr.strip()}"
        bad = re.search(r"entry (\d+)", checked.stdout)
        if checked.returncode == 3 and bad and int(bad.group(1)) < known:
            return f"an acknowledged entry is called bad: {checked.stdout}"
    ended = run(command)
    if ended.returncode != 0:
        return f"it does not open again: {ended.stderr.strip()}"
    if bodies(lines(ledger))[:known] != bodies(reference)[:known]:
        return "acknowledged entries are others after it was opened again"
    checked = run([program, "ledger", "verify", ledger])
    if checked.returncode != 0:
        return f"it is not sound after it was opened again: {checked.stdout}"
    return None


def main():
    writer, program = sys.argv[1:3]
    if not shutil.which("strace"):
        print("crash: no strace: nothing was killed")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        ledger = os.path.join(folder, "ledger")
        command = [writer, "write", ledger, str(ENTRIES)]
        steps = counted(command, folder)
        if not steps.get("write") or not steps.get("fsync", steps.get("fdatasync")):
            print("crash: strace cannot follow the ledger here: nothing was killed")
            return 0
        reference = lines(ledger)
        assert len(reference) >= ENTRIES, len(reference)
        done, wrong = 0, []
        for call, numbers in steps.items():
            for number in numbers:
                name, again = OPENINGS[number // 2 % len(OPENINGS)], None
                if number % 2 and name in steps:
                    again = (name, steps[name].start + number % OPENING_CALLS)
                at = (call, number)
                fault = wrong_with(writer, program, folder, at, again, reference)
                done += 1
                if fault:
                    wrong.append(f"{call} {number}: {fault}")
        for line in wrong:
            print(line)
        made = ", ".join(f"{name} {len(numbers)}" for name, numbers in steps.items())
        print(f"crash: killed at {done} calls ({made}): {len(wrong)} wrong")
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

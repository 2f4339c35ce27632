"""Runs programs and says what they took: wall clock, processor time, memory."""

import mmap
import os
import select
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LOAD_MAX = 1.5
RUN_SECONDS_MAX = 1_800
# A load average forgets by a factor of e in a minute, and our own runs are in it. So it is
# looked at before the first of them; after that, what others do is counted by itself.
SETTLE_SECONDS_MAX = 300
# What any of the programs takes, its output in the page cache included.
CLAIMED_BYTES = 3 << 30


@dataclass(frozen=True)
class Sample:
    """One run of one program."""

    wall_seconds: float
    user_seconds: float
    system_seconds: float
    rss_bytes: int
    status: int

    @property
    def cpu_seconds(self) -> float:
        """Time on processors, of all threads, in the program and in the kernel for it."""
        return self.user_seconds + self.system_seconds


@dataclass(frozen=True)
class Program:
    """A command to time. `prepare` runs before each round and is not timed."""

    name: str
    command: list[str]
    prepare: Callable[[], None] = lambda: None
    check: Callable[[], str | None] = lambda: None


@dataclass
class Series:
    """Several programs on one capture, in turns."""

    name: str
    capture: Path
    packets: int
    load_before: float
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    # Processors that others kept busy meanwhile, in the mean.
    others_processors: float = 0.0

    def best(self, program: str, quantity: str = "wall_seconds") -> float | None:
        """The least that any round took, or None if the program did not run."""
        values = self.values(program, quantity)
        return min(values) if values else None

    def median(self, program: str, quantity: str = "wall_seconds") -> float | None:
        """The median of the rounds, or None if the program did not run."""
        values = self.values(program, quantity)
        return statistics.median(values) if values else None

    def values(self, program: str, quantity: str) -> list[float]:
        """A quantity of the rounds that ended with status 0."""
        samples = self.samples.get(program, [])
        return [getattr(sample, quantity) for sample in samples if sample.status == 0]


def run(command: list[str], log: Path) -> Sample:
    """Runs a command to its end, its output to `log`."""
    with log.open("wb") as out:
        begin = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            return wait(process, begin)
        except BaseException:
            process.kill()
            process.wait()
            raise


def wait(process: subprocess.Popen, begin: float, seconds_max: float = RUN_SECONDS_MAX) -> Sample:
    """Waits for a process that began at `begin`, and says what it took."""
    # The pidfd tells the end within microseconds and without a thread or a signal.
    end = begin + seconds_max
    descriptor = os.pidfd_open(process.pid)
    try:
        ended, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
    finally:
        os.close(descriptor)
    if not ended:
        process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    return Sample(
        wall_seconds=wall,
        user_seconds=usage.ru_utime,
        system_seconds=usage.ru_stime,
        rss_bytes=usage.ru_maxrss * 1024,
        status=process.returncode,
    )


def series(
    name: str, capture: Path, packets: int, programs: list[Program], rounds: int, log: Path
) -> Series:
    """Runs the programs in turns, A B C A B C, so that a slow minute slows them all."""
    result = Series(name, capture, packets, load())
    print(f"numbers: {name}: {len(programs)} programs, {rounds} rounds", flush=True)
    begin, busy, own = time.monotonic(), busy_seconds(), own_seconds()
    for at in range(rounds):
        warm(capture)
        for program in programs:
            program.prepare()
            claim_memory()
            sample = run(program.command, log)
            result.samples.setdefault(program.name, []).append(sample)
            problem = program.check() if sample.status == 0 else tail(log)
            if sample.status != 0 or problem:
                said = f"{program.name}, round {at + 1}: status {sample.status}: {problem}"
                result.failures.append(said)
                print(f"numbers: {said}", flush=True)
    others = (busy_seconds() - busy) - (own_seconds() - own)
    result.others_processors = max(0.0, others / (time.monotonic() - begin))
    return result


def busy_seconds() -> float:
    """What all processors have worked since the machine started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, interrupt, soft = map(int, fields[:7])
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """What this process and the children that it has waited for have worked."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system


def warm(path: Path) -> None:
    """Reads a file, so that the page cache has it."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def claim_memory() -> None:
    """Has the host of a virtual machine hand out memory before a program asks for it.

    What was free for seconds goes back to the host there, and a first touch costs 13 µs a page
    instead of 1 where this was written: more than all that a program does with it, and less
    or more by what ran before. Each program starts on memory that was in use just now.
    """
    child = os.fork()
    if child == 0:
        populate = getattr(mmap, "MAP_POPULATE", 0)
        try:
            mmap.mmap(-1, CLAIMED_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | populate)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def load() -> float:
    """Load average of the last minute."""
    return os.getloadavg()[0]


def settle() -> float:
    """Waits for a quiet machine, for a while. Returns the load that was seen last."""
    end = time.monotonic() + SETTLE_SECONDS_MAX
    while load() > LOAD_MAX and time.monotonic() < end:
        time.sleep(5)
    return load()


def tail(log: Path) -> str:
    """The last words of a log."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return " / ".join(lines[-3:])

"""What a store needs of its disk: changes are on it when they are answered, a full one is told in time."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.errors import StoreFailed, StoreFull
from kgservice.store import OxigraphStore, redo
from kgservice.store.disk import Disk

S, P, G = (NamedNode(f"urn:test:{name}") for name in "spg")

# Notes what is certainly on the disk: the content of each file, and the names in each directory, at their last
# fsync. All else may be gone after a loss of power.
SHIM = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static void note(int fd) {
  const char *disk = getenv("SHIM_DISK"), *kept = getenv("SHIM_KEPT");
  char place[64], path[4096], to[4200], fresh[4240], buffer[65536];
  static int made;
  struct stat st;
  snprintf(place, sizeof place, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(place, path, sizeof path - 1);
  if (n < 0 || fstat(fd, &st)) return;
  path[n] = 0;
  if (strncmp(path, disk, strlen(disk))) return;
  if (S_ISDIR(st.st_mode)) {
    if (strcmp(path, disk)) return;
    snprintf(to, sizeof to, "%s/names", kept);
    snprintf(fresh, sizeof fresh, "%s.%d.new", to, __sync_fetch_and_add(&made, 1));
    FILE *out = fopen(fresh, "w");
    DIR *dir = opendir(path);
    for (struct dirent *e; (e = readdir(dir));)
      if (e->d_type == DT_REG) fprintf(out, "%lu %s\n", (unsigned long)e->d_ino, e->d_name);
    closedir(dir);
    fclose(out);
    rename(fresh, to);  // whole, or as it was: the process may end meanwhile
    return;
  }
  // The number must not become that of another file.
  snprintf(to, sizeof to, "%s/%lu.held", kept, (unsigned long)st.st_ino);
  (void)!link(path, to);
  int in = open(path, O_RDONLY);
  snprintf(to, sizeof to, "%s/%lu", kept, (unsigned long)st.st_ino);
  snprintf(fresh, sizeof fresh, "%s.%d.new", to, __sync_fetch_and_add(&made, 1));
  int out = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  while ((n = read(in, buffer, sizeof buffer)) > 0) if (write(out, buffer, n) != n) abort();
  close(in);
  close(out);
  rename(fresh, to);
}
#define SHIMMED(name) \
  int name(int fd) { \
    static int (*real)(int); \
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name); \
    int result = real(fd); \
    note(fd); \
    return result; \
  }
SHIMMED(fsync)
SHIMMED(fdatasync)
"""
WRITER = """
import os, sys
from pathlib import Path
from pyoxigraph import Literal, NamedNode, Quad
from kgservice.store import OxigraphStore, redo
from kgservice.store.disk import Disk

folder, synced = Path(sys.argv[1]), sys.argv[2] == "synced"
store = OxigraphStore(folder, Disk(folder, synced=synced))
for number in range(50):
    store.apply(add=[Quad(NamedNode("urn:test:s"), NamedNode("urn:test:p"), Literal(number), NamedNode("urn:test:g"))])
    print(number, flush=True)
os._exit(0)
"""

LARGE = """
import os, sys
from pathlib import Path
from pyoxigraph import Literal, NamedNode, Quad
from kgservice.store import OxigraphStore, redo
from kgservice.store.disk import Disk

folder = Path(sys.argv[1])
store = OxigraphStore(folder, Disk(folder, synced=True))
S, P, G = (NamedNode(f"urn:test:{name}") for name in "spg")
before = Quad(S, P, Literal("before"), G)
store.apply(add=[before])
clear = redo.Redo._clear
redo.Redo._clear = lambda self: (clear(self), os._exit(0))
store.apply(
    add=[*(Quad(NamedNode(f"urn:test:{n}"), P, Literal(n), G) for n in range(redo.LARGE)), Quad(S, P, Literal("after"), G)],
    remove=[before],
)
"""


def quad(value: object) -> Quad:
    return Quad(S, P, Literal(str(value)), G)


@pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="needs a C compiler")
@pytest.mark.parametrize(("mode", "kept"), [("synced", 50), ("unsynced", 0)])
def test_what_was_answered_survives_a_loss_of_power(tmp_path: Path, mode: str, kept: int) -> None:
    done, after = after_a_loss_of_power(tmp_path, WRITER, mode)
    assert len(done.split()) == 50
    assert len(list(OxigraphStore(after).match([(S, P, None)]))) == kept


@pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="needs a C compiler")
def test_a_large_change_is_whole_after_a_loss_of_power(tmp_path: Path) -> None:
    """Just when the note of what is left to do has been taken away."""
    _, after = after_a_loss_of_power(tmp_path, LARGE)
    store = OxigraphStore(after)
    assert [q.object for q in store.match([(S, P, None)])] == [Literal("after")]
    assert len(list(store.match([(None, P, None)]))) == redo.LARGE + 1


def after_a_loss_of_power(tmp_path: Path, program: str, *arguments: str) -> tuple[str, Path]:
    """What the program said, and the directory with nothing but what was on the disk for certain."""
    source, shim = tmp_path / "shim.c", tmp_path / "shim.so"
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    disk, noted, after = (tmp_path / name for name in ("disk", "noted", "after"))
    noted.mkdir()
    environment = os.environ | {"LD_PRELOAD": str(shim), "SHIM_DISK": str(disk), "SHIM_KEPT": str(noted)}
    done = subprocess.run(
        [sys.executable, "-c", program, disk, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    after.mkdir()
    for line in (noted / "names").read_text().splitlines():
        number, name = line.split(" ", 1)
        content = noted / number
        (after / name).write_bytes(content.read_bytes() if content.exists() else b"")
    return done.stdout, after


def test_a_disk_without_room_refuses_changes_and_takes_them_when_there_is_some(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    path = tmp_path / "store"
    store = OxigraphStore(path, disk := Disk(path, reserve=2 * free))
    with pytest.raises(StoreFull, match="MiB are kept"):
        store.apply(add=[quad(1)])
    assert (store.writable, list(store.match([(S, None, None)]))) == (False, [])
    disk.reserve = 1
    store.apply(add=[quad(1)])
    assert (store.writable, len(list(store.match([(S, None, None)])))) == (True, 1)


def test_a_change_that_cannot_be_written_leaves_nothing_and_is_told_until_the_store_is_opened_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store"
    store = OxigraphStore(path, Disk(path, synced=True))
    store.apply(add=[quad("before")])
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
    try:
        with pytest.raises(StoreFull, match="start the service anew"):
            store.apply(add=[quad("x" * 150_000), quad("beside")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    with pytest.raises(StoreFailed, match="start the service anew"):
        store.apply(add=[quad("after")])
    assert not store.writable
    assert [q.object for q in store.match([(S, None, None)])] == [Literal("before")]
    store.close()
    store = OxigraphStore(path, Disk(path, synced=True))
    store.apply(add=[quad("after")])
    assert {q.object for q in store.match([(S, None, None)])} == {Literal("before"), Literal("after")}


def test_the_mark_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "store"
    store = OxigraphStore(path, Disk(path))
    assert store.marked() == ""
    store.mark("long text\n")
    store.mark("short\n")
    assert store.marked() == "short\n"

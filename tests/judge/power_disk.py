"""A disk as a loss of power may leave it, made of what tests/power/recorder.c wrote down about a server.

A file or a folder is what is surely on the disk, and the changes behind that, in order. A sync of a file makes its
content sure and nothing else: its name is sure when its folder was synced. Of the other changes any part may have
arrived, in any order: `Loss` decides, and knows some ways in which file systems do so, and some in which none does.

A sync that fails makes nothing sure, and no later one does so with what it was for: the kernel has told of it once,
and holds those pages for written. Only who writes the bytes again can sync them. Sizes and names are another matter:
they stay in the journal, and a later sync that succeeds has them.
"""
import dataclasses
import os
import pathlib
import struct

HEADER = struct.Struct("<IIiiq")
(START, RESULT, CREATE, OPENED, CLOSE, WRITE, SIZE, SIZE_AT_LEAST, SIZE_OF_PATH, MAKE_FOLDER, REMOVE, REMOVE_FOLDER,
 RENAME, LINK, SYNC_BEGIN, SYNC_END, SYNC_FAILED) = range(17)
WITHOUT_RESULT = (START, OPENED, CLOSE, SYNC_BEGIN, SYNC_END, SYNC_FAILED)


class Unrecorded(Exception):
    """The log does not say how the folder became what it is: the recorder has missed something."""


@dataclasses.dataclass
class Deed:
    kind: int
    fd: int
    flags: int
    offset: int
    body: bytes

    @property
    def paths(self):
        return [path.decode() for path in self.body.split(b"\0")[:-1]]


def read_deeds(data):
    """What was done, in order; a deed that may or may not have been done: the last, or None; and the bytes before it."""
    deeds, waiting, at, settled = [], None, 0, 0
    while at + HEADER.size <= len(data):
        size, kind, fd, flags, offset = HEADER.unpack_from(data, at)
        body = data[at + HEADER.size:at + HEADER.size + size]
        if len(body) < size:
            break
        at += HEADER.size + size
        if kind == RESULT:
            if waiting.kind == WRITE:
                waiting.body = waiting.body[:max(0, offset)]
            if offset >= 0:
                deeds.append(waiting)
            waiting = None
        elif kind in WITHOUT_RESULT:
            deeds.append(Deed(kind, fd, flags, offset, body))
        else:
            waiting = Deed(kind, fd, flags, offset, body)
        if waiting is None:
            settled = at
    return deeds, waiting, settled


class Inode:
    """A file, or a folder: `sure` and behind that [(number, change)]. Those of a folder are {name: inode or None},
    those of a file (offset, bytes) or a size."""

    def __init__(self, folder):
        self.folder = folder
        self.sure = {} if folder else bytearray()
        self.changes = []
        self.failed = 0  # writes with a number before can be synced no more
        self.now = {} if folder else None  # with all changes; of files it is found when it is asked for

    def change(self, number, change):
        self.changes.append((number, change))
        if self.folder:
            apply_names(self.now, change)

    def settle(self, before):
        """What was changed before that number is on the disk, but for what failed to get there."""
        left = []
        for number, change in (pair for pair in self.changes if pair[0] < before):
            left = [(one, rest) for one, piece in left for rest in uncovered(piece, change)]
            if number < self.failed and isinstance(change, tuple):
                left.append((number, change))
                change = change[0], bytes(self.sure[change[0]:change[0] + len(change[1])])
                change = change[0], change[1] + bytes(len(left[-1][1][1]) - len(change[1]))
            self.sure = applied(self.folder, self.sure, [change])
        self.changes = left + [pair for pair in self.changes if pair[0] >= before]

    def drop_failed(self, rng):
        """The kernel has forgotten some of the pages that it held for written, and reads them from the disk."""
        failed, later = [], []
        for number, change in self.changes:
            (failed if number < self.failed and isinstance(change, tuple) else later).append((number, change))
        dropped = [pair for pair in failed if rng.random() < 0.5]
        for _, (offset, data) in dropped:
            resize(self.sure, max(len(self.sure), offset + len(data)))
        self.changes = [pair for pair in self.changes if pair not in dropped]
        return bool(dropped)

    def content(self):
        return applied(False, bytearray(self.sure), [change for _, change in self.changes])

    def size(self):
        size = len(self.sure)
        for _, change in self.changes:
            size = size_behind(size, change)
        return size


def apply_names(names, change):
    for name, inode in change.items():
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


def uncovered(piece, change):
    """What a later change leaves of an earlier write."""
    offset, data = piece
    if isinstance(change, int):
        return [(offset, data[:change - offset])] if change > offset else []
    front, back = max(0, change[0] - offset), max(0, change[0] + len(change[1]) - offset)
    parts = (offset, data[:front]), (offset + back, data[back:])
    return [part for part in parts if part[1]] if front < back else [piece]


def size_behind(size, change):
    return change if isinstance(change, int) else max(size, change[0] + len(change[1]))


def resize(content, size):
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def applied(folder, sure, changes):
    for change in changes:
        if folder:
            apply_names(sure, change)
            continue
        resize(sure, size_behind(len(sure), change))
        if not isinstance(change, int):
            offset, data = change
            sure[offset:offset + len(data)] = data
    return sure


class Disk:
    """The folder `root` as its server has left it, in memory and on the disk."""

    def __init__(self, root):
        self.path = str(root)
        self.root = Inode(folder=True)
        self.number = 0
        self.failed = 0  # syncs
        self.open = {}  # of the process: {fd: inode}
        self.syncing = {}

    # What was done.

    def take(self, data, ended=True):
        """Goes through what was recorded; the process has ended, or the last deed is not looked at. Answers how many
        bytes it has gone through."""
        deeds, last, settled = read_deeds(data)
        for deed in deeds:
            self.do(deed)
        if last and ended:
            self.do_last(last)
        return settled

    def do_last(self, deed):
        """Whether a last one was done is seen in the folder: of a write perhaps a part."""
        if not self.difference():
            return
        if deed.kind == WRITE:
            path = self.path_of(self.open[deed.fd])
            size = os.stat(path).st_size if path and os.path.exists(path) else deed.offset + len(deed.body)
            deed.body = deed.body[:max(0, size - deed.offset)]
        self.do(deed)

    def do(self, deed):
        self.number += 1
        DEEDS[deed.kind](self, deed)

    def find(self, path):
        """(its folder, its name, the inode or None)."""
        folder, inode, name = None, self.root, ""
        for part in pathlib.PurePath(path).relative_to(self.path).parts:
            folder, name = inode, part
            inode = folder.now.get(part) if folder else None
        return folder, name, inode

    def path_of(self, wanted, folder=None, path=None):
        folder, path = folder or self.root, path or self.path
        for name, inode in folder.now.items():
            below = f"{path}/{name}"
            if inode is wanted:
                return below
            found = self.path_of(wanted, inode, below) if inode.folder else None
            if found:
                return found
        return None

    def do_start(self, _):
        self.open, self.syncing = {}, {}

    def do_create(self, deed):
        folder, name, inode = self.find(deed.paths[0])
        if inode is None:
            folder.change(self.number, {name: Inode(folder=False)})
        elif deed.flags & os.O_TRUNC:
            inode.change(self.number, 0)

    def do_opened(self, deed):
        self.open[deed.fd] = self.find(deed.paths[0])[2]

    def do_close(self, deed):
        del self.open[deed.fd]

    def do_write(self, deed):
        self.open[deed.fd].change(self.number, (deed.offset, deed.body))

    def do_size(self, deed):
        self.open[deed.fd].change(self.number, deed.offset)

    def do_size_at_least(self, deed):
        inode = self.open[deed.fd]
        inode.change(self.number, max(inode.size(), deed.offset))

    def do_size_of_path(self, deed):
        self.find(deed.paths[0])[2].change(self.number, deed.offset)

    def do_make_folder(self, deed):
        folder, name, _ = self.find(deed.paths[0])
        folder.change(self.number, {name: Inode(folder=True)})

    def do_remove(self, deed):
        folder, name, _ = self.find(deed.paths[0])
        folder.change(self.number, {name: None})

    def do_rename(self, deed):
        folder, name, inode = self.find(deed.paths[0])
        to_folder, to_name, _ = self.find(deed.paths[1])
        if folder is not to_folder:
            raise Unrecorded(f"a rename from folder to folder is not known here: {deed.paths}")
        folder.change(self.number, {name: None, to_name: inode})

    def do_link(self, deed):
        inode = self.find(deed.paths[0])[2]
        folder, name, _ = self.find(deed.paths[1])
        folder.change(self.number, {name: inode})

    def do_sync_begin(self, deed):
        self.syncing[deed.offset] = self.open[deed.fd], self.number

    def do_sync_end(self, deed):
        inode, number = self.syncing.pop(deed.offset)
        inode.settle(number)

    def do_sync_failed(self, deed):
        inode, number = self.syncing.pop(deed.offset)
        inode.failed = max(inode.failed, number)
        self.failed += 1

    # What is there.

    def inodes(self):
        """All that can be reached, by a name that is there or was."""
        found, left = {}, [self.root]
        while left:
            inode = left.pop()
            if id(inode) in found:
                continue
            found[id(inode)] = inode
            if inode.folder:
                names = [inode.sure, *(change for _, change in inode.changes)]
                left += [below for part in names for below in part.values() if below]
        return list(found.values())

    def settle(self):
        """All that was done so far is on the disk, as after some time without a loss."""
        for inode in self.inodes():
            inode.settle(self.number + 1)

    def difference(self):
        """What the log does not say of the folder as it is; None: nothing."""
        return self.folder_difference(self.root, pathlib.Path(self.path))

    def folder_difference(self, folder, path):
        there = set(os.listdir(path))
        if there != folder.now.keys():
            return f"{path}: {sorted(there ^ folder.now.keys())}"
        for name, inode in folder.now.items():
            below = path / name
            if inode.folder:
                found = self.folder_difference(inode, below) if below.is_dir() else f"{below}: no folder"
                if found:
                    return found
            elif below.read_bytes() != inode.content():
                return f"{below}: another content"
        return None

    def check(self):
        found = self.difference()
        if found:
            raise Unrecorded(found)

    def drop_failed(self, rng):
        """No server runs: pages whose sync has failed are read from the disk. Answers how many files that changes."""
        changed = 0
        for path, inode in self.files(self.root, pathlib.Path(self.path)):
            if inode.drop_failed(rng):
                path.write_bytes(inode.content())
                changed += 1
        return changed

    def files(self, folder, path):
        for name, inode in folder.now.items():
            if inode.folder:
                yield from self.files(inode, path / name)
            else:
                yield path / name, inode

    def lose(self, way, rng):
        """The power is gone; the folder, which is empty by now, gets what is left."""
        self.root = Loss(self, way, rng).keep(self.root)
        self.do_start(None)
        write_folder(self.root, pathlib.Path(self.path))


DEEDS = {
    START: Disk.do_start, CREATE: Disk.do_create, OPENED: Disk.do_opened, CLOSE: Disk.do_close, WRITE: Disk.do_write,
    SIZE: Disk.do_size, SIZE_AT_LEAST: Disk.do_size_at_least, SIZE_OF_PATH: Disk.do_size_of_path,
    MAKE_FOLDER: Disk.do_make_folder, REMOVE: Disk.do_remove, REMOVE_FOLDER: Disk.do_remove, RENAME: Disk.do_rename,
    LINK: Disk.do_link, SYNC_BEGIN: Disk.do_sync_begin, SYNC_END: Disk.do_sync_end,
    SYNC_FAILED: Disk.do_sync_failed,
}


class Loss:
    """What is left of a disk. `way` says how: see WAYS."""

    def __init__(self, disk, way, rng):
        self.way, self.rng = way, rng
        self.kept = {}
        self.sector = rng.choice((512, 4096))
        numbers = sorted(number for inode in disk.inodes() for number, _ in inode.changes)
        self.end = rng.choice(numbers) if numbers else 0
        self.root = disk.root

    def way_of_inode(self):
        each = ("nothing", "everything", "front", "some", "torn", "zeros")
        return self.rng.choice(each) if self.way == "wild" else self.way

    def names(self, inode):
        """Those that a folder is left with. A name is never older than another one's that it came with."""
        changes, way, rng = inode.changes, self.way_of_inode(), self.rng
        if way == "nothing":
            chosen = []
        elif way in ("ordered", "delayed"):
            chosen = [change for number, change in changes if number < self.end]
        elif way == "front":
            chosen = [change for _, change in changes[:rng.randint(0, len(changes))]]
        elif way in ("some", "torn"):
            chosen, stopped, share = [], set(), rng.random()
            for _, change in changes:
                if stopped.isdisjoint(change) and rng.random() < share:
                    chosen.append(change)
                else:
                    stopped.update(change)
        else:
            chosen = [change for _, change in changes]
        return applied(True, dict(inode.sure), chosen)

    def content(self, inode):
        changes, way, rng = inode.changes, self.way_of_inode(), self.rng
        if way == "nothing":
            chosen = []
        elif way == "everything":
            chosen = [change for _, change in changes]
        elif way == "ordered":
            chosen = [change for number, change in changes if number < self.end]
        elif way == "front":
            chosen = [change for _, change in changes[:rng.randint(0, len(changes))]]
        elif way == "some":
            share = rng.random()
            chosen = [change for _, change in changes if rng.random() < share]
        else:
            return self.torn(inode, way)
        return applied(False, bytearray(inode.sure), chosen)

    def torn(self, inode, way):
        """One of the sizes it had, and of each write each sector for itself: none, where zeros stand for them."""
        rng = self.rng
        changes = [change for _, change in inode.changes]
        sizes = [len(inode.sure)]
        for change in changes:
            sizes.append(size_behind(sizes[-1], change))
        size = {"zeros": sizes[-1], "delayed": sizes[0]}.get(way, rng.choice(sizes))
        share = rng.random() if way == "torn" else 0.0
        content = bytearray(inode.sure)
        for change in changes:
            if isinstance(change, int):
                resize(content, change)
                continue
            for offset, data in self.sectors(*change):
                if rng.random() < share:
                    resize(content, max(len(content), offset + len(data)))
                    content[offset:offset + len(data)] = data
        resize(content, size)
        return content

    def sectors(self, offset, data):
        at = 0
        while at < len(data):
            size = self.sector - (offset + at) % self.sector
            yield offset + at, data[at:at + size]
            at += size

    def keep(self, inode):
        """The inode behind the loss, the same for all its names."""
        if id(inode) not in self.kept:
            left = self.kept[id(inode)] = Inode(inode.folder)
            if inode.folder:
                left.sure = {name: self.keep(below) for name, below in self.names(inode).items()}
                left.now = dict(left.sure)
            else:
                left.sure = self.content(inode)
        return self.kept[id(inode)]


# How a disk may be left: as if nothing that was not synced had arrived; all of it; all up to some moment (a journal of
# all); names up to some moment without what is in the files (delayed allocation); sizes without contents; each file up
# to some change; some changes; sectors; each file and folder in another of these ways.
WAYS = ("nothing", "everything", "ordered", "delayed", "zeros", "front", "some", "torn", "wild")


def write_folder(inode, path):
    path.mkdir(exist_ok=True)
    for name, below in inode.sure.items():
        if below.folder:
            write_folder(below, path / name)
        else:
            (path / name).write_bytes(below.sure)

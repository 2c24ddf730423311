"""The load of tests/crash_server.py and tests/power.py: senders whose every sample follows from its number, and what must be there.

A sender has a fixed number of slots. Some are floats, some native histograms of all kinds; of some the series is
another one every few requests and ends in a stale marker; of some, samples come out of order: of a group of requests
the newest first. One sender speaks remote write 2.0. Time is that of the samples: it passes as fast as requests are answered.
"""
import bisect
import dataclasses
import http.client
import json
import struct
import threading
import time

from . import remote_read, remote_write_2
from .native_series import Histogram
from .remote_write import (encode_histogram_body, encode_histograms, encode_labels, encode_samples, encode_series,
                           encode_times, snappy)
from .series import STALE

NAME = "load"
BEGIN = 1_699_963_200  # a multiple of 18 hours
SENDERS = 3
BATCH = 10  # samples of a series in a request
RANGE_REQUESTS = 12  # so many make the length of a block
AHEAD_MAX = 1  # requests that a sender may be ahead of another one
GENERATION = 3  # requests, of series that change
LATE_GROUP = 3  # requests whose late slots come with the newest first
CONTENT_TYPES = {1: "application/x-protobuf", 2: remote_write_2.CONTENT_TYPE}
STALE_BYTES = struct.pack("<d", STALE)

FLOATS, CHANGING, WHOLE, PARTS, CUSTOM, LATE, LATE_WHOLE = "floats", "changing", "whole", "parts", "custom", "late", "late_whole"
SLOTS = [FLOATS] * 20 + [CHANGING] * 6 + [WHOLE] * 4 + [PARTS] * 2 + [CUSTOM] * 2 + [LATE] * 4 + [LATE_WHOLE] * 2


class Fault(Exception):
    """What went wrong."""


def number_text(value):
    return str(int(value)) if value == int(value) else repr(value)


@dataclasses.dataclass(frozen=True)
class Series:
    sender: int
    slot: int
    kind: str
    generation: int = 0

    @property
    def labels(self):
        return {"__name__": NAME, "generation": str(self.generation), "kind": self.kind,
                "sender": str(self.sender), "slot": str(self.slot)}

    @property
    def key(self):
        return self.sender, self.slot, self.generation

    def value(self, index):
        """A float, or a histogram."""
        low = index % 977 + self.slot
        if self.kind in (FLOATS, LATE):
            return (index * 7 + self.slot * 1000) / 4
        if self.kind == CHANGING:
            return STALE if index % (GENERATION * BATCH) == GENERATION * BATCH - 1 else index + 0.5
        if self.kind in (WHOLE, LATE_WHOLE):
            return Histogram(3, {0: low + 1, 1: 2, 5: index + 1}, {-2: self.slot + 1}, zero_count=3, sum=index / 2)
        if self.kind == PARTS:
            return Histogram(0, {0: low + 0.5, 3: 1.5}, whole=False, sum=index / 4)
        return Histogram(-53, {0: low + 1, 2: index + 2}, zero_threshold=0.0, bounds=(0.5, 1.0, 2.0), sum=index / 2)


def is_stale(value):
    return not isinstance(value, Histogram) and struct.pack("<d", value) == STALE_BYTES


def item_of(moment, value):
    """A sample as queries give it, made comparable."""
    if not isinstance(value, Histogram):
        return [moment, number_text(value)]
    counts = [value.negative[place] for place in sorted(value.negative, reverse=True)]
    counts += [value.zero_count] if value.zero_count else []
    counts += [value.positive[place] for place in sorted(value.positive)]
    return [moment, [number_text(value.count), number_text(value.sum), *map(number_text, counts)]]


def answered_items(series):
    if "histograms" not in series:
        return series["values"]
    items = [[moment, [h["count"], h["sum"], *(bucket[3] for bucket in h["buckets"])]]
             for moment, h in series["histograms"]]
    return items if "values" not in series else sorted(items + series["values"])


class Request:
    """One that was or is to be sent: {series: [(index, value)]}."""

    def __init__(self, samples):
        self.samples = samples

    def encode(self, version, moment_of):
        return snappy(self.encode_1(moment_of) if version == 1 else self.encode_2(moment_of))

    def encode_2(self, moment_of):
        request = remote_write_2.Request()
        for series, pairs in self.samples.items():
            samples = [(moment_of(index) * 1000, value) for index, value in pairs]
            if isinstance(pairs[0][1], Histogram):
                bodies = [encode_histogram_body(value, moment) for moment, value in samples]
                request.add(series.labels, histograms=bodies)
            else:
                request.add(series.labels, samples)
        return request.encode()

    def encode_1(self, moment_of):
        body = b""
        for series, pairs in self.samples.items():
            moments = [moment_of(index) * 1000 for index, _ in pairs]
            values = [value for _, value in pairs]
            if isinstance(values[0], Histogram):
                samples = encode_histograms(moments, values)
            else:
                samples = encode_samples(encode_times(moments), values)
            body += encode_series(encode_labels(series.labels), samples)
        return body


class Load:
    """What was acknowledged of one directory, and what is under way."""

    def __init__(self, step, scale, rng):
        self.step = step
        self.slots = SLOTS * scale
        self.rng = rng
        self.there = {}  # key: the samples that must be there, in order
        self.loose = {}  # key: those that may be there: {moment: (series, index, value)}
        self.unsettled = []  # what was acknowledged, or found, since the last mark: (series, index, value)
        self.doubtful = []  # what was not found since then, and may be on the disk: the same
        self.stale = {}  # key: moments of stale markers that must be there
        self.next = [0] * SENDERS  # number of the request
        self.under_way = [None] * SENDERS
        self.acknowledged = 0
        self.refused = 0  # with a 5xx: they are sent again
        self.reason = ""  # what was said with the last of them
        self.disk_fails = False  # so what else is asked for may fail, too
        self.lock = threading.Condition()

    @property
    def range_s(self):
        return RANGE_REQUESTS * BATCH * self.step

    @property
    def end(self):
        return self.moment((max(self.next) + LATE_GROUP + 1) * BATCH)

    def moment(self, index):
        return BEGIN + index * self.step

    def request(self, sender, number):
        samples = {}
        for slot, kind in enumerate(self.slots):
            first = number * BATCH
            if kind in (LATE, LATE_WHOLE):
                first += (LATE_GROUP - 1 - 2 * (number % LATE_GROUP)) * BATCH
            generation = number // GENERATION if kind == CHANGING else 0
            series = Series(sender, slot, kind, generation)
            samples[series] = [(index, series.value(index)) for index in range(first, first + BATCH)]
        return Request(samples)

    def begin(self, sender):
        """The next request of a sender, once the others are near enough."""
        with self.lock:
            if self.under_way[sender] is None:
                self.under_way[sender] = self.request(sender, self.next[sender])
            near = self.lock.wait_for(lambda: self.next[sender] <= min(self.next) + AHEAD_MAX, 0.05)
            return self.under_way[sender] if near else None

    def settle(self, sender):
        """It was acknowledged."""
        with self.lock:
            for series, pairs in self.under_way[sender].samples.items():
                for index, value in pairs:
                    self.keep(series, index, value)
                self.acknowledged += len(pairs)
            self.under_way[sender] = None
            self.next[sender] += 1
            self.lock.notify_all()

    def keep(self, series, index, value):
        self.unsettled.append((series, index, value))
        moment = self.moment(index)
        if is_stale(value):
            bisect.insort(self.stale.setdefault(series.key, []), moment)
            return
        bisect.insort(self.there.setdefault(series.key, []), item_of(moment, value))

    def forget(self, series, index, value):
        """It need not be there any more; False: it need not before."""
        moment = self.moment(index)
        if is_stale(value):
            items, at = self.stale.get(series.key, []), moment
        else:
            items, at = self.there.get(series.key, []), item_of(moment, value)
        place = bisect.bisect_left(items, at)
        if place == len(items) or items[place] != at:
            return False
        del items[place]
        return True

    def loosen(self, series, index, value):
        self.forget(series, index, value)
        self.loose.setdefault(series.key, {})[self.moment(index)] = series, index, value

    def mark(self, disk_was_well=True):
        """What was acknowledged so far is to survive a loss of power; what is gone though nobody was told so comes back
        no more, unless the sync of that has failed."""
        with self.lock:
            self.unsettled.clear()
            if disk_was_well:
                self.doubtful.clear()

    def lose(self, is_synced):
        """The power is gone: what came or went since the mark may have done so, or not; unless it was acknowledged,
        and synced before."""
        for sample in self.doubtful if is_synced else self.doubtful + self.unsettled:
            self.loosen(*sample)

    def begin_deletion(self, sender, slot, rng):
        """A series of that slot loses a range of time: (series, first moment, last moment, its samples). Until the
        end is told, they may be there."""
        with self.lock:
            last = (min(self.next) - LATE_GROUP) // LATE_GROUP * LATE_GROUP * BATCH - 1
            if last < 0:
                return None
            first = max(0, last - rng.randrange(4 * RANGE_REQUESTS * BATCH))
            begin = rng.randint(first, last)
            end = rng.randint(begin, last)
            kind = self.slots[slot]
            generation = begin // (GENERATION * BATCH) if kind == CHANGING else 0
            series = Series(sender, slot, kind, generation)
            samples = [(series, index, series.value(index)) for index in range(begin, end + 1)]
            gone = [sample for sample in samples if self.forget(*sample)]
            for sample in gone:
                self.loosen(*sample)
        return series, self.moment(begin), self.moment(end), gone

    def end_deletion(self, gone):
        """It was acknowledged."""
        with self.lock:
            for series, index, _ in gone:
                del self.loose[series.key][self.moment(index)]
            self.unsettled += gone

    def waiting(self):
        """What was not acknowledged, and what may be there: {key: {moment: (series, index, value)}}."""
        out = {key: dict(samples) for key, samples in self.loose.items()}
        for request in self.under_way:
            for series, pairs in request.samples.items() if request else ():
                out.setdefault(series.key, {}).update(
                    {self.moment(index): (series, index, value) for index, value in pairs})
        return out

    def check_running(self, client):
        """Beside the senders: all that was acknowledged before the question is there, once, with its value."""
        with self.lock:
            expected = {key: list(items) for key, items in self.there.items()}
        for series in self.ask_all(client):
            key = int(series["metric"]["sender"]), int(series["metric"]["slot"]), int(series["metric"]["generation"])
            items = answered_items(series)
            have = {item[0]: item for item in items}
            missing = [item for item in expected.pop(key, []) if have.get(item[0]) != item]
            with self.lock:  # it may have been deleted meanwhile
                lost = [item for item in missing if item in self.there[key]]
            if lost or any(right[0] <= left[0] for left, right in zip(items, items[1:])):
                raise Fault(f"{key}: {len(lost)} acknowledged samples are missing while the server runs: {lost[:1]}")
        with self.lock:
            lost = [key for key, items in expected.items() if items and self.there[key]]
        if lost:
            raise Fault(f"{lost} are missing while the server runs")

    def check(self, client, everything=False):
        """All that was acknowledged is there, once, with its value; what else is there was under way or may be there,
        and is from now on to stay; what is not there is never to come."""
        waiting = self.waiting()
        arrived = self.check_values(client, waiting) | self.check_stale(client, waiting, everything)
        self.doubtful += [sample for key, samples in self.loose.items() for moment, sample in samples.items()
                          if (key, moment) not in arrived]
        self.loose.clear()
        whole = part = 0
        for sender, request in enumerate(self.under_way):
            if request is None:
                continue
            missing = {}
            for series, pairs in request.samples.items():
                left = [pair for pair in pairs if (series.key, self.moment(pair[0])) not in arrived]
                if left:
                    missing[series] = left
            count = sum(map(len, request.samples.values()))
            left = sum(map(len, missing.values()))
            whole += left == 0
            part += 0 < left < count
            # What is missing is sent again, or never: then it must not come back.
            if left == 0 or self.rng.random() < 0.3:
                self.under_way[sender] = None
                self.next[sender] += 1
            else:
                self.under_way[sender] = Request(missing)
        return whole, part

    def ask_all(self, client):
        answer = client.query(f'{NAME}[{self.end - BEGIN + 1}s]', self.end)
        if answer.status != 200:
            raise Fault(f"the query for everything: {answer.status} {answer.body[:200]!r}")
        return json.loads(answer.body)["data"]["result"]

    def check_values(self, client, waiting):
        arrived = set()
        found = {}
        for series in self.ask_all(client):
            metric = series["metric"]
            key = int(metric["sender"]), int(metric["slot"]), int(metric["generation"])
            if key in found:
                raise Fault(f"{metric} comes twice")
            found[key] = answered_items(series)
        for key in self.there.keys() | found.keys():
            items, expected = found.get(key, []), self.there.get(key, [])
            if items == expected:
                continue
            extra = self.extra(key, items, expected)
            for item in extra:
                series, index, value = waiting.get(key, {}).get(item[0], (None, None, None))
                if series is None or item_of(item[0], value) != item:
                    raise Fault(f"{key}: {item} was never sent")
                self.keep(series, index, value)
                arrived.add((key, item[0]))
        return arrived

    @staticmethod
    def extra(key, items, expected):
        """What is found beyond what is expected; a fault, if anything expected is missing."""
        moments = [item[0] for item in items]
        if any(right <= left for left, right in zip(moments, moments[1:])):
            raise Fault(f"{key}: times do not rise")
        have = {item[0]: item for item in items}
        for item in expected:
            if have.pop(item[0], None) != item:
                lost = [one[0] for one in expected if one not in items]
                raise Fault(f"{key}: {len(lost)} of {len(expected)} acknowledged samples are missing or others, from"
                            f" {(lost[0] - BEGIN) / 3600:.3f} h to {(lost[-1] - BEGIN) / 3600:.3f} h;"
                            f" {item} is first")
        return have.values()

    def check_stale(self, client, waiting, everything=False):
        """Stale markers, which queries do not give: of the newest blocks' time, by remote read."""
        begin = BEGIN if everything else max(BEGIN, self.end - 3 * self.range_s)
        query = remote_read.encode_query(begin * 1000, self.end * 1000,
                                         [(remote_read.EQUAL, "__name__", NAME), (remote_read.EQUAL, "kind", CHANGING)])
        body = snappy(remote_read.encode_request([query]))
        answer = client.exchange("POST", "/api/v1/read", body, remote_read.HEADERS)
        if answer.status != 200:
            raise Fault(f"remote read: {answer.status} {answer.body[:200]!r}")
        found = {}
        for labels, samples, _ in remote_read.read_samples(answer.body)[0]:
            texts = dict(labels)
            key = int(texts["sender"]), int(texts["slot"]), int(texts["generation"])
            found[key] = [moment // 1000 for moment, value in samples if value == STALE_BYTES]
        arrived = set()
        for key in self.stale.keys() | found.keys():
            expected = [moment for moment in self.stale.get(key, []) if moment >= begin]
            items = found.get(key, [])
            for moment in items:
                if moment in expected:
                    continue
                series, index, value = waiting.get(key, {}).get(moment, (None, None, None))
                if series is None or not is_stale(value):
                    raise Fault(f"{key}: a stale marker at {moment} was never sent")
                self.keep(series, index, value)
                arrived.add((key, moment))
            lost = [moment for moment in expected if moment not in items]
            if lost or len(set(items)) != len(items):
                raise Fault(f"{key}: stale markers at {lost} are missing, of {items}")
        return arrived


class Sender(threading.Thread):
    """Sends until it is told to end, or the server is gone."""

    def __init__(self, load, number, port):
        super().__init__()
        self.load, self.number, self.port = load, number, port
        self.version = 2 if number == 0 else 1
        self.ending = threading.Event()
        self.paused = False
        self.fault = None

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            while not self.ending.is_set() and self.fault is None:
                request = None if self.paused else self.load.begin(self.number)
                if self.paused:
                    time.sleep(0.01)
                if request:
                    self.send(connection, request.encode(self.version, self.load.moment))
        except (OSError, http.client.HTTPException):
            pass  # killed: whoever did it looks whether it was so
        finally:
            connection.close()

    def send(self, connection, body):
        headers = {"Content-Type": CONTENT_TYPES[self.version], "Content-Encoding": "snappy"}
        connection.request("POST", "/api/v1/write", body=body, headers=headers)
        response = connection.getresponse()
        said = response.read().decode(errors="replace").strip()
        if response.status == 204:
            self.load.settle(self.number)
        elif response.status == 503:
            self.load.refused += 1
            self.load.reason = said
            time.sleep(0.01)
        else:
            self.fault = f"sender {self.number}: {response.status} {said[:300]}"

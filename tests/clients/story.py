"""What an unmodified kurrentdbclient does with the log, in one story.

For: appending with every expectation, reading both ways, filters, following over a restart, a competing group, deletion and
metadata. Called with the server's address; writes RESTART when the server is to be killed and started again, and waits
for a line.
"""

import json
import sys
import threading
from uuid import uuid4

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import (
    AlreadyExistsError,
    MaximumAppendSizeExceededError,
    NotFoundError,
    StreamIsDeletedError,
    WrongCurrentVersionError,
)

ADDRESS = sys.argv[1]


def connect():
    return KurrentDBClient(f"kurrentdb://{ADDRESS}?Tls=false")


def restart():
    print("RESTART", flush=True)
    sys.stdin.readline()


def fails(kind, act):
    try:
        act()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} expected")


def event(kind="Ordered", data=b'{"a":1}', **more):
    return NewEvent(type=kind, data=data, **more)


def appends(client):
    name = f"order-{uuid4()}"
    first, second, third = event(metadata=b'{"m":1}'), event(), event("Paid")
    at = client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=first)
    again = client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=first)
    assert at == again, "the same event at the same place is the same append"
    client.append_to_stream(name, current_version=0, events=[second, third])
    fails(WrongCurrentVersionError, lambda: client.append_to_stream(name, current_version=0, events=event()))
    fails(WrongCurrentVersionError, lambda: client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=[event()]))
    fails(WrongCurrentVersionError, lambda: client.append_to_stream(f"none-{uuid4()}", current_version=StreamState.EXISTS, events=event()))
    binary = event("Binary", bytes(range(256)), content_type="application/octet-stream", metadata=b"\x00\x01")
    client.append_to_stream(name, current_version=StreamState.EXISTS, events=binary)
    client.append_to_stream(name, current_version=StreamState.ANY, events=[event("Last")])
    read = list(client.read_stream(name))
    assert [e.type for e in read] == ["Ordered", "Ordered", "Paid", "Binary", "Last"]
    assert [e.stream_position for e in read] == [0, 1, 2, 3, 4]
    assert read[0].id == first.id and read[0].data == first.data and read[0].metadata == first.metadata
    assert read[3].data == binary.data and read[3].metadata == binary.metadata
    assert read[3].content_type == "application/octet-stream" and read[0].content_type == "application/json"
    back = list(client.read_stream(name, backwards=True, limit=2))
    assert [e.stream_position for e in back] == [4, 3]
    assert [e.stream_position for e in client.read_stream(name, stream_position=2, limit=2)] == [2, 3]
    fails(NotFoundError, lambda: list(client.read_stream(f"none-{uuid4()}")))
    fails(MaximumAppendSizeExceededError, lambda: client.append_to_stream(
        name, current_version=StreamState.ANY, events=[event(data=b"x" * (1024 * 1024 + 1))]))
    assert client.get_current_version(name) == 4
    return name


def reads_all(client, name):
    mark = f"Kind{uuid4().hex}"
    client.append_to_stream(name, current_version=StreamState.ANY, events=[event(mark), event("Other"), event(mark)])
    found = [e for e in client.read_all(filter_include=[mark])]
    assert [e.type for e in found] == [mark, mark]
    positions = [e.commit_position for e in found]
    assert positions == sorted(positions)
    back = list(client.read_all(backwards=True, limit=3))
    assert [e.commit_position for e in back] == sorted((e.commit_position for e in back), reverse=True)
    by_name = client.read_all(filter_include=[f"{name}"], filter_by_stream_name=True)
    assert {e.stream_name for e in by_name} == {name}
    from_there = list(client.read_all(commit_position=positions[1], limit=1))
    assert from_there[0].commit_position == positions[1], "inclusive"
    assert client.get_commit_position() >= positions[1]
    plain = list(client.read_all())
    assert not [e for e in plain if e.type.startswith("$")], "the client's own look-ahead keeps these out"


def follows(client):
    name = f"live-{uuid4()}"
    client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=[event("One"), event("Two")])
    with client.subscribe_to_stream(name, stream_position=0) as subscription:
        assert next(subscription).type == "Two", "exclusive"
        client.append_to_stream(name, current_version=1, events=event("Three"))
        assert next(subscription).type == "Three"
    seen = client.subscribe_to_all(filter_include=[name], filter_by_stream_name=True, include_checkpoints=True)
    types = []
    for found in seen:
        if found.stream_name == name:
            types.append(found.type)
        if len(types) == 3:
            last = found.commit_position
            break
    assert types == ["One", "Two", "Three"]
    seen.stop()
    restart()
    client = connect()
    with client.subscribe_to_all(commit_position=last, filter_include=[name], filter_by_stream_name=True) as seen:
        client.append_to_stream(name, current_version=2, events=event("Four"))
        found = next(seen)
        assert (found.type, found.stream_position) == ("Four", 3), "no gap and no repeat over a restart"
    return client


def competes(client):
    name, group = f"work-{uuid4()}", f"group-{uuid4()}"
    client.create_subscription_to_stream(group_name=group, stream_name=name, max_retry_count=1, message_timeout=30)
    fails(AlreadyExistsError, lambda: client.create_subscription_to_stream(group_name=group, stream_name=name))
    client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=[event(f"E{n}") for n in range(6)])
    got, lock, done = [], threading.Lock(), threading.Event()

    def consume(reader):
        for found in reader:
            reader.ack(found)
            with lock:
                got.append(found.stream_position)
                if len(set(got)) == 6:
                    done.set()

    # Kept by name: a client that nobody holds ends its calls.
    clients = [connect(), connect()]
    readers = [it.read_subscription_to_stream(group_name=group, stream_name=name) for it in clients]
    threads = [threading.Thread(target=consume, args=(reader,), daemon=True) for reader in readers]
    for thread in threads:
        thread.start()
    assert done.wait(20), got
    info = client.get_subscription_info(group_name=group, stream_name=name)
    assert info.group_name == group and info.connections
    for reader in readers:
        reader.stop()
    client.append_to_stream(name, current_version=5, events=event("Bad"))
    reader = client.read_subscription_to_stream(group_name=group, stream_name=name)
    for found in reader:
        if found.type == "Bad":
            reader.nack(found, action="park")
            break
        reader.ack(found)
    reader.stop()
    # The parked one comes again when asked for.
    client.replay_parked_events(group_name=group, stream_name=name)
    reader = client.read_subscription_to_stream(group_name=group, stream_name=name)
    for found in reader:
        if found.type == "Bad":
            reader.ack(found)
            break
        reader.ack(found)
    reader.stop()
    assert [info.group_name for info in client.list_subscriptions_to_stream(name)] == [group]
    client.delete_subscription(group_name=group, stream_name=name)
    fails(NotFoundError, lambda: client.get_subscription_info(group_name=group, stream_name=name))


def ends(client):
    name = f"end-{uuid4()}"
    client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=[event() for _ in range(5)])
    client.set_stream_metadata(name, metadata={"$maxCount": 2, "mine": "x"}, current_version=StreamState.NO_STREAM)
    metadata, _ = client.get_stream_metadata(name)
    assert metadata == {"$maxCount": 2, "mine": "x"}
    assert [e.stream_position for e in client.read_stream(name)] == [3, 4]
    client.set_stream_metadata(name, metadata={}, current_version=StreamState.ANY)
    client.delete_stream(name, current_version=4)
    fails(NotFoundError, lambda: list(client.read_stream(name)))
    client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=event("Again"))
    assert [e.stream_position for e in client.read_stream(name)] == [5], "numbers go on"
    client.tombstone_stream(name, current_version=5)
    fails(StreamIsDeletedError, lambda: list(client.read_stream(name)))
    fails(StreamIsDeletedError, lambda: client.append_to_stream(name, current_version=StreamState.ANY, events=[event()]))


PARTS = sys.argv[2].split(",") if len(sys.argv) > 2 else ["streams", "groups"]
client = connect()
if "streams" in PARTS:
    stream = appends(client)
    reads_all(client, stream)
    client = follows(client)
    ends(client)
if "groups" in PARTS:
    competes(client)
client.close()
print("DONE", json.dumps({"client": "kurrentdbclient", "parts": PARTS}), flush=True)

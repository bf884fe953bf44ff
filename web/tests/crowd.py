"""Fills an SQLite database that nothing else uses with a company that has been at it for years (see crowd.mjs).

    crowd.py FILE PLAN
"""

import json
import sqlite3
import sys


def main() -> None:
    plan = json.loads(sys.argv[2])
    company, account, now, rare = plan["company"], plan["account"], plan["now"], plan["rare"]
    rooms, each, long, long_room = plan["rooms"], plan["each"], plan["long"], plan["longRoom"]
    start = now - 120_000 - rooms * each * 100 - long * 100
    base = start + long * 100

    def scattered(number: int, kind: int) -> bytes:
        return ((number * 2654435761 % 4294967296) << 96 | 0x4000 << 64 | kind << 48).to_bytes(16, "big")

    room_ids = [scattered(number, 0x8000) for number in range(rooms)]
    contact_ids = [scattered(number, 0x9000) for number in range(rooms)]

    def message_id(at: int, number: int) -> bytes:
        return (at << 80 | 0x7000 << 64 | 0x8000 << 48 | number).to_bytes(16, "big")

    def waits(number: int) -> bool:
        return number % 10 == 0 or number == long_room

    def content(turn: int, number: int) -> str:
        if turn == each - 1 and number == rooms - 1:
            return rare
        return f"ส่งของวันไหนคะ น้ำหนักเท่าไหร่ {number}"

    def time_of(turn: int, number: int) -> int:
        return base + (turn * rooms + number) * 100

    def contacts():
        for number in range(rooms):
            yield company, contact_ids[number], account, f"U{number:032x}", f"ร้าน {number:06}", "", True, now, now

    def room_rows():
        for number in range(rooms):
            last, name = time_of(each - 1, number), f"ร้าน {number:06}"
            before, more = last - rooms * 100, long if number == long_room else 0
            yield (
                company, room_ids[number], account, 1, f"U{number:032x}", contact_ids[number], name, name, "", each + more,
                (each + 1) // 2 + more // 2, 0, waits(number), message_id(last, number), "message", content(each - 1, number), last,
                last if waits(number) else before, before if waits(number) else last, last if waits(number) else None, start,
            )  # fmt: skip

    def grams():
        pieces = []
        for number in range(rooms):
            name = f"ร้าน {number:06}"
            pieces.extend((name[at : at + 3].encode(), room_ids[number]) for at in range(len(name)))
        # In the order of the table, which is how a tree is filled quickly; a name may have a piece twice.
        for gram, room in sorted(set(pieces)):
            yield company, gram, room

    def messages():
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        for place in range(long):
            at, by_customer = start + place * 100, place % 2 == 0
            yield (
                company, message_id(at, place), room_ids[long_room], place + 1, None if by_customer else "crowd",
                contact_ids[long_room] if by_customer else None, "message", f"ข้อความที่ {place}", at, at, 3, False, trace, "reply",
            )  # fmt: skip
        for turn in range(each):
            for number in range(rooms):
                at, by_customer = time_of(turn, number), (each - 1 - turn) % 2 == (0 if waits(number) else 1)
                more = long if number == long_room else 0
                yield (
                    company, message_id(at, number), room_ids[number], turn + 1 + more, None if by_customer else "crowd",
                    contact_ids[number] if by_customer else None, "message", content(turn, number), at, at, 3, False, trace, "reply",
                )  # fmt: skip

    def marks(count: int) -> str:
        return ", ".join("?" * count)

    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    # Quick, and safe only because nothing else uses the file yet.
    connection.execute("pragma synchronous = off")
    connection.execute("pragma cache_size = -1000000")
    connection.execute("pragma temp_store = memory")
    connection.execute("begin")
    connection.executemany(
        "insert into contact (company, id, account, external_id, name, picture, follows, profile_at, created_at)"
        f" values ({marks(9)})",
        contacts(),
    )
    connection.executemany(
        "insert into room (company, id, account, platform, external_id, contact, name, name_key, picture, messages,"
        " customer_messages, unread, unanswered, last_message, last_kind, last_content, last_at, last_customer_at,"
        f" last_reply_at, waiting_since, created_at) values ({marks(21)})",
        room_rows(),
    )
    connection.executemany(f"insert into room_gram (company, gram, room) values ({marks(3)})", grams())
    connection.executemany(
        "insert into message (company, id, room, number, client, contact, kind, content, sent_at, stored_at, delivery,"
        f" first_of_customer, trace, cost) values ({marks(14)})",
        messages(),
    )
    connection.execute("commit")
    connection.close()


main()

"""Sends HL7 v2 messages over MLLP and prints each answer: `python tools/send_hl7.py [FILE ...] --port 2575`.

Without a file it sends a made-up discharge of yesterday afternoon, as St. Luke's of the demonstration would.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

START, END = b"\x0b", b"\x1c\r"
HOUSTON = ZoneInfo("America/Chicago")


def made_up_discharge(now: datetime) -> bytes:
    """An A03 about somebody new: 81 years old, Medicare, home from St. Luke's yesterday at 4:20 pm."""
    local = now.astimezone(HOUSTON)
    left = (local - timedelta(days=1)).replace(hour=16, minute=20, second=0)
    came = left - timedelta(days=4)
    number = secrets.token_hex(4).upper()
    lines = [
        f"MSH|^~\\&|EPIC|STLUKES|CARELOOP|BAYVIEW|{local:%Y%m%d%H%M%S%z}"
        f"||ADT^A03^ADT_A03|{number}|P|2.5.1|||||USA|UNICODE UTF-8",
        f"EVN|A03|{left:%Y%m%d%H%M%S%z}",
        f"PID|1||{int(number, 16) % 10**7}^^^STLUKES^MR||Calloway^Opal^J||19450311|F"
        "|||2210 Harbor St^^Houston^TX^77011^USA||^PRN^PH^^1^713^5550188|||||||||||||||||||||",
        "NK1|1|Calloway^Dwight|CHD^Child|||^PRN^PH^^1^713^5550189",
        f"PV1|1|I|4W^412^1^STLUKES||||1234567893^Nguyen^Linh^^^Dr|||MED||||1|||||{number}V^^^STLUKES^VN|||||||||||||||||01||||||||"
        f"{came:%Y%m%d%H%M%S%z}|{left:%Y%m%d%H%M%S%z}",
        "DG1|1||I50.23^Acute on chronic systolic heart failure^I10|||A",
        "IN1|1|MEDICARE^Medicare Part A and B|MCR|Medicare||||||||||||||||||||||||||||||||1EG4TE5MK73",
    ]
    return "\r".join(lines).encode() + b"\r"


def exchange(raw: bytes, host: str, port: int) -> str:
    """One message, one answer. Raises OSError when nobody answers within 10 seconds."""
    with socket.create_connection((host, port), timeout=10) as line:
        line.sendall(START + raw + END)
        answer = b""
        while not answer.endswith(END):
            more = line.recv(65536)
            if not more:
                raise ConnectionError("the listener closed the connection without an answer")
            answer += more
    return answer.strip(START + END).decode("utf-8", "replace")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2575)
    told = parser.parse_args()
    messages = [path.read_bytes() for path in told.files] or [made_up_discharge(datetime.now(HOUSTON))]
    for raw in messages:
        print(exchange(raw.replace(b"\n", b"\r"), told.host, told.port).replace("\r", "\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

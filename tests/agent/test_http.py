"""HTTP and HTTPS: every way in which a web server can be well or not, against servers on this machine."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import web
from agent.batcher import Row
from agent.check import ANSWERS
from agent.collectors import http
from protocols.uplink.batch import REASONS
from protocols.uplink.plan import Http, Plan, Target
from tests.agent.test_tcp import closed_port
from tests.fakes.certificates import Certificate, certificate, server_context
from tests.fakes.web import Site, page, silent, site

NOW = datetime.now(UTC).replace(microsecond=0)
NOW_US = int(NOW.timestamp()) * 1_000_000
DAY = timedelta(days=1)


@pytest.fixture
async def plain() -> AsyncIterator[Site]:
    async with site() as made:
        yield made


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """A certificate authority that this machine trusts, as far as the agent can see."""
    made = certificate("Lineside Test CA", NOW - 9 * DAY, NOW + 900 * DAY)
    (tmp_path / "ca.pem").write_bytes(made.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def rows_of(sensor: Http, found: web.Visit) -> dict[str, float]:
    return {row.metric: row.value for row in http._rows(sensor, found, NOW_US, Counter())}


async def poll(sensor: Http, host: str = "127.0.0.1") -> web.Visit:
    return await http._once(http._aim(Target("e", "web1", host, (sensor,)), sensor, web.contexts()))


async def check(sensor: Http, host: str = "127.0.0.1") -> str:
    return await http.check(Target("e", "web1", host, (sensor,)), sensor, Plan("r"))


async def test_a_page_is_asked_for_by_its_own_name_at_the_address_of_the_element(plain: Site) -> None:
    plain.answers["/health?full=1"] = page(b"all is ready")
    sensor = Http(1, f"http://shop.example.net:{plain.port}/health?full=1", expect=("ready",))
    found = await poll(sensor)
    assert (found.reason, found.status) == ("", 200)
    request = plain.requests[0].decode()
    assert request.startswith("GET /health?full=1 HTTP/1.1\r\n")
    assert f"Host: shop.example.net:{plain.port}\r\n" in request
    rows = rows_of(sensor, found)
    assert set(rows) == {"reachable", "response_time", "connect_time", "first_byte_time"}
    assert 0 < rows["connect_time"] < rows["response_time"] < 1
    assert 0 < rows["first_byte_time"] < rows["response_time"]
    assert ANSWERS.search(await check(sensor))


STATUS = page(b"busy", 503)
PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall r\r\n4\r\neady\r\n0\r\n\r\n"
# what it is: (the answer, more of the sensor, reason)
ANSWERED: dict[str, tuple[bytes, dict[str, object], str]] = {
    "a status from 400 on": (STATUS, {}, "http_status"),
    "that status expected": (STATUS, {"status": (200, 503)}, ""),
    "another status than the expected one": (page(b""), {"status": (204,)}, "http_status"),
    "a text missing": (page(b"all is ready"), {"expect": ("ready", "steady")}, "content"),
    "a text in pieces": (PIECES, {"expect": ("all ready",)}, ""),
    "a text in UTF-8": (page("Grüße".encode()), {"expect": ("Grüße",)}, ""),
    "a head only": (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", {"method": "HEAD"}, ""),
    "an answer that ends with the connection": (b"HTTP/1.0 200 OK\r\n\r\nready", {"expect": ("ready",)}, ""),
    "an interim answer": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + page(b"ready"), {"expect": ("ready",)}, ""),
    "a redirect that is not followed": (page(b"", 302, "Location: /other"), {}, ""),
    "no answer": (b"", {}, "bad_answer"),
    "half an answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal", {}, "bad_answer"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", {}, "bad_answer"),
    "another protocol": (b"220 mail.example.net ESMTP\r\n" * 3, {}, "bad_answer"),
    "a head without end": (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000, {}, "bad_answer"),
    "interim answers without end": (b"HTTP/1.1 100 Continue\r\n\r\n" * 30_000, {}, "bad_answer"),
    "tiny chunks": (PIECES[:-5] + b"1\r\na\r\n" * 200_000, {}, "bad_answer"),
    "a body of more than a MiB": (page(b"x" * (3 << 20)), {"expect": ("xxx",)}, ""),
    "a text behind the first MiB": (page(b"x" * (1 << 20) + b"ready"), {"expect": ("ready",)}, "content"),
}


@pytest.mark.parametrize("what", ANSWERED)
async def test_each_answer_has_its_reason(what: str, plain: Site) -> None:
    answer, more, reason = ANSWERED[what]
    plain.answers["/"] = answer
    sensor = Http(1, f"http://127.0.0.1:{plain.port}/", **more)  # type: ignore[arg-type]
    begun = time.thread_time()
    found = await poll(sensor)
    assert time.thread_time() - begun < 2
    assert (found.reason, len(found.body) <= web.MAX_BODY) == (reason, True), found.detail
    rows = rows_of(sensor, found)
    assert rows["reachable"] == float(not reason)
    assert ("response_time" in rows) == (not reason)
    sentence = await check(sensor)
    assert bool(ANSWERS.search(sentence)) == (not reason), sentence


@pytest.mark.parametrize("pace", [None, 0.02])
async def test_a_server_that_hangs_or_drips_is_a_timeout_in_time(pace: float | None, plain: Site) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            await asyncio.sleep(pace or 5)
            writer.write(b"x")
            await writer.drain()

    plain.answers["/"] = drip
    begun = time.monotonic()
    found = await poll(Http(1, f"http://127.0.0.1:{plain.port}/", timeout=0.3))
    assert found.reason == "timeout"
    assert 0.25 < time.monotonic() - begun < 1


async def test_nobody_there_is_refused_and_a_wrong_name_is_our_trouble() -> None:
    assert (await poll(Http(1, f"http://127.0.0.1:{closed_port('127.0.0.1')}/"))).reason == "refused"
    assert (await poll(Http(1, "http://x/"), "no-such-host.invalid")).reason == "local_error"
    assert (await poll(Http(1, "http://x:99999/"))).reason == "local_error"
    assert (await poll(Http(1, "gopher://x/"))).reason == "local_error"


async def test_redirects_are_followed_as_often_as_asked(plain: Site) -> None:
    plain.answers |= {"/": page(b"", 301, "Location: /a"), "/a": page(b"", 302, f"Location: http://localhost:{plain.port}/b")}
    plain.answers |= {
        "/b": page(b"here"),
        "/circle": page(b"", 308, "Location: /circle"),
        "/ftp": page(b"", 302, "Location: ftp://x/"),
    }
    url = f"http://127.0.0.1:{plain.port}"
    found = await poll(Http(1, f"{url}/", redirects=2, expect=("here",)))
    assert (found.reason, found.status, len(plain.requests)) == ("", 200, 3)
    assert (await poll(Http(1, f"{url}/", redirects=1))).reason == "http_status"
    assert (await poll(Http(1, f"{url}/circle", redirects=10))).reason == "http_status"
    assert (await poll(Http(1, f"{url}/ftp", redirects=1))).reason == "bad_answer"


async def test_a_trusted_certificate_is_well_and_its_days_are_counted(authority: Certificate, tmp_path: Path) -> None:
    own = certificate("shop.example.net", NOW - DAY, NOW + 30 * DAY, authority)
    async with site(server_context(own, tmp_path)) as secure:
        secure.answers["/"] = page(b"ready")
        sensor = Http(1, f"https://shop.example.net:{secure.port}/", expect=("ready",))
        found = await poll(sensor)
        rows = rows_of(sensor, found)
        assert found.reason == "", found.detail
        assert set(rows) == {"reachable", "response_time", "connect_time", "tls_time", "first_byte_time", "certificate.days_left"}
        assert rows["certificate.days_left"] == 30
        assert rows["connect_time"] + rows["tls_time"] + rows["first_byte_time"] <= rows["response_time"]
        sentence = await check(sensor)
        assert ANSWERS.search(sentence)
        assert sentence.endswith(f"its certificate ends on {NOW + 30 * DAY:%Y-%m-%d}.")


@pytest.mark.parametrize(
    ("host", "days", "by_authority", "words"),
    [
        ("127.0.0.1", 30, False, "self-signed certificate"),
        ("127.0.0.1", -3, True, "certificate has expired"),
        ("other.example.net", 30, True, "IP address mismatch"),
    ],
)
async def test_a_certificate_not_to_be_trusted_is_a_failure_and_still_tells_its_date(
    host: str, days: int, by_authority: bool, words: str, authority: Certificate, tmp_path: Path
) -> None:
    own = certificate(host, NOW - 9 * DAY, NOW + days * DAY, authority if by_authority else None)
    async with site(server_context(own, tmp_path)) as secure:
        secure.answers["/"] = page(b"ready")
        sensor = Http(1, f"https://127.0.0.1:{secure.port}/")
        found = await poll(sensor)
        assert found.reason == "tls"
        assert words in found.detail
        assert not secure.requests, "a request went to a server that is not trusted"
        assert rows_of(sensor, found) == {"reachable": 0.0, "certificate.days_left": float(days)}
        assert not ANSWERS.search(await check(sensor))
        careless = Http(1, sensor.url, verify=False)
        found = await poll(careless)
        assert found.reason == "", found.detail
        assert rows_of(careless, found)["certificate.days_left"] == days


@pytest.mark.parametrize("greeting", [b"220 mail.example.net ESMTP\r\n", b""])
async def test_what_speaks_no_tls_fails_at_tls(greeting: bytes) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        found = await poll(Http(1, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
    assert found.reason == "tls", found.detail
    assert not found.certificate


async def test_a_silent_port_in_place_of_tls_is_a_timeout() -> None:
    with silent() as port:
        assert (await poll(Http(1, f"https://127.0.0.1:{port}/", timeout=0.2))).reason == "timeout"


async def test_an_element_without_an_url_is_asked_for_its_start_page_by_https() -> None:
    for address, url in {"192.0.2.1": "https://192.0.2.1/", "2001:db8::1": "https://[2001:db8::1]/"}.items():
        sensor = Http(1)
        aim = http._aim(Target("e", "t", address, (sensor,)), sensor, web.contexts())
        assert aim.request.url == url
        assert (await aim.name.address()).sockaddr[1] == 443


async def test_a_failed_poll_is_a_sample_and_delays_no_other(plain: Site) -> None:
    plain.answers["/"] = page(b"ready")
    rows: list[Row] = []

    def emit(more: Sequence[Row], interval: float) -> None:
        assert interval == 1.0
        rows.extend(more)

    def target(number: int, port: int) -> Target:
        return Target(f"e{number}", "t", "127.0.0.1", (Http(number, f"http://127.0.0.1:{port}/", interval=1.0, timeout=1.5),))

    counters: Counter[str] = Counter()
    with silent() as hung:
        targets = [target(1, plain.port), target(2, closed_port("127.0.0.1")), target(3, hung)]
        task = asyncio.create_task(http.run(targets, Plan("r"), emit, lambda: 42, counters))
        async with asyncio.timeout(15):
            while {row.sensor for row in rows} != {1, 2, 3}:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    seen = {(row.sensor, row.value, REASONS[row.reason]) for row in rows if row.metric == "reachable"}
    assert seen == {(1, 1.0, ""), (2, 0.0, "refused"), (3, 0.0, "timeout")}
    assert {row.ts for row in rows} == {42}
    assert counters["http.refused"] >= 1

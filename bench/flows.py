"""Flows: how many one core decodes, what the whole path costs beside nfcapd and nfacctd, and at which rate nothing is lost.

All three hear the same datagrams by UDP in the same run, ours and nfacctd with the same 15,000 networks; ours classifies, adds up by
minute, interface, application, provider and remote network, and spools. They run on one core, the sender on the other.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import flow_load, flow_peers, harness
from protocols.netflow.columns import addresses, column
from protocols.netflow.decoder import Decoder
from protocols.netflow.times import spans

BATCH = 2_000  # datagrams
COLUMNS = ("bytes", "packets", "protocol", "source_port", "destination_port", "input", "output")
FLOWS = 500_000  # of the file that is sent again and again
STEADY = 1e6  # flows a second at which costs are measured


def decoded(datagrams: list[tuple[str, bytes]], *, columns: bool) -> tuple[float, int]:
    """(seconds of CPU, flows): all datagrams, in batches; with `columns` also what is made of records first of all."""
    decoder, count = Decoder(), 0
    begin = time.process_time()
    for at in range(0, len(datagrams), BATCH):
        batch = decoder.decode(datagrams[at : at + BATCH], flow_load.SECONDS * 1_000_000)
        for records in batch.flows:
            count += len(records)
            if columns:
                for name in COLUMNS:
                    column(records, name)
                addresses(records, "source")
                addresses(records, "destination")
                spans(records, batch.heads)
    return time.process_time() - begin, count


def decoding(flows: int, rounds: int) -> dict[str, float]:
    """Millions of flows in a second of CPU, by version, alone and with the columns."""
    figures = {}
    for version, name in ((9, "v9"), (10, "ipfix")):
        datagrams = flow_load.datagrams(version, flows)
        for columns, suffix in ((False, ""), (True, "_with_columns")):
            took = []
            for _ in range(rounds):
                seconds, count = decoded(datagrams, columns=columns)
                assert count == flows
                took.append(flows / seconds / 1e6)
            figures[f"decode_{name}{suffix}_mflows_per_s"] = round(statistics.median(took), 2)
            harness.progress(f"{name}{suffix}: {min(took):.2f} to {max(took):.2f} million flows in a second of CPU")
    return figures


def loads(folder: Path) -> dict[str, tuple[Path, float]]:
    """By version the file of datagrams, and how many flows are in one of them."""
    found = {}
    for version, name in ((9, "v9"), (10, "ipfix")):
        datagrams = flow_load.datagrams(version, FLOWS, seconds=int(time.time()))
        flow_load.write(folder / name, datagrams)
        found[name] = (folder / name, FLOWS / (len(datagrams) - 8))
    networks = flow_load.prefixes()
    providers = {f"provider {n}": {"as": [], "networks": networks[n::20]} for n in range(20)}
    (folder / "cloud.json").write_text(json.dumps({"date": "2025-01-01", "providers": providers}))
    return found


def costs(folder: Path, rounds: int, flows: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """CPU-seconds per million flows of each, in turn, at a rate at which none loses much."""
    files = loads(folder)
    spent: dict[str, list[float]] = {}
    lost: dict[str, int] = {}
    for turn in range(rounds):
        rivals = [("ours", "v9"), ("nfcapd", "v9"), ("nfacctd", "v9"), ("ours", "ipfix")]
        for name, version in rivals[:: -1 if turn % 2 else 1]:
            load, per = files[version]
            heard = flow_peers.hear(name, folder, load, STEADY / per, int(flows / per))
            took = (heard.sent - heard.drops) * per / 1e6
            spent.setdefault(f"{name}_{version}", []).append(heard.cpu_s / took)
            lost[f"{name}_{version}"] = lost.get(f"{name}_{version}", 0) + heard.drops
            harness.progress(f"{name} {version}: {heard.cpu_s / took:.3f} s per million flows, {heard.drops} datagrams lost")
    medians = {name: round(statistics.median(values), 3) for name, values in spent.items()}
    figures = {"path_cpu_s_per_mflow_v9": medians["ours_v9"], "path_cpu_s_per_mflow_ipfix": medians["ours_ipfix"]}
    for name in ("nfacctd", "nfcapd"):
        ratios = [a / b for a, b in zip(spent["ours_v9"], spent[f"{name}_v9"], strict=True)]
        figures[f"ratio_to_{name}"] = round(statistics.median(ratios), 3)
    config = flow_peers.NFACCTD.splitlines()
    peers = {name: {"cpu_s_per_mflow": medians[f"{name}_v9"], "lost": lost[f"{name}_v9"]} for name in ("nfcapd", "nfacctd")}
    return figures, peers | {"nfacctd_configuration": config, "networks": len(flow_load.prefixes())}


def losses(folder: Path, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """What share of the datagrams is lost at 1, 2, 3 and 4 million flows a second; the highest rate at which it is none."""
    load, per = loads(folder)["v9"]
    table: dict[str, dict[str, float]] = {}
    free = 0.0
    for name in ("ours", "nfcapd", "nfacctd"):
        for rate in (1, 2, 3, 4):
            heard = flow_peers.hear(name, folder, load, rate * 1e6 / per, int(rate * 1e6 * seconds / per))
            offered = heard.sent * per / heard.seconds / 1e6
            table.setdefault(name, {})[str(rate)] = round(heard.drops / heard.sent, 5)
            harness.progress(f"{name} at {offered:.2f} million flows/s: {heard.drops} of {heard.sent} datagrams lost")
            if name == "ours" and not heard.drops and offered > 0.95 * rate:
                free = float(rate)
            if heard.drops > heard.sent // 10:
                break
    return {"loss_free_mflows_per_s": free}, {"lost_share_at_mflows_per_s": table}


def main() -> None:
    given = harness.options("flows")
    figures: dict[str, Any] = decoding(500_000 if given.quick else 2_000_000, 5 if given.quick else 9)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flow_peers.build(folder)
        cost, peers = costs(folder, 1 if given.quick else 5, 1.5e6 if given.quick else 10e6)
        if given.quick:
            load, per = folder / "v9", FLOWS / ((folder / "v9").stat().st_size / 1_400)
            heard = flow_peers.hear("ours", folder, load, 3e6 / per, int(6e6 / per))
            loss: dict[str, Any] = {"loss_free_mflows_per_s": 3.0 if not heard.drops else 0.0}
            lost: dict[str, Any] = {"lost_share_at_3_mflows_per_s": round(heard.drops / heard.sent, 5)}
        else:
            loss, lost = losses(folder, 10.0)
    harness.report(given, figures | cost | loss, peers | lost)


if __name__ == "__main__":
    main()

"""A made-up site for the mock server: the same for the same seed, in the forms of the API."""

import bisect
import datetime
import random
import zoneinfo

NOW = datetime.datetime(2026, 3, 31, 9, 24, 10, tzinfo=datetime.timezone.utc)

# Country, its share of the exports, and networks: number, organisation, service.
PLACES = [
    ("HK", 30, [(4760, "HKT Limited", "web"), (9269, "Hong Kong Broadband Network", "web")]),
    ("US", 26, [(16509, "Amazon.com, Inc.", "web"), (8075, "Microsoft Corporation", "web"),
                (15169, "Google LLC", "quic"), (13335, "Cloudflare, Inc.", "web")]),
    ("SG", 17, [(16509, "Amazon.com, Inc.", "web"), (45102, "Alibaba Cloud", "web")]),
    ("DE", 12, [(24940, "Hetzner Online GmbH", "ssh"), (3320, "Deutsche Telekom AG", "web")]),
    ("JP", 11, [(2516, "KDDI Corporation", "web"), (17676, "SoftBank Corp.", "web")]),
    ("KR", 6, [(4766, "Korea Telecom", "web")]),
    ("GB", 5, [(2856, "British Telecommunications plc", "web")]),
    ("NL", 4, [(60781, "LeaseWeb Netherlands B.V.", "other")]),
    ("IE", 4, [(8075, "Microsoft Corporation", "mail")]),
    ("TW", 3, [(3462, "Chunghwa Telecom", "web")]),
    ("AU", 3, [(1221, "Telstra Limited", "web")]),
    ("FR", 3, [(16276, "OVH SAS", "web")]),
    ("IN", 2, [(24560, "Bharti Airtel Ltd.", "web")]),
    ("CA", 2, [(812, "Rogers Communications", "web")]),
    ("BR", 2, [(28573, "Claro S.A.", "web")]),
    ("RU", 1, [(51659, "LLC Baxet", "web")]),
    ("AE", 1, [(5384, "Emirates Telecommunications Group", "web")]),
    ("ZA", 1, [(3741, "Dimension Data", "web")]),
    ("CH", 1, [(3303, "Swisscom (Schweiz) AG", "web")]),
    ("VN", 1, [(45899, "VNPT Corp", "web")]),
    ("MY", 1, [(4788, "TM Technology Services", "web")]),
    ("MX", 0.6, [(8151, "UNINET", "web")]),
    ("ZZ", 0.4, [(0, None, "other")]),
]
KINDS = ["crm-web", "erp-db", "build-runner", "hr-files", "mail-gw", "telematics", "lims",
         "cctv-nvr", "backup", "dev-vm", "pos", "mes-line"]
ENTITIES = [("Lantian Motors (Shanghai) Co., Ltd.", "automotive"), ("蓝田汽车（上海）有限公司", "automotive"),
            ("Lantian Finance", "finance"), ("Haihe Genomics", "health"), (None, None)]
RECIPIENTS = ["amazonaws.com", "sharepoint.com", "storage.example", "drop-box.example",
              "salesforce.com", "backup.example.net", "transfer.example", None]
PROTECTIONS = ["clear", "weak", "standard", "strong", "post_quantum", "national", "opaque",
               "unseen"]
VERDICTS = ["approved", "over_quota", "outside_scope", "unapproved", "prohibited_destination",
            "observed_exceeded", "declared_estimate_exceeded", "not_determinable"]


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def offsets(name, around=NOW):
    """Offsets of a zone two years before and after, as the sensor tells them: the second from
    which, and seconds east of UTC."""
    zone = zoneinfo.ZoneInfo(name)
    day, quarter = 86_400, 900

    def offset(second):
        time = datetime.datetime.fromtimestamp(second, zone)
        return int(time.utcoffset().total_seconds())
    begin = int(around.timestamp()) // day * day - 740 * day
    found = [[begin, offset(begin)]]
    for start in range(begin, begin + 2 * 740 * day, day):
        if offset(start) != offset(start + day):
            times = range(start, start + day + 1, quarter)
            found.append([times[bisect.bisect_left(
                times, True, key=lambda second: offset(second) != offset(start))],
                offset(start + day)])
    return found


def said(count):
    """Bytes as the program writes them: SI units, three digits."""
    for unit in ["B", "kB", "MB", "GB", "TB"]:
        if count < 999.5 or unit == "TB":
            return f"{count:.3g} {unit}"
        count /= 1000
    return ""


class Site:
    """Assets, incidents, corridors and meters of a site; `state` is full, empty or sick."""

    def __init__(self, assets=60, incidents=24, state="full", names=(), seed=7):
        self.random = random.Random(seed)
        self.state = state
        self.now = NOW
        self.offsets = offsets("Asia/Shanghai")
        self.feedback = {}
        if state == "empty":
            assets = incidents = 0
        self.assets = [self.asset(i, names) for i in range(assets)]
        self.assets.sort(key=lambda one: -one["bytes_24h"])
        self.by_name = {one["asset"]: one for one in self.assets}
        self.incidents = [self.incident(i, names) for i in range(incidents)]
        self.incidents.sort(key=lambda one: one["opened"], reverse=True)
        self.by_incident = {one["incident"]: one for one in self.incidents}
        for one in self.assets:
            one["incidents_open"] = 0
        for one in self.incidents:
            if one["state"] == "open":
                self.by_name[one["alert"]["asset"]]["incidents_open"] += 1
        self.corridors = self.make_corridors(names) if assets else []

    def asset(self, number, names):
        draw = self.random
        address = f"10.{20 + number // 60000}.{number // 250 % 240}.{number % 250 + 1}"
        name = address if draw.random() < 0.3 else f"{draw.choice(KINDS)}-{number:02}"
        if number < len(names):
            name = names[number]
        entity, sector = draw.choice(ENTITIES)
        places = draw.choices(PLACES, [place[1] for place in PLACES], k=draw.randint(1, 7))
        countries = list({place[0]: place for place in places})
        size = int(10 ** draw.uniform(6, 10.6))
        return {"asset": name, "address": address,
                "organisation": names[-number - 1] if number < len(names) else entity,
                "sector": sector, "bytes_24h": size,
                "expected_bytes_24h": int(size * draw.uniform(0.7, 1.2)), "countries": countries,
                "incidents_open": 0, "maturity": draw.choice([1, 1, 1, 0.86, 0.4, 0.1]),
                "last": stamp(self.now - datetime.timedelta(seconds=draw.randint(0, 7000)))}

    def hours(self, key, count, end=None, spike=0.0, size=4e6):
        """Bytes of the hours before `end`: a working day's shape, and a spike at the end."""
        draw = random.Random(f"{key}")
        end = (end or self.now).replace(minute=0, second=0)
        rows = []
        for back in range(count - 1, -1, -1):
            time = end - datetime.timedelta(hours=back)
            local = (time.hour + 8) % 24
            busy = 1.0 if 8 <= local < 19 else 0.22
            busy *= 0.35 if time.weekday() >= 5 else 1.0
            expected = size * busy * (1 + 0.35 * (local % 7) / 7)
            seen = expected * draw.lognormvariate(-0.08, 0.24)
            if spike and back < 5:
                seen += spike * [1.0, 0.8, 0.55, 0.3, 0.08][back]
            rows.append({"hour": stamp(time), "bytes": int(seen), "expected_bytes": int(expected)})
        return rows

    def incident(self, number, names):
        draw = self.random
        asset = self.assets[number * 7 % len(self.assets)] if not names else self.assets[
            number % len(self.assets)]
        place = draw.choices(PLACES, [max(place[1], 3) for place in PLACES])[0]
        asn, organisation, _ = draw.choice(place[2])
        ago = draw.expovariate(1 / 30) * 3600 if number > 2 else [900, 4000, 9000][number]
        opened = self.now - datetime.timedelta(seconds=int(ago) + 60)
        is_open = ago < 86400
        last = min(self.now, opened + datetime.timedelta(
            seconds=draw.randint(40, 4000) if is_open else 90000))
        excess = int(10 ** draw.uniform(6, 10.4))
        severity = ["low", "medium", "high", "critical"][
            (excess >= 1e8) + (excess >= 1e9) + (excess >= 1e10)]
        expected = int(excess * draw.choice([0, 0.02, 0.2, 0.5]))
        hours = self.hours(f"{asset['asset']}{number}", 72, last, excess / 2.7, expected / 5 + 1)
        recipient = draw.choice(RECIPIENTS)
        name = f"{stamp(opened)}/{asset['asset']}/{place[0]}"
        verdict = draw.choice(VERDICTS + ["not_determinable"] * 3)
        if names:
            recipient, organisation = names[(number + 3) % len(names)], names[number % len(names)]
        alert = {
            "event": "close" if not is_open else draw.choice(["open", "update"]),
            "time": stamp(last), "id": f"{name}#1", "incident": name,
            "campaign": draw.choice([None, None, None, f"{stamp(opened)}/AS{asn}/{place[0]}"]),
            "asset": asset["asset"], "asset_ip": asset["address"], "jurisdiction": place[0],
            "asn": asn, "organisation": organisation, "recipient": recipient,
            "score": draw.randint(50, 100), "severity": severity,
            "detectors": self.detectors(place[0], asn, excess + expected, hours),
            "window_start": stamp(opened - datetime.timedelta(seconds=40)),
            "window_seconds": int((last - opened).total_seconds()) + 40,
            "bytes": excess + expected, "expected_bytes": expected, "excess_bytes": excess,
            "allowance_bytes": int(excess * 0.18 + 2e5),
            "seen_hours": [one["bytes"] for one in hours[-24:]],
            "expected_hours": [one["expected_bytes"] for one in hours[-24:]],
            "first_seen": stamp(opened - datetime.timedelta(days=draw.choice([0, 0, 41]))),
            "is_new": expected == 0,
            "prevalence": {"assets": len(self.assets), "country": 1 + number % 5, "network": 1},
            "geo_confidence": draw.choice(
                ["confirmed", "plausible", "plausible", "disputed", "refuted", "unknown"]),
            "verdict": verdict, "feedback": None, "maturity": asset["maturity"],
            "explanation": f"{asset['asset']} sent {said(excess + expected)} to {place[0]} "
                           f"(AS{asn}, {organisation}) since {stamp(opened)}, {said(excess)} more "
                           f"than the {said(expected)} to be expected. It goes on and has grown.",
            "explanation_zh": f"自 {stamp(opened)} 起 {asset['asset']} 向 {place[0]} (AS{asn}, "
                              f"{organisation}) 发送了 {said(excess + expected)}，比预期的 "
                              f"{said(expected)} 多 {said(excess)}。仍在继续，并有增长。",
            "flows": self.flows(asset, recipient, excess + expected)}
        if verdict != "not_determinable":
            alert["policy"] = {"pack": "cn-base", "severity": severity, "rule": "cn-quota-1m",
                               "cite": "Provisions on cross-border data flows, Art. 7, 2024-03-22",
                               "approval": draw.choice(["CAC-2025-0117", None])}
        return {"incident": name, "state": "open" if is_open else "closed",
                "opened": stamp(opened), "last": stamp(last), "alert": alert, "hours": hours}

    def detectors(self, country, asn, size, hours):
        draw = self.random
        most = max(one["expected_bytes"] for one in hours)
        size, most = said(size), said(most)
        rows = [
            ("asset_volume", f"{size} abroad within this hour; the largest hour so far had {most}",
             f"本小时内发往境外 {size}；此前最大的一小时为 {most}"),
            ("country_volume", f"{size} to {country} within this hour; no hour before had any",
             f"本小时内发往 {country} {size}；此前没有任何一小时有过"),
            ("destination_volume", f"{size} to AS{asn} over web within this hour; "
                                   "no hour before had any",
             f"本小时内发往 AS{asn}（经 web） {size}；此前没有任何一小时有过"),
            ("new_recipient", "a name that nobody here sent anything to before",
             "站内此前无人向该名称发送过数据"),
            ("odd_hour", f"{size} at 03:00; nothing left at this hour on 34 days of 35",
             f"03:00 发往境外 {size}；35 天中有 34 天此时段无数据")]
        return [{"name": name, "p": 10 ** -draw.uniform(1, 5), "sentence": text,
                 "sentence_zh": chinese}
                for name, text, chinese in draw.sample(rows, draw.randint(1, 5))]

    def flows(self, asset, recipient, size):
        draw = self.random
        rows = []
        for part in range(draw.randint(1, 4)):
            rows.append({"src": asset["address"], "src_port": draw.randint(32768, 60999),
                         "dst": f"203.0.113.{draw.randint(1, 254)}" if part else "2001:db8::a1:7",
                         "dst_port": draw.choice([443, 22, 8443]), "proto": draw.choice([6, 17]),
                         "bytes": size >> part, "app": draw.choice(["tls", "quic", "ssh"]),
                         "name": f"up{part}.{recipient}" if recipient else "up.example",
                         "name_source": "server_name",
                         "protection": draw.choice(PROTECTIONS)})
        if recipient:
            rows[0]["certificate"] = {
                "name": f"*.{recipient}", "issuer": None, "key": "rsa-1024",
                "valid_from": "2020-01-01T00:00:00Z", "valid_until": "2021-01-01T00:00:00Z",
                "flaws": ["self_signed", "expired", "weak_key"]}
        return rows

    def make_corridors(self, names):
        draw = self.random
        rows = []
        for number in range(max(40, len(self.assets) // 10)):
            asset = self.assets[number * 3 % len(self.assets)]
            verdict = VERDICTS[number % len(VERDICTS)]
            known = verdict in ("approved", "over_quota")
            quota = int(10 ** draw.uniform(8, 11)) if known else None
            used = known and int(quota * draw.uniform(*(
                (0.05, 0.97) if verdict == "approved" else (1.02, 1.8))))
            recipient = names[number % len(names)] if names else draw.choice(RECIPIENTS)
            rows.append({"day": (self.now - datetime.timedelta(days=number // 12)).strftime(
                "%Y-%m-%d"), "asset": asset["asset"], "recipient": recipient,
                "country": draw.choice(PLACES)[0], "pack": "cn-base", "verdict": verdict,
                "rule": None if known else "cn-quota-1m",
                "article": None if known else "Art. 7, 2024-03-22",
                "bytes": int(10 ** draw.uniform(5, 10)),
                "approval": f"CAC-2025-{number:04}" if known else None,
                "quota_bytes": quota, "used_bytes": used or None})
        return rows

    def meters(self):
        if not self.assets:
            return []
        return [{"entity": "Lantian Motors (Shanghai) Co., Ltd.", "category": category,
                 "window": "calendar_year", "subjects": subjects, "records": subjects * 4,
                 "bytes": subjects * 5200, "threshold": threshold, "unseen_bytes": unseen,
                 "rule": rule}
                for category, subjects, threshold, unseen, rule in [
                    ("personal", 812_400, 1_000_000, 41_000_000_000, "cn-quota-1m"),
                    ("sensitive_personal", 11_930, 10_000, 2_400_000_000, "cn-sensitive-10k"),
                    ("vehicle", 3_204, None, 870_000_000, None)]]

    def jurisdictions(self, hours):
        draw = random.Random(11)
        opened = [one["alert"] for one in self.incidents if one["state"] == "open"]
        rows = []
        for country, share, _ in PLACES if self.assets else []:
            size = int(share * 2.1e9 * hours / 24)
            extra = sum(one["excess_bytes"] for one in opened if one["jurisdiction"] == country)
            expected = int(size * draw.uniform(0.85, 1.1)) if share > 0.7 else 0
            parts = [draw.random() * weight for weight in (0.6, 0.2, 3, 9, 2, 0.6, 0.7, 0.5)]
            total = size + extra
            rows.append({"country": country, "bytes": total, "expected_bytes": expected,
                         "assets": max(1, int(share * len(self.assets) / 32)),
                         "incidents_open": sum(one["jurisdiction"] == country for one in opened),
                         "protection": {name: int(total * part / sum(parts))
                                        for name, part in zip(PROTECTIONS, parts)},
                         "confidence": {"confirmed": total // 10, "plausible": total * 8 // 10,
                                        "disputed": total // 20, "refuted": 0,
                                        "unknown": total // 20}})
        rows.sort(key=lambda row: -row["bytes"])
        return {"from": stamp(self.now - datetime.timedelta(hours=hours)), "to": stamp(self.now),
                "jurisdictions": rows}

    def flow_input(self):
        """A site that is sick has exporters, and trouble with them; a full one has one that is
        well; others have none."""
        if self.state == "empty":
            return None
        is_sick = self.state == "sick"
        return {
            "formats": [{"format": "netflow_v9", "datagrams": 4_120_441, "records": 98_113_204}]
            + ([{"format": "sflow", "datagrams": 81_204, "records": 401_880}] if is_sick else []),
            "exporters": {"heard": 3, "silent": 1 if is_sick else 0},
            "lost": [{"exporter": "edge-router-1", "datagrams": 91_402, "records": 0}]
            if is_sick else [],
            "refused": {"too_many_exporters": 1_204, "stranger": 31} if is_sick else {},
            "passed_over": {"duplicate": 1_880_231}, "late": {"long": 8_120, "late": 12},
            "sampling_max": 1000 if is_sick else 0, "export_bytes": 8_231_554_120_331,
            "waiting": 4_120}

    def health(self):
        is_sick = self.state == "sick"
        frames = 0 if self.state == "empty" else 184_220_118_402
        return {
            "frames": frames, "packets": frames * 998 // 1000, "wire_bytes": frames * 812,
            "late": 14, "clock_jumps": 2 if is_sick else 0,
            "dropped": {"ip_truncated": frames // 900_000, "not_ip": frames // 510,
                        "link_type": 0},
            "interfaces": [{"name": "eth1", "received": frames, "gaps": 0, "interface_dropped": 0,
                            "kernel_dropped": frames // 180 if is_sick else frames and 1_204}],
            "flow_input": self.flow_input(),
            "evictions": {"flows": 48_113 if is_sick else 0, "assets": 0, "openings": 31},
            "save_failures": 3 if is_sick else 0, "ledger_failures": 0,
            "result_failures": 0, "result_lines_lost": 0, "history_dropped": 0,
            "tick_latency_p99_seconds": 4.2 if is_sick else 0.012,
            "databases": [
                {"kind": "country", "name": "dbip-country.mmdb", "built": "2026-03-01T00:00:00Z",
                 "age_days": 112 if is_sick else 30},
                {"kind": "asn", "name": "dbip-asn.mmdb", "built": "2026-03-17T00:00:00Z",
                 "age_days": 14}],
            "learning": {"until": "2026-04-07T09:00:00Z" if self.state == "empty" else None,
                         "hours_learned": 2 if self.state == "empty" else 1_488}}

    def status(self):
        opened = [one for one in self.incidents if one["state"] == "open"]
        levels = dict.fromkeys(["low", "medium", "high", "critical"], 0)
        for one in self.incidents:
            levels[one["alert"]["severity"]] += 1
        return {
            "version": "0.7.0", "mode": "live", "input": ["interface eth1"],
            "now": stamp(self.now), "started": "2026-01-28T07:00:00Z",
            "is_ready": True, "feedback": "token",
            "site": {"jurisdictions": ["CN"], "time_zone": "Asia/Shanghai",
                     "time_zone_offsets": self.offsets,
                     "location": [31.23, 121.47]},
            "history_since": "2026-01-28T07:00:00Z",
            "totals": {"assets": len(self.assets), "cells": len(self.assets) * 4,
                       "incidents_open": len(opened), "alerts": levels,
                       "transfers": 48_200_113 if self.assets else 0,
                       "export_bytes": 9_411_822_003_118 if self.assets else 0},
            "health": self.health()}

    def asset_page(self, name):
        one = self.by_name.get(name)
        if one is None:
            return None
        draw = random.Random(name)
        left = one["bytes_24h"]
        countries, networks = [], []
        for country in one["countries"]:
            size = int(left * 0.6)
            left -= size
            known = next(place for place in PLACES if place[0] == country)
            countries.append({"country": country, "bytes_24h": size,
                              "expected_bytes_24h": int(size * draw.uniform(0.3, 1.3)),
                              "bytes_30d": size * 22,
                              "first_export": "2026-02-03T02:11:40Z"})
            for asn, organisation, service in known[2]:
                networks.append({"country": country, "asn": asn, "organisation": organisation,
                                 "service": service, "bytes_24h": size // len(known[2]),
                                 "bytes_30d": size * 22 // len(known[2])})
        own = [row for row in self.incidents if row["alert"]["asset"] == name]
        return {"asset": name, "addresses": [one["address"], "2001:db8:14::1e"],
                "organisation": one["organisation"], "sector": one["sector"], "grade": "important",
                "categories": ["personal", "vehicle"], "maturity": one["maturity"],
                "role": "server", "first_export": "2026-01-28T07:03:10Z", "last": one["last"],
                "countries": countries, "networks": networks,
                "hours": self.hours(name, 168, spike=one["bytes_24h"] / 9 if own else 0,
                                    size=one["bytes_24h"] / 18),
                "incidents": [{key: row[key] for key in row if key != "hours"}
                              for row in own[:20]]}

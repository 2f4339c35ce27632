"""Numbers and times as the pages write them, against the formats of the browser."""

import unittest

import data
from browser import REAL, PageTest

LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "UTC"]

# Values whose halves, carries and lengths are of all kinds, and many between them.
VALUES = """
    const VALUES = [0, 1, 9, 10, 99, 100, 999, 999.4, 999.5, 999.95, 1000, 9999.5, 12345.678,
        0.15, 0.25, 0.35, 0.05, 0.005, 0.0005, 0.45, 0.5, 1.5, 2.5, 1.005, 2.675, 8.345, 0.285,
        0.995, 9.95, 9.995, 99.95, 99999, 99999.5, 100000, 104999, 105000, 123456, 994999, 995000,
        999499, 999500, 999999, 1e6, 1.25e7, 9.995e7, 1e8, 184e9, 999.5e9, 1e12, 3.215e12, 5.4e15,
        9.88e18, 1e21, 1.5e300, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE, 5e-7, Infinity];
    let seed = 1;
    for (let i = 0; i < 4000; i += 1) {
        seed = seed * 48271 % 2147483647;
        VALUES.push(Number((seed / 2147483647 * 10 ** (i % 17 - 4)).toPrecision(1 + i % 9)));
    }
    VALUES.push(...VALUES.map((value) => -value));
    const wrong = [];
    const same = (what, value, ours, theirs) => {
        if (ours !== theirs) wrong.push(`${what} of ${value}: ${ours}, not ${theirs}`);
    };"""

NUMBERS = "async (tag) => {" + VALUES + """
    const { written } = await import("./console/numbers.js");
    const FORMS = [
        [{}, { maximumFractionDigits: 0 }],
        [{ significant: 3 }, { maximumSignificantDigits: 3 }],
        [{ significant: 2 }, { maximumSignificantDigits: 2 }],
        [{ fraction: 3 }, { maximumFractionDigits: 3 }],
        [{ fraction: 1, least: 1 }, { minimumFractionDigits: 1, maximumFractionDigits: 1 }],
        [{ shift: 2 }, { style: "percent", maximumFractionDigits: 0 }, "%"],
        [{ shift: 2, fraction: 1 }, { style: "percent", maximumFractionDigits: 1 }, "%"],
        [{ shift: 2, sign: true }, { style: "percent", signDisplay: "exceptZero",
            maximumFractionDigits: 0 }, "%"]];
    for (const [ours, theirs, unit = ""] of FORMS) {
        // A zero below zero is a zero.
        const format = new Intl.NumberFormat(tag, { signDisplay: "negative", ...theirs });
        for (const value of VALUES) {
            same(JSON.stringify(ours), value, written(value, ours) + unit, format.format(value));
        }
    }
    return [VALUES.length, wrong.length, wrong.slice(0, 8), written(NaN)];
}"""

WORDS = "async (tag) => {" + VALUES + """
    const f = await import("./console/format.js");
    const brief = new Intl.NumberFormat(tag, { notation: "compact",
        maximumSignificantDigits: 3 });
    for (const value of VALUES.filter((one) => one >= 100000 && one < 1e20)) {
        same("brief", value, f.brief(value), brief.format(value));
    }
    for (const [unit, seconds, last] of [["second", 1, 89], ["minute", 60, 89],
        ["hour", 3600, 35], ["day", 86400, 4000]]) {
        const format = new Intl.NumberFormat(tag, { style: "unit", unit, unitDisplay: "short" });
        for (let n = unit === "second" ? 0 : 2; n <= last; n += 1) {
            same("duration", n * seconds, f.duration(n * seconds), format.format(n));
        }
    }
    return [VALUES.length, wrong.length, wrong.slice(0, 8), f.percent(-0.0001)];
}"""

TIMES = """async ([tag, zone, offsets]) => {
    const f = await import("./console/format.js");
    const { useZone } = await import("./console/times.js");
    useZone(zone, offsets);
    const wrong = [];
    const time = { hour: "2-digit", minute: "2-digit" };
    const day = { month: "short", day: "numeric" };
    const zoned = (options, timeZone = zone) => new Intl.DateTimeFormat(tag, {
        hourCycle: "h23", timeZone, ...options });
    const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", hourCycle: "h23",
        timeZone: zone });
    const FORMS = [
        ["clock", f.clock, zoned({ ...time, second: "2-digit" })],
        ["hourOf", f.hourOf, zoned(time)],
        ["day", f.day, zoned(day)],
        ["weekday", f.weekday, zoned({ weekday: "short", day: "numeric" })],
        ["fullDay", f.fullDay, zoned({ dateStyle: "medium" })],
        ["moment", f.moment, zoned({ ...day, ...time })],
        ["far moment", (value) => f.moment(value, "1999-01-01"), zoned({ ...day, ...time,
            year: "numeric" })],
        ["localHour", (value) => String(f.localHour(value)).padStart(2, "0"), hour],
        ["calendarDay", (value) => f.calendarDay(value.slice(0, 10)),
            zoned({ dateStyle: "medium" }, "UTC"), (value) => `${value.slice(0, 10)}T00:00Z`]];
    // The offset by itself, which the page writes alike in every language and zone.
    const offset = zoned({ year: "numeric", timeZoneName: "shortOffset" });
    const offsetOf = (at) => offset.formatToParts(at).find(({ type }) =>
        type === "timeZoneName").value.replace(/^GMT(\\+0)?$/, "UTC");
    const times = [];
    // Each quarter of an hour around changes of summer time, and a moment in every other week
    // from long before the list to its end.
    for (const day of ["2025-03-09", "2025-03-30", "2025-10-26", "2025-11-02", "2026-03-08",
        "2026-03-29", "2026-10-25", "2026-11-01"]) {
        for (let i = -16; i < 112; i += 1) times.push(Date.parse(`${day}T00:00:59Z`) + i * 900000);
    }
    for (let i = 0; i < 300; i += 1) times.push(Date.UTC(2016, 6, 1) + i * 12.37 * 86400000);
    for (const milliseconds of times) {
        const value = new Date(milliseconds).toISOString();
        for (const [what, ours, format, at = (text) => text] of FORMS) {
            const theirs = format.format(new Date(at(value)));
            if (ours(value) !== theirs) wrong.push(`${what} ${value} ${ours(value)}: ${theirs}`);
        }
        const whole = f.full(value);
        for (const part of [FORMS[0][2].format(new Date(value)), offsetOf(new Date(value)),
            FORMS[4][2].format(new Date(value))]) {
            if (!whole.includes(part)) wrong.push(`full ${value} ${whole}: ${part}`);
        }
    }
    return [times.length, wrong.length, wrong.slice(0, 8), f.moment(null) + f.day("never")];
}"""


class Formats(PageTest):
    def setUp(self):
        super().setUp()
        if REAL:
            self.skipTest("the page of a sensor runs no file beside its own scripts")

    def hold(self, page, script, argument, at_least, nothing):
        tried, wrong, first, none = page.evaluate(script, argument)
        self.assertGreater(tried, at_least)
        self.assertEqual((wrong, first), (0, []))
        self.assertEqual(none, nothing)

    def test_numbers(self):
        for tag in LANGUAGES.values():
            self.hold(self.page(language=tag), NUMBERS, tag, 8_000, "\u2013")

    def test_counts_and_lengths_of_time_in_words(self):
        for tag in LANGUAGES.values():
            self.hold(self.page(language=tag), WORDS, tag, 8_000, "0%")

    def test_times_by_the_list_of_offsets(self):
        for tag in LANGUAGES.values():
            page = self.page(language=tag)
            for zone in ZONES:
                with self.subTest(zone=zone, language=tag):
                    offsets = data.offsets(zone)
                    self.hold(page, TIMES, [tag, zone, offsets], 1_300, "\u2013\u2013")

    def test_times_without_a_list(self):
        page = self.page()
        for zone in ZONES:
            with self.subTest(zone=zone):
                self.hold(page, TIMES, ["en-GB", zone, None], 1_300, "\u2013\u2013")

    def test_a_zone_that_nobody_knows_is_utc(self):
        told = self.page().evaluate("""async () => {
            const { useZone, zoneName } = await import("./console/times.js");
            const { full } = await import("./console/format.js");
            useZone("Nowhere/Land", undefined);
            const first = [zoneName(), full("2026-03-01T23:00:00Z")];
            // Known to the sensor alone: its list goes on backwards.
            useZone("Nowhere/Land", [[1700000000, 3600]]);
            return [...first, zoneName(), full("2026-03-01T23:30:00Z"), full("1999-12-31T23:30:00Z")];
        }""")
        self.assertEqual(told, ["UTC", "1 Mar 2026, 23:00:00 UTC", "Nowhere/Land",
                                "2 Mar 2026, 00:30:00 GMT+1", "1 Jan 2000, 00:30:00 GMT+1"])

    def test_every_country_has_a_name(self):
        for language, tag in LANGUAGES.items():
            nameless = self.page(language=tag).evaluate("""async () => {
                const { country } = await import("./console/format.js");
                const { countries } = await (await fetch("console/world.json")).json();
                return Object.keys(countries).filter((code) => country(code) === code);
            }""")
            self.assertEqual(nameless, [], language)


if __name__ == "__main__":
    unittest.main()

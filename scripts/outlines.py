"""Makes models/geo/outlines.bin: where the borders of countries run.

    npm pack world-atlas@2 && tar xzf world-atlas-2.*.tgz
    pip install pycountry
    python3 scripts/outlines.py package/countries-50m.json models/geo/outlines.bin

The input is Natural Earth's 1:50m map of countries (public domain,
https://www.naturalearthdata.com) as TopoJSON. Points of an outline closer than KEEP_KM to the
one kept before are left out, and gaps longer than FILL_KM are filled, so that the nearest point
of an outline is nearly as near as the outline.

The file is a row of countries: two letters of ISO 3166-1, the number of points as 16 bits, and
the points, each latitude and longitude in hundredths of a degree as signed 16 bits; all numbers
are little-endian.
"""

import json
import math
import struct
import sys

import pycountry

KEEP_KM = 15.0
FILL_KM = 40.0
EARTH_KM = 6371.0

# What the map draws and ISO has no number for.
BY_NAME = {"Kosovo": "XK", "N. Cyprus": "CY", "Somaliland": "SO", "Siachen Glacier": None,
           "Indian Ocean Ter.": None, "Ashmore and Cartier Is.": None}


def arcs_of(topology):
    """The arcs as lists of (longitude, latitude)."""
    (scale_x, scale_y), (x0, y0) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale_x + x0, y * scale_y + y0))
        yield points


def rings(geometry):
    if geometry["type"] == "Polygon":
        yield from geometry["arcs"]
    elif geometry["type"] == "MultiPolygon":
        for polygon in geometry["arcs"]:
            yield from polygon


def kilometres(a, b):
    """Great-circle distance (haversine)."""
    (lon_a, lat_a), (lon_b, lat_b) = a, b
    half_lat = math.radians(lat_b - lat_a) / 2
    half_lon = math.radians(lon_b - lon_a) / 2
    root = math.sin(half_lat) ** 2 + math.cos(math.radians(lat_a)) * math.cos(
        math.radians(lat_b)) * math.sin(half_lon) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, root)))


def thinned(points):
    """The points of a ring, none much nearer to the last than KEEP_KM, none farther than
    FILL_KM."""
    kept = []
    for point in points:
        if kept and kilometres(kept[-1], point) < KEEP_KM:
            continue
        if kept:
            start, distance = kept[-1], kilometres(kept[-1], point)
            # Of a ring that crosses the date line only the ends are kept.
            if abs(point[0] - start[0]) < 180:
                steps = int(distance // FILL_KM)
                for step in range(1, steps + 1):
                    share = step / (steps + 1)
                    kept.append((start[0] + share * (point[0] - start[0]),
                                 start[1] + share * (point[1] - start[1])))
        kept.append(point)
    return kept


def code_of(geometry):
    name = geometry["properties"]["name"]
    number = geometry.get("id")
    found = pycountry.countries.get(numeric=number) if number else None
    if found:
        return found.alpha_2
    if name not in BY_NAME:
        sys.exit(f"outlines: {name} ({number}) is in no list")
    return BY_NAME[name]


def main(source, target):
    with open(source, encoding="utf-8") as file:
        topology = json.load(file)
    arcs = list(arcs_of(topology))
    countries = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        code = code_of(geometry)
        if code is None:
            continue
        for ring in rings(geometry):
            points = []
            for arc in ring:
                points += arcs[arc] if arc >= 0 else reversed(arcs[~arc])
            countries.setdefault(code, set()).update(
                (round(lat * 100), round(lon * 100)) for lon, lat in thinned(points))
    with open(target, "wb") as file:
        for code, points in sorted(countries.items()):
            file.write(code.encode() + struct.pack("<H", len(points)))
            for point in sorted(points):
                file.write(struct.pack("<hh", *point))
    total = sum(map(len, countries.values()))
    print(f"{len(countries)} countries, {total} points")


if __name__ == "__main__":
    main(*sys.argv[1:])

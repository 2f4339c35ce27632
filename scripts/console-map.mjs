// Makes src/http/console/world.json: the countries of the console's map, projected.
//
//   npm install world-atlas@2 d3-geo@3 d3-geo-projection@4 topojson-client@3 topojson-server@3 \
//     topojson-simplify@3 polylabel@2 i18n-iso-countries@7
//   node scripts/console-map.mjs src/http/console/world.json
//
// The input is Natural Earth's 1:50m map of countries (public domain, naturalearthdata.com), as
// the package world-atlas has it. The projection is Equal Earth, which keeps areas, turned so
// that the cut runs through the Bering Strait and divides no country of size. Antarctica is left
// out. The pages project nothing but the site's own place, by the same formula; `check` holds
// points for a test of that.
//
// Of each country: `d`, an SVG path in units of 1/2000 of the width; `p`, the point that stands
// for it, the pole of inaccessibility of its largest part; and `s`, 1 where it is so small that
// it is drawn as a dot.

import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "package.json"));
// These packages lie below the folder from which the script is run.
const load = async (name) => {
  const folder = join(process.cwd(), "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json")));
  return import(pathToFileURL(join(folder, about.module ?? about.main)));
};
const { geoEqualEarth } = await load("d3-geo");
const { geoProject } = await load("d3-geo-projection");
const { feature } = await load("topojson-client");
const { topology } = await load("topojson-server");
const { presimplify, simplify } = await load("topojson-simplify");
const polylabel = (await load("polylabel")).default;
const iso = require("i18n-iso-countries");

const WIDTH = 2000;
const TURN = 11;
const SOUTH = -56.5;
// Triangles of less area (square units) are left out of outlines, and rings of less are no land.
const DETAIL = 0.9;
const RING_MIN = 3;
const DOT_BELOW = 60;

// What the map draws and ISO has no number for; null: drawn as land, of no country.
const BY_NAME = { "Kosovo": "XK", "N. Cyprus": "CY", "Somaliland": "SO", "Siachen Glacier": null,
  "Indian Ocean Ter.": null, "Ashmore and Cartier Is.": null };

function area(ring) {
  let sum = 0;
  for (let i = 0; i + 1 < ring.length; i += 1) {
    sum += ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
  }
  return Math.abs(sum / 2);
}

function polygons(geometry) {
  if (!geometry) return [];
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
}

// The ring as a path of whole numbers, each relative to the one before.
function path(ring) {
  let [x, y] = ring[0].map(Math.round);
  let text = `M${x} ${y}l`;
  let steps = 0;
  for (const point of ring.slice(1, -1)) {
    const [toX, toY] = point.map(Math.round);
    if (toX === x && toY === y) continue;
    const [dx, dy] = [toX - x, toY - y];
    text += `${steps === 0 || dx < 0 ? "" : " "}${dx}${dy < 0 ? "" : " "}${dy}`;
    [x, y] = [toX, toY];
    steps += 1;
  }
  return steps < 2 ? "" : `${text}z`;
}

function codeOf(properties, id) {
  const code = id && iso.numericToAlpha2(id);
  if (code) return code;
  if (!(properties.name in BY_NAME)) throw new Error(`${properties.name} (${id}) is in no list`);
  return BY_NAME[properties.name];
}

const atlas = JSON.parse(readFileSync(require.resolve("world-atlas/countries-50m.json")));
const countries = feature(atlas, atlas.objects.countries);
countries.features = countries.features.filter((one) => one.properties.name !== "Antarctica");

const projection = geoEqualEarth().rotate([-TURN, 0]).precision(0.1);
projection.fitWidth(WIDTH, { type: "Sphere" });
const top = projection([TURN, 83.7])[1];
const [left, before] = projection.translate();
projection.translate([left, before - top]);
const height = Math.ceil(projection([TURN, SOUTH])[1]);

const projected = geoProject(countries, projection);
const flat = simplify(presimplify(topology({ countries: projected })), DETAIL);
const rough = feature(flat, flat.objects.countries);

const found = new Map();
rough.features.forEach((one, index) => {
  const source = countries.features[index];
  const code = codeOf(source.properties, source.id) ?? "";
  const parts = polygons(one.geometry);
  const exact = polygons(projected.features[index].geometry);
  const entry = found.get(code) ?? { d: "", largest: 0, total: 0, p: null };
  for (const rings of exact) {
    const size = area(rings[0]);
    entry.total += size;
    if (size > entry.largest) {
      entry.largest = size;
      entry.p = polylabel(rings, 0.5).slice(0, 2).map(Math.round);
    }
  }
  for (const rings of parts) {
    if (area(rings[0]) < RING_MIN) continue;
    entry.d += rings.filter((ring, i) => i === 0 || area(ring) >= RING_MIN).map(path).join("");
  }
  found.set(code, entry);
});

// Territories that the map has not apart from the country that they are shown with.
const EXTRA = { GF: [4, -53], GP: [16.2, -61.5], MQ: [14.6, -61], RE: [-21.1, 55.5],
  YT: [-12.8, 45.2], GI: [36.1, -5.35], BQ: [12.2, -68.3], SJ: [78.5, 17], TV: [-8, 178],
  TK: [-9.2, -171.8], CX: [-10.5, 105.6], CC: [-12.2, 96.8] };
for (const [code, [latitude, longitude]] of Object.entries(EXTRA)) {
  if (found.has(code)) continue;
  found.set(code, { d: "", total: 0, p: projection([longitude, latitude]).map(Math.round) });
}

const world = { width: WIDTH, height, countries: {} };
world.projection = { turn: TURN, scale: projection.scale(), translate: projection.translate() };
const tenth = (value) => Math.round(value * 10) / 10;
world.check = [[39.9, 116.4], [-33.9, 151.2], [64.1, -21.9], [-54.8, -68.3], [66, -170]].map(
  ([latitude, longitude]) =>
    [latitude, longitude, ...projection([longitude, latitude]).map(tenth)]);
for (const [code, { d, p, total }] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
  if (code === "") {
    world.land = d;
    continue;
  }
  world.countries[code] = { p };
  if (d) world.countries[code].d = d;
  if (total < DOT_BELOW) world.countries[code].s = 1;
}
const lines = Object.entries(world.countries).map((pair) =>
  `${JSON.stringify(pair[0])}:${JSON.stringify(pair[1])}`);
const { countries: _, ...rest } = world;
const text = `${JSON.stringify(rest).slice(0, -1)},"countries":{\n${lines.join(",\n")}}}\n`;
writeFileSync(process.argv[2], text);
console.log(`${lines.length} countries, ${text.length} bytes, ${WIDTH} by ${height}`);

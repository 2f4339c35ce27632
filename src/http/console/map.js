// The map: arcs from home to where exports go, as wide as their bytes.

import { h, s } from "./dom.js";
import { t } from "./i18n.js";
import * as f from "./format.js";
import { standing } from "./parts.js";

const ARCS_MAX = 60;
const LABELS_MAX = 14;
const ZOOM_MAX = 6;

/** Equal Earth (Šavrič, Patterson and Jenny, 2018), turned as the shapes are. */
export function project([latitude, longitude], { turn, scale, translate }) {
  const [A1, A2, A3, A4] = [1.340264, -0.081106, 0.000893, 0.003796];
  const radians = Math.PI / 180;
  let away = longitude - turn;
  away -= 360 * Math.round(away / 360);
  const angle = Math.asin(Math.sqrt(3) / 2 * Math.sin(latitude * radians));
  const square = angle * angle;
  const sixth = square ** 3;
  const x = away * radians * Math.cos(angle)
    / (Math.sqrt(3) / 2 * (A1 + 3 * A2 * square + sixth * (7 * A3 + 9 * A4 * square)));
  const y = angle * (A1 + A2 * square + sixth * (A3 + A4 * square));
  return [translate[0] + scale * x, translate[1] - scale * y];
}

/** Where exports start: the site's own place, else the middle of its first jurisdiction. */
function homeOf(world, site) {
  if (Array.isArray(site.location)) return project(site.location, world.projection);
  return world.countries[site.jurisdictions[0]]?.p ?? null;
}

/** An arc that bends to the north, the more the longer it is. */
function arc([x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = Math.hypot(dx, dy);
  const side = dx >= 0 ? 1 : -1;
  const bend = 0.16 * length;
  const [cx, cy] = [(x1 + x2) / 2 + side * dy / (length || 1) * bend,
    (y1 + y2) / 2 - side * dx / (length || 1) * bend - length * 0.05];
  return `M${x1.toFixed(1)} ${y1.toFixed(1)}Q${cx.toFixed(1)} ${Math.max(cy, 6).toFixed(1)} ${
    x2.toFixed(1)} ${y2.toFixed(1)}`;
}

const kindOf = (row) => standing(row.bytes, row.expected_bytes, row.incidents_open);

const RANK = { extreme: 3, far: 2, above: 1 };

/** The map of a page. It is made once; `show` puts new bytes on it. */
export class WorldMap {
  constructor(world, site) {
    this.world = world;
    this.site = site;
    this.home = homeOf(world, site);
    this.rows = [];
    this.zoom = 1;
    this.middle = [world.width / 2, world.height / 2];
    this.width = 0;
    this.land = s("g", { class: "land" });
    this.flows = s("g", { class: "flows" });
    this.names = s("g", { class: "names" });
    this.shapes = new Map();
    this.svg = s("svg", { role: "img", class: "map-svg" }, this.land, this.flows, this.names);
    this.note = h("p", { class: "map-note", hidden: true });
    this.drawLand();
    this.element = h("div", { class: "map" }, this.svg, this.note, this.buttons());
    this.listen();
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (width < 50 || width === this.width) return;
      this.width = width;
      this.place();
    }).observe(this.element);
  }

  drawLand() {
    if (this.world.land) this.land.append(s("path", { d: this.world.land }));
    for (const [code, { d }] of Object.entries(this.world.countries)) {
      if (!d) continue;
      const shape = s("path", { d, "data-country": code,
        class: this.site.jurisdictions.includes(code) ? "home" : null });
      this.shapes.set(code, shape);
      this.land.append(shape);
    }
  }

  buttons() {
    const button = (label, text, act) => h("button", { type: "button", "aria-label": t(label),
      title: t(label), "data-key": label, on: { click: act } }, text);
    return h("div", { class: "map-buttons" },
      button("map.in", "+", () => this.setZoom(this.zoom * 1.6)),
      button("map.out", "\u2212", () => this.setZoom(this.zoom / 1.6)),
      button("map.whole", "\u21ba", () => this.setZoom(1)));
  }

  listen() {
    const over = (event) => {
      const code = event.target.closest?.("[data-country]")?.dataset.country;
      this.point(code && this.rows.some((row) => row.country === code) ? code : null);
    };
    this.svg.addEventListener("pointerover", over);
    this.svg.addEventListener("pointerleave", () => this.point(null));
    let from = null;
    this.svg.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX, y: event.clientY, middle: this.middle, isMoved: false };
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!from || this.zoom === 1 || event.buttons === 0) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (Math.hypot(dx, dy) > 4) from.isMoved = true;
      const unit = this.unit();
      this.middle = [from.middle[0] - dx * unit, from.middle[1] - dy * unit];
      this.place();
    });
    this.svg.addEventListener("click", (event) => {
      const code = event.target.closest?.("[data-country]")?.dataset.country;
      if (code && !from?.isMoved && this.rows.some((row) => row.country === code)) {
        location.hash = `#/jurisdictions/${code}`;
      }
      from = null;
    });
  }

  /** Units of the map in a pixel. */
  unit() {
    return this.world.width / this.zoom / (this.width || 800);
  }

  setZoom(zoom) {
    if (zoom > this.zoom && this.zoom === 1 && this.home) this.middle = [...this.home];
    this.zoom = Math.max(1, Math.min(ZOOM_MAX, zoom));
    this.place();
  }

  /** Says what of the map is seen, and draws what has a size in pixels. */
  place() {
    const { width, height } = this.world;
    const [w, tall] = [width / this.zoom, height / this.zoom];
    this.middle = [Math.max(w / 2, Math.min(width - w / 2, this.middle[0])),
      Math.max(tall / 2, Math.min(height - tall / 2, this.middle[1]))];
    this.svg.setAttribute("viewBox", [this.middle[0] - w / 2, this.middle[1] - tall / 2, w, tall]
      .map((value) => value.toFixed(1)).join(" "));
    this.svg.classList.toggle("is-near", this.zoom > 1);
    this.drawFlows();
  }

  show(rows, hours) {
    this.rows = rows;
    this.hours = hours;
    for (const [code, shape] of this.shapes) {
      const row = rows.find((one) => one.country === code);
      const kind = row ? `to is-${kindOf(row)}` : "";
      if (!this.site.jurisdictions.includes(code)) shape.setAttribute("class", kind);
    }
    const seen = rows.filter((row) => this.world.countries[row.country]).length;
    this.svg.setAttribute("aria-label", t("map.label", { n: seen }));
    this.drawFlows();
  }

  drawFlows() {
    if (!this.home || !this.width) return;
    const unit = this.unit();
    const known = this.rows.filter((row) => row.bytes > 0 && this.world.countries[row.country])
      .slice(0, ARCS_MAX);
    const most = Math.max(...known.map((row) => row.bytes), 1);
    const drawn = known.map((row) => ({ row, kind: kindOf(row),
      to: this.world.countries[row.country].p, wide: 0.9 + 5.6 * Math.sqrt(row.bytes / most) }));
    // The rare ones lie on top.
    drawn.sort((a, b) => (RANK[a.kind] ?? 0) - (RANK[b.kind] ?? 0) || b.row.bytes - a.row.bytes);
    this.flows.replaceChildren(...drawn.flatMap(({ row, kind, to, wide }) => {
      const d = arc(this.home, to);
      const line = s("path", { d, class: `arc is-${kind}`, "stroke-width": wide,
        "data-country": row.country });
      const pulse = row.incidents_open > 0 ? s("path", { d, class: `pulse is-${kind}`,
        "stroke-width": Math.max(1.3, wide * 0.42), "data-country": row.country }) : null;
      const end = s("circle", { cx: to[0], cy: to[1], r: (2 + wide * 0.35) * unit,
        class: `tip is-${kind}`, "data-country": row.country });
      return [line, pulse, end].filter(Boolean);
    }), s("circle", { cx: this.home[0], cy: this.home[1], r: 4.5 * unit, class: "home-ring" }),
    s("circle", { cx: this.home[0], cy: this.home[1], r: 2 * unit, class: "home-dot" }));
    this.drawNames(drawn, unit);
    this.point(this.pointed ?? null);
  }

  /** Names the ends of arcs, the rarest and largest first, where there is room. */
  drawNames(drawn, unit) {
    const size = this.width < 500 ? 10 : 11.5;
    const taken = [[this.home[0] - 10 * unit, this.home[1] - 8 * unit, 20 * unit, 16 * unit]];
    const inOrder = [...drawn].sort((a, b) => (RANK[b.kind] ?? 0) - (RANK[a.kind] ?? 0)
      || b.row.bytes - a.row.bytes);
    const texts = [];
    for (const { row, kind, to } of inOrder) {
      if (texts.length >= LABELS_MAX) break;
      const ratio = RANK[kind] ? ` ${f.times(row.bytes, row.expected_bytes)
        ?? t("standing.new")}` : "";
      const [wide, tall] = [(row.country.length * 0.72 + ratio.length * 0.62) * size * unit,
        size * 1.15 * unit];
      for (const [dx, dy] of [[7, 4], [-7, 4], [0, -8], [0, 17]]) {
        const anchor = dx > 0 ? "start" : dx < 0 ? "end" : "middle";
        const x = to[0] + dx * unit;
        const y = to[1] + dy * unit;
        const left = anchor === "start" ? x : anchor === "end" ? x - wide : x - wide / 2;
        // A name needs air around it to be read as one.
        const air = 3 * unit;
        const box = [left - air, y - tall - air, wide + 2 * air, tall + 2 * air];
        if (left < 0 || left + wide > this.world.width || y > this.world.height || y - tall < 0
          || taken.some((other) => overlap(box, other))) continue;
        taken.push(box);
        texts.push(s("text", { x, y, class: `is-${kind} at-${anchor}`, "font-size": size * unit,
          "stroke-width": 3 * unit, "data-country": row.country },
        s("tspan", {}, row.country), ratio ? s("tspan", { class: "ratio" }, ratio) : null));
        break;
      }
    }
    this.names.replaceChildren(...texts);
  }

  /** Lifts one country out, on the map and, through `onPoint`, in the table beside it. */
  point(code) {
    this.pointed = code;
    for (const element of this.svg.querySelectorAll("[data-country]")) {
      element.classList.toggle("is-pointed", element.dataset.country === code);
    }
    this.svg.classList.toggle("has-pointed", code !== null);
    const row = this.rows.find((one) => one.country === code);
    this.note.hidden = !row;
    if (row) {
      this.note.replaceChildren(h("b", {}, f.country(code)), ` ${f.bytes(row.bytes)}`,
        h("span", {}, ` / ${t("chart.expected")} ${f.bytes(row.expected_bytes)}`));
    }
    this.onPoint?.(code);
  }
}

function overlap([x1, y1, w1, h1], [x2, y2, w2, h2]) {
  return x1 < x2 + w2 && x2 < x1 + w1 && y1 < y2 + h2 && y2 < y1 + h1;
}

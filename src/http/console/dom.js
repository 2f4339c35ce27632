// Elements without HTML: what comes from the network only ever becomes a text node.

const SVG = "http://www.w3.org/2000/svg";

/** Characters of a name that are shown at most; the rest is counted. */
const NAME_CHARACTERS_MAX = 120;

// Both are loops over places, without lists in between: a first view makes up to two thousand
// elements with code that no compiler has been at yet, which is most of its time.

function add(element, children) {
  for (let i = 0; i < children.length; i += 1) {
    const child = children[i];
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) element.appendChild(child);
    else if (Array.isArray(child)) add(element, child);
    else element.append(child);
  }
}

function fill(element, properties, children) {
  for (const name in properties) {
    const value = properties[name];
    if (value === null || value === undefined || value === false) continue;
    if (name !== "on") element.setAttribute(name, value === true ? "" : value);
    else for (const event in value) element.addEventListener(event, value[event]);
  }
  add(element, children);
  return element;
}

/** An HTML element with attributes, listeners (`on`) and children. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same of SVG. */
export function s(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** What is shown as it is: most names are. */
const PLAIN = /^(?:[!-~]| (?! ))*$/;

/**
 * Text from the network as it may be shown: no character that steers direction, breaks lines or
 * is not seen goes through unnamed, marks do not pile up, and the length has a bound.
 */
export function clean(text, most = NAME_CHARACTERS_MAX) {
  const whole = String(text ?? "");
  if (whole.length <= most && PLAIN.test(whole)) return whole;
  const start = whole.slice(0, most * 4).replace(/\p{M}{4,}/gu,
    (run) => `${run.slice(0, 2)}\ufffd`);
  const named = start.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164]/gu,
    (one) => `\u2039${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u203a`);
  const characters = Array.from(named.replace(/\s+/gu, " "));
  const isCut = characters.length > most || whole.length > most * 4;
  return characters.slice(0, most).join("") + (isCut ? `\u2026 (${whole.length})` : "");
}

/** A name from the network, apart from the direction of the text around it. */
export function name(text, kind = "name") {
  return h("bdi", { class: kind, dir: "auto" }, clean(text));
}

/** An address or another name of machines. */
export function code(text) {
  return h("bdi", { class: "code", dir: "ltr" }, clean(text));
}

/** A sentence of the sensor, which holds names from the network. */
export function sentence(text, lang = "en") {
  return h("bdi", { class: "sentence", lang, dir: "ltr" }, clean(text, 1500));
}

/** A part of a path; half a surrogate pair is no reason to fail. */
export function segment(text) {
  return encodeURIComponent(String(text).toWellFormed?.() ?? text);
}

/**
 * Puts new children into a container. What had the focus and has a `data-key` gets it again, and
 * the page does not jump.
 */
export function replace(container, ...children) {
  const focused = container.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.key;
  const caret = focused?.selectionStart;
  container.replaceChildren(...children);
  if (!key) return;
  const again = container.querySelector(`[data-key="${CSS.escape(key)}"]`);
  again?.focus({ preventScroll: true });
  if (again?.setSelectionRange && caret !== null && caret !== undefined) {
    again.setSelectionRange(caret, caret);
  }
}

/** Whether somebody reads off the page just now, so that it should not change. */
export function isBusy(container) {
  const selection = document.getSelection();
  const isSelecting = selection && !selection.isCollapsed && container.contains(
    selection.anchorNode);
  return isSelecting || container.querySelector("[data-busy]") !== null
    || document.querySelector("dialog[open]") !== null;
}

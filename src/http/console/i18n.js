// Texts in the language of the reader.

import { clean } from "./dom.js";
import { written } from "./numbers.js";

const LOADERS = { en: () => import("./en.js"), zh: () => import("./zh.js") };
const KEY = "borderflow.language";

let language = "en";
let texts = {};

/** The languages there are. */
export const LANGUAGES = Object.keys(LOADERS);

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a preference, where the browser lets it. */
export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it lasts as long as the page.
  }
}

/** What was kept of a preference, or null. */
export const kept = stored;

/** Takes the language that was chosen here before, else the browser's, else English. */
export async function begin() {
  const wanted = [stored(KEY), ...navigator.languages].filter(Boolean);
  const found = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in LOADERS);
  await use(found ?? "en");
}

/** Speaks `wanted` from now on. */
async function use(wanted) {
  texts = (await LOADERS[wanted]()).default;
  language = wanted;
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
}

/** Speaks `wanted`, and the next time too. */
export async function choose(wanted) {
  await use(wanted);
  keep(KEY, language);
}

/** The language that is spoken. */
export const current = () => language;

/** Of a plural the form for `n`: English has one for 1, Chinese has none (Unicode CLDR). By hand,
 * as numbers are (numbers.js). */
function found(key, values) {
  const text = texts[key];
  if (typeof text !== "object") return text ?? key;
  return (language === "en" && Number(values.n) === 1 && text.one) || text.other;
}

/** A value within a text; numbers as the reader writes them. */
const shown = (value) => (typeof value === "number" ? written(value, { fraction: 3 })
  : String(value));

/** The text of a key; `{name}` in it is replaced. `n` chooses between one and many. */
export function t(key, values = {}) {
  const text = found(key, values);
  return !text.includes("{") ? text : text.replace(/\{(\w+)\}/g, (whole, name) =>
    (name in values ? shown(values.shown?.[name] ?? values[name]) : whole));
}

/** The same, where values are elements: a list of strings and elements. */
export function pieces(key, values) {
  return found(key, values).split(/(\{\w+\})/).map((part) => {
    const name = part.match(/^\{(\w+)\}$/)?.[1];
    return name && name in values ? values[name] : part;
  });
}

/** The text for a word of a closed set, else the word itself: a newer sensor may know more. */
export function word(set, value) {
  const key = `${set}.${value}`;
  return Object.hasOwn(texts, key) ? texts[key] : clean(value);
}

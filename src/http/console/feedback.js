// A person's word on an incident. The token is asked for once and kept in memory only.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, clean } from "./dom.js";
import { t, word } from "./i18n.js";
import { commands, state } from "./parts.js";

const VERDICTS = ["expected", "benign-once", "malicious"];

let token = null;

/** Asks for the token; null where the person thinks better of it. */
function ask(isWrong) {
  return new Promise((resolve) => {
    let given = null;
    const input = h("input", { type: "password", id: "token", autocomplete: "off",
      spellcheck: "false", required: true, maxlength: 512, "aria-describedby": "token-why" });
    const dialog = h("dialog", { "aria-labelledby": "token-title", on: { close: () => {
      dialog.remove();
      resolve(given);
    } } }, h("form", { on: { submit: (event) => {
      event.preventDefault();
      given = input.value;
      dialog.close();
    } } },
    h("h2", { id: "token-title" }, t("token.title")),
    isWrong ? h("p", { role: "alert" }, state("bad", t("token.wrong"))) : null,
    h("p", { id: "token-why" }, t("token.why")),
    h("label", { for: "token" }, t("token.label")), input,
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, t("token.go")),
      h("button", { type: "button", on: { click: () => dialog.close() } }, t("cancel")))));
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

/** Sends the word, and asks for the token as often as it is wrong. */
async function send(incident, verdict) {
  let isWrong = false;
  for (;;) {
    token ??= await ask(isWrong);
    if (!token) {
      token = null;
      return null;
    }
    try {
      return await api.giveFeedback(incident, verdict, token);
    } catch (error) {
      if (error.status !== 401) throw error;
      token = null;
      isWrong = true;
    }
  }
}

function refusal(error) {
  if (error.status === 0) return t("error.away");
  if (error.status === 403) return t("feedback.refused");
  return clean(error.message, 300) || t("error.answer");
}

/** The buttons, what each means, and what was said before. */
export function feedback(data, ctx) {
  const given = data.feedback ?? [];
  const answer = h("p", { class: "answer", role: "status" });
  if (ctx.memory.answer) answer.append(state("good", ctx.memory.answer));
  const say = async (verdict, button) => {
    const buttons = box.querySelectorAll("button");
    buttons.forEach((one) => { one.disabled = true; });
    try {
      const result = await send(data.incident, verdict);
      if (result) {
        ctx.memory.answer = `${t("feedback.taken", { n: result.number })} ${
          clean(result.text, 300)}`;
        answer.replaceChildren(state("good", ctx.memory.answer));
        ctx.reload();
      }
    } catch (error) {
      answer.replaceChildren(state("bad", refusal(error)));
    } finally {
      buttons.forEach((one) => { one.disabled = false; });
      button.focus();
    }
  };
  const buttons = VERDICTS.map((verdict) => {
    const button = h("button", { type: "button", "data-key": `say/${verdict}`,
      "aria-describedby": `means-${verdict}`, on: { click: () => say(verdict, button) } },
    word("feedback", verdict));
    return h("li", {}, button, h("span", { id: `means-${verdict}` }, t(`means.${verdict}`)));
  });
  const isOff = ctx.status.feedback === "off";
  const box = h("div", { class: "feedback" },
    isOff ? h("p", { class: "quiet" }, commands(t("feedback.off"))) : h("ul", {}, buttons), answer,
    given.length ? h("ul", { class: "given" }, given.map((one) => h("li", {},
      h("b", {}, word("feedback", one.verdict)), " ", h("time", { datetime: one.time },
        f.moment(one.time)), one.note ? [" ", h("bdi", {}, clean(one.note, 500))] : null)))
      : null);
  return box;
}

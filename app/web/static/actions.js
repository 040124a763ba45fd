// What people say of alerts and triggers: a form is sent as JSON to its address, and the answer, or why it was refused, is said
// beside it. The name is remembered in this browser alone.
"use strict";

(() => {
  const NAME = "gnomon.by";

  function remembered(value) {
    try {
      if (value === undefined) return localStorage.getItem(NAME) || "";
      localStorage.setItem(NAME, value);
    } catch {
      // a browser that keeps nothing: the name is typed again
    }
    return "";
  }

  // With authentication the service knows who writes, and whether they may.
  async function known(form) {
    try {
      const answer = await fetch("/api/v1/me", { headers: { Accept: "application/json" } });
      const me = answer.ok ? await answer.json() : {};
      if (me.authentication && me.name) Object.assign(form.elements.by, { value: me.name, readOnly: true });
      if (me.may_write === false) {
        form.querySelector("button").disabled = true;
        say(form.querySelector(".answer"), "You may look, and not write. Ask for the right to, or use the command.", true);
      }
    } catch {
      // said when the form is sent
    }
  }

  function body(form) {
    const said = { ...JSON.parse(form.dataset.body), by: form.elements.by.value.trim(), why: form.elements.why.value.trim() };
    if (form.elements.minutes) said.minutes = Number(form.elements.minutes.value);
    return said;
  }

  async function send(form) {
    const answer = form.querySelector(".answer");
    const button = form.querySelector("button");
    const said = JSON.stringify(body(form));
    if (form.saidBefore !== said) Object.assign(form, { saidBefore: said, idempotencyKey: identity() });
    const key = form.idempotencyKey; // a second try of the same is the same action
    button.disabled = true;
    say(answer, "Sending", false);
    try {
      const response = await fetch(form.dataset.url, {
        method: form.dataset.method,
        headers: { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": key },
        body: said,
      });
      if (response.ok) {
        remembered(form.elements.by.value.trim());
        form.saidBefore = null;
        say(answer, "Written. The page follows as soon as it is read.", false);
      } else say(answer, `Refused (${response.status}): ${await why(response)}`, true);
    } catch {
      say(answer, "Not sent: there is no connection. Try again.", true);
    }
    button.disabled = false;
  }

  // randomUUID is there on https and on this machine alone.
  function identity() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function why(response) {
    try {
      return (await response.json()).detail || response.statusText;
    } catch {
      return response.statusText || "no reason was given";
    }
  }

  function say(place, words, refused) {
    place.classList.toggle("refused", refused);
    place.textContent = words;
  }

  function prepare() {
    for (const form of document.querySelectorAll("form.action[hidden]")) {
      form.hidden = false;
      form.elements.by.value ||= remembered();
      known(form);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send(form);
      });
    }
  }

  document.addEventListener("gnomon:refreshed", prepare);
  prepare();
})();

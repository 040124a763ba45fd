// Keeps the page live: the event stream says that something changed, the page is fetched again, and what differs is taken
// over in place. Focus, scroll, selection and opened details stay. Without this script the page is the same, only still.
"use strict";

const AT_LEAST_MS = 500;
const WITHOUT_STREAM_MS = 10_000;
let busy = false;
let again = false;
let tag = null;

function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || from.id !== to.id) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (name !== "open" && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  const now = [...from.childNodes];
  const then = [...to.childNodes];
  then.forEach((node, i) => (i < now.length ? morph(now[i], node) : from.append(node)));
  now.slice(then.length).forEach((node) => node.remove());
}

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  again = false;
  try {
    const answer = await fetch("/", tag ? { headers: { "If-None-Match": tag } } : {});
    if (answer.status === 200) {
      tag = answer.headers.get("ETag");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      morph(document.getElementById("main"), page.getElementById("main"));
      document.title = page.title;
    }
    if (answer.status !== 200 && answer.status !== 304) say("stale", `Connected, but the page cannot be made: ${answer.status}`);
    else if (document.querySelector(".notice.stale")) say("stale", "Connected; what is shown is not complete or not new");
    else say("live", "Live");
  } catch {
    say("lost", lost());
  }
  setTimeout(() => {
    busy = false;
    if (again && !document.hidden) refresh();
  }, AT_LEAST_MS);
}

let since = null;
function lost() {
  since ??= new Date();
  return `No connection since ${since.toISOString().slice(11, 19)}; trying again`;
}

function say(state, words) {
  if (state !== "lost") since = null;
  const place = document.getElementById("live");
  const word = document.getElementById("live-word");
  if (place.dataset.state !== state) place.dataset.state = state;
  if (word.textContent !== words) word.textContent = words; // a live region speaks up when it changes, and only then
}

function follow() {
  say("connecting", "Connecting");
  const source = new EventSource("/api/v1/events?detail=revision");
  source.addEventListener("snapshot", refresh);
  source.addEventListener("update", refresh);
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setInterval(refresh, WITHOUT_STREAM_MS); // refused: too many clients
    else say("lost", lost());
  });
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && again) refresh();
});
follow();

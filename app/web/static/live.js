// Keeps the page live: the event stream says that something changed, the page is fetched again, and what differs is taken
// over in place (morph.js). A change of the headline is said aloud. Without this script the page is the same, only still.
"use strict";

(() => {
  const AT_LEAST_MS = 1_000;
  const WITHOUT_STREAM_MS = 10_000;
  let busy = false;
  let again = false;
  let tag = null;
  let since = null;

  async function refresh() {
    if (busy || document.hidden) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      await take(await fetch(location.pathname + location.search, headers()));
    } catch {
      say("lost", lost());
    }
    setTimeout(() => {
      busy = false;
      if (again) refresh();
    }, AT_LEAST_MS);
  }

  function headers() {
    const wanted = { Accept: "text/html" };
    if (tag) wanted["If-None-Match"] = tag;
    return { headers: wanted };
  }

  async function take(answer) {
    if (answer.status === 200) {
      tag = answer.headers.get("ETag");
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
    if (answer.status !== 200 && answer.status !== 304) {
      say("stale", `Connected, but this page is answered with ${answer.status}; reload to see why`);
    } else if (document.querySelector(".notice.stale")) say("stale", "Connected; what is shown is not complete or not new");
    else say("live", "Live");
  }

  function show(page) {
    const main = document.getElementById("main");
    const before = main.dataset.headline;
    const focused = document.activeElement;
    gnomon.morph(main, page.getElementById("main"));
    gnomon.morph(document.querySelector("header nav"), page.querySelector("header nav"));
    document.title = page.title;
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    if (main.dataset.headline !== before) document.getElementById("announce").textContent = main.dataset.headline;
    document.dispatchEvent(new CustomEvent("gnomon:refreshed"));
  }

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
})();

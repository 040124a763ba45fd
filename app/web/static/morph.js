// Takes over into a page what differs in a newer rendering of it, in place. Elements are the same by id or data-key, else by
// their position. Focus, selection, typed text and opened details stay; what a script has made its own (data-kept) is left alone.
"use strict";

const gnomon = {};

gnomon.morph = (from, to) => {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  attributes(from, to);
  if (!from.hasAttribute("data-kept")) children(from, to);
};

// What the browser, or a script, says of an element and the server never does: it stays.
const OURS = new Set(["open", "data-kept", "data-drawn", "data-settled", "hidden"]);

function attributes(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !OURS.has(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (!OURS.has(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key || "" : "");

function children(from, to) {
  const wanted = [...to.childNodes];
  const wantedKeys = new Set(wanted.map(keyOf));
  for (const node of [...from.childNodes]) {
    if (keyOf(node) && !wantedKeys.has(keyOf(node))) node.remove();
  }
  const known = new Map([...from.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let at = from.firstChild;
  for (const node of wanted) {
    const key = keyOf(node);
    const same = key ? known.get(key) : at && !keyOf(at) ? at : null;
    if (!same) {
      from.insertBefore(node, at);
    } else {
      if (same === at) at = at.nextSibling;
      else from.insertBefore(same, at);
      gnomon.morph(same, node);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

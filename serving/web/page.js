"use strict";
const at = id => document.getElementById(id);
const guest = "guest-" + Math.random().toString(36).slice(2, 10);
const ACTS = [["view", "click"], ["add to cart", "cart"], ["buy", "purchase"]];
let user = guest, slate = null;

function make(tag, className, ...inside) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...inside);
  return node;
}

function button(name, act, className) {
  const node = make("button", className, name);
  node.type = "button";
  node.onclick = () => Promise.resolve(act()).catch(tell);
  return node;
}

const tell = error => { at("note").textContent = error.message; };

async function ask(path, body) {
  const options = body ? {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)} : {};
  const response = await fetch(path, options), found = await response.json();
  if (!response.ok) throw new Error(found.detail);
  return found;
}

function picture(item) {
  const letter = () => make("div", "picture", ((item.category || []).at(-1) || item.title || item.item_id)[0].toUpperCase());
  if (!item.image_uri) return letter();
  const image = make("img", "picture");
  image.alt = "";
  image.onerror = () => image.replaceWith(letter());
  image.src = /^https:/.test(item.image_uri) ? item.image_uri : "/images/" + item.image_uri.split("/").map(encodeURIComponent).join("/");
  return image;
}

const name = item => item.title || item.item_id;

function facts(item) {
  const price = item.price == null ? "" : item.price.toFixed(2);
  return make("div", "line", make("span", "price", price), make("span", "soft", (item.category || []).at(-1) || ""));
}

function acts(item) {
  return make("div", "acts", ...ACTS.map(([label, type]) => button(label, () => post(item, type))));
}

function card(item, {withActs = false, fresh = false} = {}) {
  const text = make("div", "text", make("div", "title", name(item)), facts(item));
  if (withActs) text.append(make("div", "soft", item.reason));
  const box = make("div", fresh ? "card fresh" : "card", button("", () => detail(item), "open"));
  box.firstChild.append(picture(item), text);
  if (withActs) box.append(acts(item));
  return box;
}

async function show() {
  const before = new Set(slate ? slate.items.map(item => item.item_id) : []);
  const [history, found] = await Promise.all([
    ask(`/v1/users/${encodeURIComponent(user)}/history`), ask("/v1/recommendations", {user_id: user})]);
  slate = found;
  at("past").hidden = !history.items.length;
  at("history").replaceChildren(...history.items.map(item => card(item)));
  const whom = user === guest ? "you" : user;
  at("slate-head").textContent = slate.source === "popular" ? "Popular right now" : `Recommended for ${whom}`;
  const isNew = item => before.size > 0 && !before.has(item.item_id);
  at("slate").replaceChildren(...slate.items.map(item => card(item, {withActs: true, fresh: isNew(item)})));
  at("told").textContent = `request_id ${slate.request_id} · release_id ${slate.release_id} · source ${slate.source} · path ${slate.path}`;
  return slate.items.filter(isNew).length;
}

async function post(item, type) {
  const place = slate.items.findIndex(other => other.item_id === item.item_id);
  const shown = place < 0 ? {} : {request_id: slate.request_id, release_id: slate.release_id, position: place + 1};
  await ask("/v1/events", {user_id: user, item_id: item.item_id, event_type: type, ...shown});
  const came = await show();
  const gone = place < 0 ? "noted" : "taken out of the slate";
  at("note").textContent = `${type} on “${name(item)}”: ${gone}; ${came} of ${slate.items.length} recommendations are new (framed).`;
}

async function detail(item) {
  const found = await ask(`/v1/items/${encodeURIComponent(item.item_id)}/similar?k=6`);
  at("detail").replaceChildren(
    button("close", () => { at("detail").hidden = true; }, "close"), picture(item), make("h2", "", name(item)), facts(item),
    make("div", "soft", `${item.item_id} · ${(item.category || []).join(" / ")}`), acts(item),
    make("h2", "", "Similar"), make("div", "grid", ...found.items.map(other => card(other))));
  at("detail").hidden = false;
  at("detail").scrollTop = 0;
}

async function become(id) {
  user = id;
  slate = null;
  at("user").value = id === guest ? "" : id;
  at("detail").hidden = true;
  at("note").textContent = "";
  history.replaceState(null, "", id === guest ? "/" : "/?user=" + encodeURIComponent(id));
  await show();
}

async function chips() {
  const found = await ask("/v1/users?limit=8");
  if (found.user_ids.length) at("chips").replaceChildren("try ", ...found.user_ids.map(id => button(id, () => become(id))));
}

at("who").onsubmit = event => { event.preventDefault(); become(at("user").value).catch(tell); };
become(new URLSearchParams(location.search).get("user") || guest).catch(tell);
chips().catch(() => {});  // users are listed only by --show-users

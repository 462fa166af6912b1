/* Acts that a party signs with its own key. The key lies in this browser, cannot be read out of it, and never leaves it;
   what is signed is exactly the text that the dialog shows. */
"use strict";

const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
const utf8 = (words) => new TextEncoder().encode(words);

/* RFC 8785: JSON as JavaScript writes it, names in the order of their UTF-16 units, which is how sort() goes. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((n) => `${JSON.stringify(n)}:${canonical(value[n])}`).join(",")}}`;
}
const digestOf = async (value) => hex(await crypto.subtle.digest("SHA-256", utf8(canonical(value))));

/* What is kept here: keys by account, and sealed verdicts until they are opened. */
function kept(store, how, run) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("huizhen", 1);
    opening.onupgradeneeded = () => { for (const name of ["keys", "verdicts"]) opening.result.createObjectStore(name); };
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const change = opening.result.transaction(store, how);
      const asked = run(change.objectStore(store));
      change.oncomplete = () => { opening.result.close(); resolve(asked.result); };
      change.onerror = () => reject(change.error);
    };
  });
}
const find = (store, name) => kept(store, "readonly", (s) => s.get(name));
const keep = (store, name, value) => kept(store, "readwrite", (s) => s.put(value, name));
const drop = (store, name) => kept(store, "readwrite", (s) => s.delete(name));

async function makeKey() {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  return { key: pair.privateKey, shown: hex(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

/* A key file as `huizhen party key` writes it (PEM, PKCS #8). It is read here and sent nowhere. */
async function readKey(pem) {
  const inside = pem.match(/-----BEGIN PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END PRIVATE KEY-----/);
  const der = bytes(inside[1].replace(/\s/g, ""));
  const open = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", open);
  return { key: await crypto.subtle.importKey("pkcs8", der, "Ed25519", false, ["sign"]), shown: hex(bytes(x).buffer) };
}

/* -- the account's page: which key is here */

for (const part of document.querySelectorAll("[data-keys]")) {
  const login = part.dataset.keys, said = part.querySelector("[data-said]");
  const show = async () => {
    const here = await find("keys", login);
    part.querySelector("[data-here]").hidden = !here;
    part.querySelector("[data-none]").hidden = Boolean(here);
    part.querySelector("[data-shown]").textContent = here ? here.shown : "";
    const known = part.dataset.registered;
    for (const each of part.querySelectorAll("[data-match]")) {
      each.hidden = !here || each.dataset.match !== (here.shown === known ? "same" : known ? "other" : "unknown");
    }
  };
  const go = (what) => async () => {
    said.hidden = true;
    try { await what(); await show(); } catch { said.hidden = false; }
  };
  part.querySelector("[data-make]").addEventListener("click", go(async () => keep("keys", login, await makeKey())));
  part.querySelector("[data-drop]").addEventListener("click", go(() => drop("keys", login)));
  const file = part.querySelector("[data-file]");
  file.addEventListener("change", go(async () => { await keep("keys", login, await readKey(await file.files[0].text())); file.value = ""; }));
  show();
}

/* -- forms that are signed */

const dialog = document.getElementById("act");
const word = (name) => dialog.dataset[name];

/* Show a document, and resolve to the signature over it once the person has agreed; to null where they have not. */
function agreed(document_, domain, key) {
  const shown = dialog.querySelector("[data-document]");
  shown.textContent = JSON.stringify(document_, null, 2);
  return new Promise((resolve) => {
    dialog.onclose = async () => {
      if (dialog.returnValue !== "sign") return resolve(null);
      const seen = JSON.parse(shown.textContent);
      resolve({ document: seen, signature: hex(await crypto.subtle.sign("Ed25519", key, utf8(domain + canonical(seen)))) });
    };
    dialog.returnValue = "";
    dialog.showModal();
  });
}

/* A verdict that nobody can read before it is opened: it stays here, and a commitment to it goes out. */
async function sealed(act, body) {
  const content = JSON.parse(document.querySelector("[data-content]").textContent);
  if ((await digestOf(content)) !== body.release) throw new Error(word("other"));
  const opened = { ...body, salt: hex(crypto.getRandomValues(new Uint8Array(32))) };
  const { region, subject, by, key } = act.document;
  const commitment = await digestOf([act.domain, region, subject, by, key, opened]);
  return { opened, body: { release: body.release, commitment } };
}

/* The body of a paper from the fields of its form; of a verdict that is opened, what was kept here. */
async function filled(act, form) {
  const fields = [...new FormData(form)].filter(([name, value]) => name.startsWith("body.") && value !== "");
  const body = Object.fromEntries(fields.map(([name, value]) => [name.slice(5), value]));
  if (act.document.kind === "review-sealed") return sealed(act, body);
  if (act.document.kind !== "review-opened") return { body };
  const opened = await find("verdicts", `${act.login} ${act.document.subject}`);
  if (!opened) throw new Error(word("elsewhere"));
  return { body: opened };
}

async function sign(form) {
  const act = JSON.parse(form.dataset.act);
  const mine = await find("keys", act.login);
  if (!mine) throw new Error(word("nokey"));
  if (act.registered !== mine.shown) throw new Error(word(act.registered ? "otherkey" : "unknownkey"));
  let opened = null;
  if (act.to === "/acts/papers") {
    const subject = act.document.subject || form.elements.namedItem("subject").value;
    act.document = { ...act.document, subject, key: mine.shown };
    const made = await filled(act, form);
    act.document.body = made.body;
    opened = made.opened;
  }
  const answer = await agreed(act.document, act.domain, mine.key);
  if (!answer) return;
  const name = `${act.login} ${act.document.subject}`;
  if (opened) await keep("verdicts", name, opened);
  await send(`/console${act.to}`, { key: form.elements.namedItem("key").value, ...act.send, ...answer });
  if (act.document.kind === "review-opened") await drop("verdicts", name);
  location.reload();
}

for (const form of document.querySelectorAll("form[data-act]")) {
  const said = form.querySelector("[data-said]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.hidden = true;
    try { await sign(form); } catch (problem) { said.textContent = problem.message; said.hidden = false; }
  });
}

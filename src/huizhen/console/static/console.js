/* What a page does by itself: passkeys, feedback while a form is filled in, progress. All else works without it. */
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function send(path, body) {
  const heard = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!heard.ok) {
    const page = new DOMParser().parseFromString(await heard.text(), "text/html");
    throw new Error(page.querySelector(".wrong")?.textContent ?? heard.statusText);
  }
  return heard.json();
}

/* A credential as JSON, the way the hub reads it (WebAuthn level 3, 5.1: RegistrationResponseJSON and its like). */
function told(credential) {
  const said = { clientDataJSON: text(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) said[name] = text(credential.response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: said };
}

async function signIn(button) {
  const root = "/console/sign-in";
  const asked = await send(`${root}/passkey/options`, {});
  const allowed = asked.allowCredentials ?? [];
  const publicKey = { ...asked, challenge: bytes(asked.challenge), allowCredentials: allowed.map((c) => ({ ...c, id: bytes(c.id) })) };
  const found = await navigator.credentials.get({ publicKey });
  return send(`${root}/passkey?to=${encodeURIComponent(button.dataset.to)}`, told(found));
}

async function add(button) {
  const root = "/console/account/passkeys";
  const key = button.dataset.key;
  const asked = await send(`${root}/options`, { key });
  const known = (asked.excludeCredentials ?? []).map((c) => ({ ...c, id: bytes(c.id) }));
  const user = { ...asked.user, id: bytes(asked.user.id) };
  const publicKey = { ...asked, challenge: bytes(asked.challenge), user, excludeCredentials: known };
  const made = await navigator.credentials.create({ publicKey });
  const label = document.getElementById("label").value;
  return send(`${root}?label=${encodeURIComponent(label)}`, { ...told(made), key });
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  const said = document.querySelector("[data-said]");
  button.addEventListener("click", async () => {
    said.hidden = true;
    button.disabled = true;
    try {
      const answer = await (button.dataset.passkey === "add" ? add : signIn)(button);
      location.assign(answer.to);
    } catch (problem) {
      said.textContent = problem.message;
      said.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
}

/* The secret of a sign-in link, which is not left in the address. */
for (const field of document.querySelectorAll("[data-from-link]")) {
  if (location.hash.length > 1) field.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}

/* Hints that belong to what is chosen. */
for (const hint of document.querySelectorAll("[data-for]")) {
  const chosen = document.getElementById(hint.dataset.for);
  const show = () => { hint.hidden = chosen.value !== hint.dataset.is; };
  chosen.addEventListener("change", show);
  show();
}

/* What would be decided, half a second after the last key. A field called "dataset" hides form.dataset. */
for (const form of document.querySelectorAll("[data-live]")) {
  const into = document.getElementById(form.getAttribute("data-into"));
  let waiting, asked = 0;
  const ask = async () => {
    const number = ++asked;
    const heard = await fetch(form.getAttribute("data-live"), { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (heard.ok && number === asked) into.innerHTML = await heard.text();
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 500); });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.formAction.endsWith("/check")) { event.preventDefault(); ask(); }
  });
}

/* Progress, once a second, until the study has ended. */
const LONGEST = 20 * 60;
/* Who has gone away is not kept signed in by an open page. */
async function follow(part, asked = 0) {
  if (asked > LONGEST) return;
  const list = part.querySelector("[data-poll]");
  if (!list) return location.reload();
  const heard = await fetch(list.dataset.poll);
  if (heard.ok) part.innerHTML = await heard.text();
  setTimeout(follow, 1000, part, asked + 1);
}
for (const part of document.querySelectorAll("[data-live-part]")) setTimeout(follow, 1000, part);

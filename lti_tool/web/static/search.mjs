// Forms that answer while one types or chooses: the part of the page that they are about is fetched and
// replaced, the field keeps the focus, the address keeps up, and the result is said politely.
// Without this module the same forms and links are ordinary ones.

import { askForJson } from "./session.mjs";

const WHILE_TYPING = 150;

export function watchForm(form, go, signal) {
  const place = document.getElementById(form.dataset.into);
  let asked = 0;
  let timer;

  async function fetchPart(query, after) {
    const mine = ++asked;
    place.setAttribute("aria-busy", "true");
    const answer = await askForJson(`${form.dataset.live}?${query}`, { signal });
    if (mine !== asked || signal.aborted) return;
    place.removeAttribute("aria-busy");
    if (!answer) return go(`${form.action.split(/[?#]/)[0]}?${query}`);
    place.innerHTML = answer.html;
    keepAddress(query);
    document.getElementById("announcer").textContent = answer.says;
    after?.();
  }

  // Other forms of the page have their own part of the address; it stays.
  function keepAddress(query) {
    const url = new URL(location.href);
    for (const name of form.dataset.params.split(" ")) url.searchParams.delete(name);
    for (const [name, value] of new URLSearchParams(query)) url.searchParams.set(name, value);
    history.replaceState(null, "", url);
  }

  const ofForm = () => new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== "")).toString();

  form.addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => fetchPart(ofForm()), event.target.type === "search" ? WHILE_TYPING : 0);
  }, { signal });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    fetchPart(ofForm());
  }, { signal });

  place.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-live-link]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    clearTimeout(timer);
    const query = new URL(link.href).searchParams;
    for (const field of form.elements) if (field.name && field.type !== "hidden") field.value = query.get(field.name) ?? "";
    const { id, dataset: { to } } = link;
    fetchPart(query.toString(), () => focusAfter(id, to));
  }, { signal });

  function focusAfter(id, to) {
    const target = (id && document.getElementById(id)) || place.querySelector("[data-after-choice]") || document.getElementById(to ?? "") || form.querySelector("input, select");
    if (!target.matches("a, input, select, button")) target.tabIndex = -1;
    target.focus();
  }
}

// Shows the tool's pages inside Canvas's frame: fetches an address with the session's token, puts its <main>
// in place, and does the same for every link and form. Reloading the frame keeps the session and the page.

import * as canvas from "./canvas.mjs";
import "./copy.mjs";
import { ask, token } from "./session.mjs";
import { bringToLife, putToRest } from "./live.mjs";

let shown = new URL(location.href);
let visits = 0;
// The host of the Canvas around this frame stays in the address, so that a reloaded document may be framed by it.
const around = shown.searchParams.get("in");

const main = () => document.querySelector("main");
const inScope = (url) => url.origin === location.origin && url.pathname.startsWith("/app/");
const phrase = (name) => document.getElementById("phrases").content.querySelector(`[data-phrase="${name}"]`);

/** Fetch an address (or send a form to it) and show what comes back. */
export async function go(address, { body = null, push = true, top = true } = {}) {
  const url = new URL(address, location.href);
  const visit = ++visits;
  if (!token()) return showPhrase("no-session");
  const done = busy();
  try {
    const answer = await ask(url, { method: body ? "POST" : "GET", body });
    if (visit !== visits) return;
    const kind = answer.headers.get("Content-Type") ?? "";
    if (kind.startsWith("application/json")) {
      const { location: next, post } = await answer.json();
      if (visit === visits) await go(next, { body: post ? new FormData() : null, push: push && (body !== null || url.href !== location.href), top });
    } else if (kind.startsWith("text/html")) {
      const html = await answer.text();
      if (visit === visits) show(html, url, { push: push && body === null, top });
    } else {
      await save(answer);
    }
  } catch {
    if (visit === visits) showPhrase("unreachable");
  } finally {
    done();
  }
}

function show(html, url, { push, top }) {
  const page = new DOMParser().parseFromString(html, "text/html");
  putToRest();
  document.title = page.title;
  for (const name of ["lang", "dir", "data-contrast"]) {
    const value = page.documentElement.getAttribute(name);
    if (value === null) document.documentElement.removeAttribute(name);
    else document.documentElement.setAttribute(name, value);
  }
  wear(page.documentElement.dataset.brand);
  document.querySelector("header").replaceWith(document.adoptNode(page.querySelector("header")));
  main().replaceWith(document.adoptNode(page.querySelector("main")));
  if (around) url.searchParams.set("in", around);
  if (push && url.href !== location.href) history.pushState(null, "", url);
  shown = new URL(location.href);
  canvas.meet(main());
  canvas.fit();
  settle(url, top);
  bringToLife(main(), go);
}

/** Put on the colours of this Canvas; the sheet holds only those that can be read. */
function wear(sheet) {
  const worn = document.getElementById("brand");
  if (!sheet || worn?.getAttribute("href") === sheet) return;
  const link = Object.assign(document.createElement("link"), { id: "brand", rel: "stylesheet", href: sheet });
  if (worn) worn.replaceWith(link);
  else document.head.append(link);
}

function settle(url, top) {
  const named = url.hash ? document.getElementById(url.hash.slice(1)) : null;
  const target = main().querySelector("[data-takes-focus]") ?? named ?? main().querySelector("h1");
  if (target) {
    target.tabIndex = target.tabIndex < 0 ? -1 : target.tabIndex;
    target.focus({ preventScroll: target !== named });
  }
  if (top && target !== named) {
    window.scrollTo(0, 0);
    canvas.scrollToTop();
  }
}

function showPhrase(name) {
  putToRest();
  main().replaceChildren(phrase(name).cloneNode(true));
  const heading = main().querySelector("h1");
  heading.tabIndex = -1;
  heading.focus();
  document.title = heading.textContent;
  canvas.fit();
}

/** Say that something is under way when it takes longer than a moment, with the seconds it took so far. */
function busy() {
  const status = document.getElementById("status");
  const began = Date.now();
  const words = phrase("busy").textContent.trim();
  main().setAttribute("aria-busy", "true");
  const clock = setInterval(() => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    status.hidden = false;
    status.querySelector("[data-words]").textContent = words;
    status.querySelector("[data-seconds]").textContent = seconds > 2 ? `${seconds} s` : "";
  }, 400);
  return () => {
    clearInterval(clock);
    status.hidden = true;
    status.querySelector("[data-words]").textContent = "";
    main().removeAttribute("aria-busy");
  };
}

async function save(answer) {
  const named = /filename="([^"]*)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = named ? named[1] : "download";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const url = new URL(link.href, location.href);
  const sameDocument = url.hash && url.pathname === location.pathname && url.search === location.search;
  if (link.target === "_blank" || sameDocument || !inScope(url)) return;
  event.preventDefault();
  go(url, { top: !url.hash });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const url = new URL(event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", location.href);
  if (event.defaultPrevented || !inScope(url)) return;
  event.preventDefault();
  if (main().getAttribute("aria-busy") === "true") return;
  const fields = new FormData(form, event.submitter);
  if (form.method === "post") {
    go(url, { body: fields });
  } else {
    const filled = [...fields].filter(([, value]) => value !== "");
    url.search = new URLSearchParams(filled).toString();
    go(url, { top: !url.hash });
  }
});

window.addEventListener("popstate", () => {
  const before = shown;
  shown = new URL(location.href);
  if (before.pathname !== shown.pathname || before.search !== shown.search) go(shown, { push: false });
});

go(location.href, { push: false });

// Between the platform's login request and its authorisation: is there a place that keeps our mark, and one
// for the session afterwards?

import { put } from "./storage.mjs";

const login = document.getElementById("login").dataset;

async function cookieKept() {
  try {
    const answer = await fetch(login.cookieCheck, { credentials: "include" });
    return (await answer.json()).kept;
  } catch {
    return false;
  }
}

const storageKept = () => (login.storage ? put(login.storage, login.platform, login.label, login.binding) : false);

/** A browser that refuses this frame any data throws at the mere mention of it. */
function sessionCanBeKept() {
  try {
    sessionStorage.setItem("peer-allocator-probe", "1");
    sessionStorage.removeItem("peer-allocator-probe");
    return true;
  } catch {
    return false;
  }
}

// The cookie is asked first because it answers at once; the storage is filled only where it is needed.
if (sessionCanBeKept() && ((await cookieKept()) || (await storageKept()))) {
  location.replace(login.next);
} else {
  document.getElementById("opening").hidden = true;
  const offer = document.querySelector(`[data-offer="${window.top === window ? "allow" : "own-window"}"]`);
  offer.hidden = false;
  offer.querySelector("h1").focus();
}

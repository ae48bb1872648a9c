// Between the platform's login request and its authorisation: is there a place that keeps our mark?

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

// The cookie is asked first because it answers at once; the storage is filled only where it is needed.
if ((await cookieKept()) || (await storageKept())) {
  location.replace(login.next);
} else {
  document.getElementById("opening").hidden = true;
  const offer = document.getElementById("own-window");
  offer.hidden = false;
  offer.querySelector("h1").focus();
}

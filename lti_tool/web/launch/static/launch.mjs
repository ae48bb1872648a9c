// After the platform posted the launch: exchange the one-time code, and the binding where the cookie did not
// come, for the session of this frame.

import { take } from "./storage.mjs";

const launch = document.getElementById("launch").dataset;

function fail(answer) {
  document.getElementById("opening").hidden = true;
  const place = document.getElementById("failed");
  if (answer?.title) {
    place.querySelector("h1").textContent = answer.title;
    place.querySelector("[data-happened]").textContent = answer.happened;
    place.querySelector("[data-to-do]").textContent = answer.to_do;
    place.querySelector("[data-reference]").textContent = answer.reference;
    place.querySelector(".reference").hidden = false;
  }
  place.hidden = false;
  place.querySelector("h1").focus();
}

function refuseStorage() {
  const place = document.getElementById("failed");
  place.querySelectorAll("[data-happened], [data-to-do]").forEach((words) => (words.hidden = true));
  place.querySelector("[data-no-storage]").hidden = false;
  fail(null);
}

async function open() {
  const binding = launch.proven || !launch.storage ? null : await take(launch.storage, launch.platform, launch.label);
  const answer = await fetch(launch.exchange, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ code: launch.code, binding }),
    credentials: "omit",
  });
  const said = await answer.json();
  if (!answer.ok) return fail(said);
  try {
    sessionStorage.setItem("peer-allocator-session", said.token);
  } catch {
    return refuseStorage();
  }
  location.replace(said.location);
}

open().catch(() => fail(null));

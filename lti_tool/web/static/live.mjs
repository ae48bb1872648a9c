// The parts of a page that change while one looks: feasibility as rules change, drift, progress, connecting.
// Each is found by a data attribute; putToRest ends them all before another page comes.

import * as canvas from "./canvas.mjs";
import { pause, sayQuarter, watchReading } from "./reading.mjs";
import { watchForm } from "./search.mjs";
import { askForJson } from "./session.mjs";

let resting = new AbortController();

export function putToRest() {
  resting.abort();
  resting = new AbortController();
}

export function bringToLife(main, go) {
  const signal = resting.signal;
  for (const form of main.querySelectorAll("form[data-feasibility]")) watchRules(form, signal);
  for (const place of main.querySelectorAll("[data-load]")) load(place, signal);
  for (const form of main.querySelectorAll("form[data-live]")) watchForm(form, go, signal);
  for (const place of main.querySelectorAll("[data-reading]")) watchReading(place, go, signal);
  for (const place of main.querySelectorAll("[data-progress]")) watchRun(place, go, signal);
  for (const form of main.querySelectorAll("form[data-connect]")) connect(form, go, signal);
  for (const place of main.querySelectorAll("[data-again]")) askAgain(place, go, signal);
}

function watchRules(form, signal) {
  const place = form.querySelector("[data-answer]");
  let asked = 0;
  let timer;
  const check = async () => {
    const mine = ++asked;
    const answer = await askForJson(form.dataset.feasibility, { method: "POST", body: new FormData(form), signal });
    if (answer && mine === asked && !signal.aborted) place.innerHTML = answer.html;
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(check, 250); }, { signal });
}

/** A page that waits for its turn at a slow Canvas. */
async function askAgain(place, go, signal) {
  await pause(1_000 * Number(place.dataset.again), signal);
  if (!signal.aborted) go(location.href, { push: false });
}

async function load(place, signal) {
  let answer;
  do {
    answer = await askForJson(place.dataset.load, { signal });
    if (!answer || signal.aborted) return;
    place.innerHTML = answer.html;
    if (answer.again) await pause(1_000, signal);
  } while (answer.again && !signal.aborted);
}

async function watchRun(place, go, signal) {
  const { progress, shown } = place.dataset;
  const paused = shown === "paused";
  let quarter = sayQuarter(0, { ...place.dataset, quietly: true });
  while (!signal.aborted) {
    await pause(document.hidden ? 10_000 : paused ? 3_000 : 1_000, signal);
    const answer = signal.aborted ? null : await askForJson(progress, { signal });
    if (signal.aborted || !answer) continue;
    if (answer.shown !== shown) {
      if (answer.shown === "going") canvas.readAloud(answer.says);
      else canvas.showAlert(answer.says, answer.good ? "success" : "warning");
      return go(location.href, { push: false });
    }
    place.innerHTML = answer.html;
    quarter = sayQuarter(quarter, answer);
  }
}

// The window must be opened by the click itself, or the browser takes it for an unwanted one; it goes to
// Canvas when the ticket has come.
function connect(form, go, signal) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const popup = window.open("/connect/opening", "connect-to-canvas", "popup,width=640,height=760");
    const ticket = await askForJson(form.action, { method: "POST", body: new FormData(form), signal });
    if (signal.aborted) return;
    form.querySelector("[data-waiting]").hidden = false;
    if (popup && ticket) popup.location.replace(ticket.window);
    else if (popup) popup.close();
    const link = form.querySelector("[data-by-hand]");
    link.hidden = Boolean(popup) || !ticket;
    if (ticket) link.querySelector("a").href = ticket.window;
    form.querySelector("[data-no-ticket]").hidden = Boolean(ticket);
    await waitUntilConnected(form.dataset.connect, go, signal);
  }, { signal });
}

let waiting = false;

async function waitUntilConnected(address, go, signal) {
  if (waiting) return;
  waiting = true;
  signal.addEventListener("abort", () => { waiting = false; }, { once: true });
  while (!signal.aborted) {
    await pause(document.hidden ? 5_000 : 1_500, signal);
    const answer = signal.aborted ? null : await askForJson(address, { signal });
    if (answer?.connected && !signal.aborted) return go(answer.location, { push: true });
  }
}

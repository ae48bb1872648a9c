// Watches a reading of Canvas: numbers on the page, each quarter for a screen reader, then on by itself.

import * as canvas from "./canvas.mjs";
import { askForJson } from "./session.mjs";

export const pause = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });

export async function watchReading(place, go, signal) {
  let quarter = 0;
  while (!signal.aborted) {
    await pause(document.hidden ? 5_000 : 700, signal);
    const answer = signal.aborted ? null : await askForJson(place.dataset.reading, { signal });
    if (signal.aborted || !answer) continue;
    if (answer.over) return go(location.href, { push: false });
    place.innerHTML = answer.html;
    quarter = sayQuarter(quarter, answer);
  }
}

/** Say how far it is when another quarter is done, here and through Canvas; gives the quarter. */
export function sayQuarter(before, { done, total, says, quietly = false }) {
  const now = Math.floor((4 * done) / Math.max(1, total));
  if (now > before && now < 4 && !quietly) {
    document.getElementById("announcer").textContent = says;
    canvas.readAloud(says);
  }
  return Math.max(before, now);
}

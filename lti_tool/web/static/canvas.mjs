// Messages to Canvas around the frame: height, scrolling, alerts. Canvas's mobile apps answer none of them,
// so nothing here is waited for. Where to send and the launch's token come with each private page.

let platform = null;

/** Take origin and token from a page's <main>; pages without them (the shell, errors) change nothing. */
export function meet(main) {
  if (main.dataset.platform) platform = { origin: main.dataset.platform, token: main.dataset.messageToken };
}

function tell(subject, fields) {
  const canvas = window.parent !== window ? window.parent : window.opener;
  if (!platform || !canvas) return;
  const message = { subject, ...fields };
  if (platform.token) message.token = platform.token;
  canvas.postMessage(message, platform.origin);
}

let lastHeight = 0;

/** Ask for as much height as the page has. */
export function fit() {
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  if (height === lastHeight) return;
  lastHeight = height;
  tell("lti.frameResize", { height });
}

export const scrollToTop = () => tell("lti.scrollToTop", {});
export const showAlert = (body, alertType = "success") => tell("lti.showAlert", { body, alertType, title: document.querySelector("h1")?.textContent ?? "" });
export const readAloud = (body) => tell("lti.screenReaderAlert", { body });

new ResizeObserver(fit).observe(document.documentElement);

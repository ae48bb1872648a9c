// The course page's side of an embedded tool: answers the window messages that Canvas answers.
// Only the frame of the tool is listened to; the answer goes back to the origin that asked.

import { answerStorage, storageSubjects } from "./platform-storage.js";

const frame = document.getElementById("tool-frame");
const alerts = document.getElementById("tool-alerts");
const spoken = document.getElementById("tool-announcements");
const settings = JSON.parse(frame.dataset.settings);
const MAX_HEIGHT = 50000;

function resize({ height, token }) {
  if (token !== undefined && token !== settings.post_message_token) {
    return { error: { code: "wrong_token", message: "The token is not the one of this launch." } };
  }
  const wanted = Number.parseFloat(height);
  if (!Number.isFinite(wanted) || wanted <= 0) {
    return { error: { code: "bad_request", message: "height must be a number of pixels above 0." } };
  }
  frame.style.height = `${Math.min(wanted, MAX_HEIGHT)}px`;
  return {};
}

function scrollToTop() {
  frame.scrollIntoView({ block: "start" });
  return {};
}

function showAlert({ body, alertType, title }) {
  const kind = ["success", "warning", "error"].includes(alertType) ? alertType : "success";
  const text = typeof body === "string" ? body : JSON.stringify(body ?? "");
  const box = document.createElement("div");
  box.className = `alert alert-${kind}`;
  box.setAttribute("role", kind === "error" ? "alert" : "status");
  const name = document.createElement("strong");
  name.textContent = `${title || settings.tool_name}: `;
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Dismiss";
  close.addEventListener("click", () => box.remove());
  box.append(name, text, " ", close);
  alerts.append(box);
  return {};
}

function announce({ body }) {
  spoken.textContent = typeof body === "string" ? body : JSON.stringify(body ?? "");
  return {};
}

function windowSize() {
  const box = frame.getBoundingClientRect();
  return {
    height: window.innerHeight,
    width: window.innerWidth,
    offset: { top: box.top + window.scrollY, left: box.left + window.scrollX },
    footer: 0,
    scrollY: window.scrollY,
  };
}

function pageSettings() {
  const { locale, time_zone, use_high_contrast, active_brand_config_json_url, width_class } = settings;
  return { pageSettings: { locale, time_zone, use_high_contrast, active_brand_config_json_url, width_class } };
}

// Where the storage messages belong: the sibling frame, this window ("_parent"), or nowhere.
function storageCapabilities() {
  if (settings.storage_target === null) {
    return [];
  }
  return storageSubjects.map((subject) =>
    settings.storage_target === "_parent" ? { subject } : { subject, frame: settings.storage_target },
  );
}

function capabilities() {
  const own = Object.keys(handlers).map((subject) => ({ subject }));
  return { supported_messages: [...own, ...storageCapabilities()] };
}

function replyTo(message, origin) {
  if (Object.hasOwn(handlers, message.subject)) {
    return handlers[message.subject](message);
  }
  if (settings.storage_target === "_parent" && storageSubjects.includes(message.subject)) {
    return answerStorage(message, origin);
  }
  return null;
}

const handlers = {
  "lti.capabilities": capabilities,
  "lti.fetchWindowSize": windowSize,
  "lti.frameResize": resize,
  "lti.getPageSettings": pageSettings,
  "lti.screenReaderAlert": announce,
  "lti.scrollToTop": scrollToTop,
  "lti.showAlert": showAlert,
};

window.addEventListener("message", (event) => {
  const message = event.data;
  if (event.source !== frame.contentWindow || typeof message !== "object" || message === null) {
    return;
  }
  const reply = replyTo(message, event.origin);
  if (reply !== null) {
    const subject = `${message.subject}.response`;
    event.source.postMessage({ subject, message_id: message.message_id, ...reply }, event.origin);
  }
});

// Listening comes first: a quick tool may speak before this page has finished.
document.querySelector("form[data-launch]").submit();

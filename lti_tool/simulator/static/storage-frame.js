// The sibling frame `post_message_forwarding`: where a tool sends its platform storage messages.

import { answerStorage, storageSubjects } from "./platform-storage.js";

function answer(event) {
  const message = event.data;
  if (typeof message !== "object" || message === null) {
    return;
  }
  let body = null;
  if (message.subject === "lti.capabilities") {
    body = { supported_messages: storageSubjects.map((subject) => ({ subject })) };
  } else if (storageSubjects.includes(message.subject)) {
    body = answerStorage(message, event.origin);
  }
  if (body !== null) {
    const subject = `${message.subject}.response`;
    event.source.postMessage({ subject, message_id: message.message_id, ...body }, event.origin);
  }
}

// What a tool sends before a frame has loaded is lost. The switch makes that time long enough to meet it.
const deafFor = Number(document.body.dataset.deafFor);
setTimeout(() => window.addEventListener("message", answer), deafFor);

// The platform's storage (LTI Client Side postMessages 1.0): lti.put_data and lti.get_data to a named frame
// beside this one, or to the parent itself. An answer can be lost while that frame is not ready, so each
// message is sent again until it is answered, for some seconds at most.

const EVERY_MS = 250;
const AT_MOST_MS = 4000;

function frameOf(target) {
  if (target === "_parent") return window.parent;
  const canvas = window.parent !== window ? window.parent : window.opener;
  try {
    return canvas?.frames[target] ?? null;
  } catch {
    return null;
  }
}

function talk(target, origin, message) {
  const id = crypto.randomUUID();
  return new Promise((resolve) => {
    const listen = (event) => {
      const answer = event.data;
      if (event.origin !== origin || answer?.message_id !== id || answer.subject !== `${message.subject}.response`) return;
      finish(answer.error ? null : answer);
    };
    const send = () => frameOf(target)?.postMessage?.({ ...message, message_id: id }, origin);
    const again = setInterval(send, EVERY_MS);
    const over = setTimeout(() => finish(null), AT_MOST_MS);
    function finish(answer) {
      clearInterval(again);
      clearTimeout(over);
      window.removeEventListener("message", listen);
      resolve(answer);
    }
    window.addEventListener("message", listen);
    send();
  });
}

const key = (label) => `peer-allocator-${label}`;

/** Whether the platform confirmed that it keeps the binding. */
export async function put(target, origin, label, value) {
  return (await talk(target, origin, { subject: "lti.put_data", key: key(label), value })) !== null;
}

/** The binding that the platform kept, or null; it is deleted there. */
export async function take(target, origin, label) {
  const answer = await talk(target, origin, { subject: "lti.get_data", key: key(label) });
  if (answer?.value == null) return null;
  frameOf(target)?.postMessage({ subject: "lti.put_data", key: key(label), value: null, message_id: crypto.randomUUID() }, origin);
  return answer.value;
}

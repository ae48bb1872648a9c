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

/** `origins`: the addresses that the other side may have, with a space between; it has one of them. */
function talk(target, origins, message) {
  const known = origins.split(" ");
  const id = crypto.randomUUID();
  return new Promise((resolve) => {
    const listen = (event) => {
      const answer = event.data;
      if (!known.includes(event.origin) || answer?.message_id !== id || answer.subject !== `${message.subject}.response`) return;
      finish(answer.error ? null : answer);
    };
    const send = () => tell(target, known, { ...message, message_id: id });
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

/** A browser delivers a message only to a page that is at the given address. */
function tell(target, known, message) {
  for (const origin of known) frameOf(target)?.postMessage?.(message, origin);
}

/** Whether the platform confirmed that it keeps the binding. */
export async function put(target, origin, label, value) {
  return (await talk(target, origin, { subject: "lti.put_data", key: key(label), value })) !== null;
}

/** The binding that the platform kept, or null; it is deleted there. */
export async function take(target, origin, label) {
  const answer = await talk(target, origin, { subject: "lti.get_data", key: key(label) });
  if (answer?.value == null) return null;
  tell(target, origin.split(" "), { subject: "lti.put_data", key: key(label), value: null, message_id: crypto.randomUUID() });
  return answer.value;
}

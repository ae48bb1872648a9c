// Platform storage as Canvas offers it to LTI tools: lti.put_data and lti.get_data.
// Each origin sees only what it wrote itself. Everything lives in the page's memory and is gone when it is left.

const MAX_KEYS = 500;
const MAX_CHARACTERS = 4096;

const stores = new Map();

function storeOf(origin) {
  if (!stores.has(origin)) {
    stores.set(origin, new Map());
  }
  return stores.get(origin);
}

function refuse(code, message) {
  return { error: { code, message } };
}

function put(origin, { key, value }) {
  if (typeof key !== "string" || key === "") {
    return refuse("bad_request", "lti.put_data needs a key.");
  }
  const store = storeOf(origin);
  if (value === null || value === undefined) {
    store.delete(key);
    return { key, value: null };
  }
  if (!store.has(key) && store.size >= MAX_KEYS) {
    return refuse("storage_exhaustion", `A tool may keep at most ${MAX_KEYS} keys.`);
  }
  if (key.length + String(value).length > MAX_CHARACTERS) {
    return refuse("storage_exhaustion", `Key and value together may have at most ${MAX_CHARACTERS} characters.`);
  }
  store.set(key, String(value));
  return { key, value: String(value) };
}

function get(origin, { key }) {
  if (typeof key !== "string" || key === "") {
    return refuse("bad_request", "lti.get_data needs a key.");
  }
  const store = storeOf(origin);
  return { key, value: store.has(key) ? store.get(key) : null };
}

const handlers = { "lti.put_data": put, "lti.get_data": get };

export const storageSubjects = Object.keys(handlers);

// The answer to one storage message, without its subject and id.
export function answerStorage(message, origin) {
  if (typeof message.message_id !== "string" || message.message_id === "") {
    return refuse("bad_request", "message_id is missing.");
  }
  return handlers[message.subject](origin, message);
}
